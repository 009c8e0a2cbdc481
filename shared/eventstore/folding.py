"""Streams as states: folded once, and of long ones kept, so that only what came since is read.

An event is never changed, so the state at a version stays what it was. That it is a state of this
store is seen from the event that it ends with, which is read with those after it.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from shared.contracts.vocabulary import Message
from shared.eventstore.port import Recorded

LONG_FROM = 50  # events; a shorter stream is read in the time that it takes to remember it
KEPT_MAX = 1_000  # states of a few kilobytes each


class Fold(msgspec.Struct, frozen=True, gc=False):
    """How the events of a stream become its state."""

    initial: Any
    evolve: Callable[[Any, Message], Any]


class Folded(msgspec.Struct, frozen=True):
    """A stream up to ``version``, whose event is ``last``; ``partition`` is that of its events."""

    fold: Fold
    state: Any
    version: int = 0
    partition: int | None = None
    last: str | None = None

    def after(self, events: Sequence[Recorded]) -> "Folded":
        """Return it with the events that follow, in their order."""
        state, partition, evolve = self.state, self.partition, self.fold.evolve
        for recorded in events:
            state = evolve(state, recorded.event)
            if partition is None:  # a private event is in none
                partition = recorded.partition
        if not events:
            return self
        return Folded(self.fold, state, events[-1].version, partition, events[-1].event_id)


class StreamCache:
    """The long streams that were used last, by their ids."""

    def __init__(self, streams_max: int = KEPT_MAX) -> None:
        self._streams: OrderedDict[str, Folded] = OrderedDict()
        self._streams_max = streams_max

    def of(self, folds: Mapping[str, Fold]) -> dict[str, Folded]:
        """Return those of the streams that are kept as this fold has them."""
        return {
            stream_id: kept
            for stream_id, fold in folds.items()
            if (kept := self._streams.get(stream_id)) and kept.fold.evolve == fold.evolve
        }

    def keep(self, stream_id: str, folded: Folded) -> None:
        if folded.version < LONG_FROM:
            return
        self._streams[stream_id] = folded
        self._streams.move_to_end(stream_id)
        if len(self._streams) > self._streams_max:
            self._streams.popitem(last=False)

    def drop(self, stream_id: str) -> None:
        self._streams.pop(stream_id, None)
