"""Standing: how much of the log a state was folded from, as the receipt of a figure says it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.insights.metrics.engine.state import ServiceState
from services.insights.verdict.history import Held
from services.insights.verdict.lookback import Past
from shared.log.port import TopicPartition


@dataclass(frozen=True, slots=True)
class Standing:
    """``events``: how many events, up to the as-of day, made a fact of this service.

    ``positions``: of every partition the service's events are in, the last one that was folded.
    ``complete`` is false where this build knows types that were skipped when they came.
    """

    deployment: str
    events: int
    positions: Mapping[TopicPartition, int]
    complete: bool = True

    def receipt(self, as_of: date, definition_version: str) -> dict[str, Any]:
        """Return the receipt of figures read from this standing; a window is added to it."""
        positions = {
            f"{source.topic}/{source.partition}": position
            for source, position in sorted(self.positions.items())
        }
        return {
            "as_of": as_of.isoformat(),
            "definition_version": definition_version,
            "deployment": self.deployment,
            "events": self.events,
            "positions": positions,
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """A service as of a day, and how much of the log that is known from.

    ``held_before``: by window the class of the day before, and since when it held; None while that
    is not known. ``held_from``: for a snapshot's version, from how many events it was found.
    """

    state: ServiceState
    past: Past
    standing: Standing
    held_before: Callable[[str], Held | None] = lambda _window: None
    held_from: int = 0
