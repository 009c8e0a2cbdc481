"""The acts of one window as columns, and the words that the definitions single out."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tools.oracle.history import Data, day

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
EDGE_RECEIVERS_MAX = 50
NO_RECEIPT = {"train", "facilitate", "connect"}
LAY = ("user", "family_social")


class Acts:
    """The acts of one window as columns; row i of every column is the same act."""

    def __init__(self, acts: Sequence[Data]) -> None:
        def flag(test: Callable[[Data], bool]) -> Bools:
            return np.fromiter((test(act) for act in acts), dtype=bool, count=len(acts))

        self.rows = acts
        self.giver = np.array([act["giver_id"] for act in acts], dtype=object)
        self.person = flag(lambda act: act.get("giver_kind", "person") == "person")
        self.lay = flag(lambda act: act["giver_party"] in LAY)
        self.act = flag(lambda act: act.get("mode") == "act")
        self.opinion = flag(lambda act: act.get("mode") == "opinion")
        self.day = np.array([day(act["occurred_at"]) for act in acts], dtype=np.int64)
        self.minutes = np.array([act.get("minutes") or 0 for act in acts], dtype=np.int64)
        self.timed = flag(lambda act: act.get("minutes") is not None)
        self.receivers = [_receivers(act) for act in acts]
        self.known = np.array(
            [0 < len(found) <= EDGE_RECEIVERS_MAX for found in self.receivers], dtype=bool
        )
        self.org = np.array([act.get("giver_org") for act in acts], dtype=object)

    @cached_property
    def received(self) -> set[str]:
        """Everybody who received anything."""
        return {receiver for _, receiver, _ in self.receipts(counted_as_received=True)}

    def phase(self, *names: str) -> Bools:
        return self.says("phase", *names)

    def says(self, field: str, *words: str) -> Bools:
        """Where a field is one of the words; without words, where it is not blank."""
        told = [act.get(field) for act in self.rows]
        return np.array([word in words or (not words and bool(word)) for word in told], dtype=bool)

    def party(self, name: str) -> Bools:
        return np.array([act["giver_party"] == name for act in self.rows], dtype=bool)

    def givers(self, where: Bools) -> set[str]:
        return set(self.giver[where])

    def weight(self, lens: str) -> Ints:
        return np.ones(len(self.rows), dtype=np.int64) if lens == "count" else self.minutes

    def receipts(self, *, counted_as_received: bool) -> Iterable[tuple[int, str, str | None]]:
        """Yield (row, receiver, party) of acts with named receivers that are not group gifts."""
        for row, found in enumerate(self.receivers):
            teaches = self.rows[row].get("kind") in NO_RECEIPT
            if not self.act[row] or len(found) > EDGE_RECEIVERS_MAX:
                continue
            if counted_as_received and teaches:
                continue
            for receiver, party in found:
                yield row, receiver, party


def _receivers(act: Data) -> list[tuple[str, str | None]]:
    found: dict[str, str | None] = {}
    for receiver in act.get("receivers", ()):
        if receiver["participant_id"] != act["giver_id"]:
            found.setdefault(receiver["participant_id"], receiver.get("party"))
    return list(found.items())
