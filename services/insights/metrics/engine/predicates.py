"""Predicates: conditions on gifts and on receipts, each of which holds for some cells.

A predicate is a number, so that what holds for a cell is found once for every snapshot to come.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import fields
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar

from services.insights.metrics.engine.dimensions import (
    ACT,
    COMMISSION,
    DELIVER,
    DESIGN,
    EVERY_PARTY_KNOWN,
    NAMED,
    NOBODY_NAMED,
    OPINION,
    SOME_PARTY_KNOWN,
    TOO_MANY_NAMED,
    Cell,
    cell_of,
)
from services.insights.metrics.engine.tables import ReceiptCell, receipt_cell

Question: TypeAlias = int
C = TypeVar("C")


class _Known(Container[Any]):
    """Holds every value that a field can have, but not the blank."""

    def __contains__(self, value: object) -> bool:
        return bool(value)


KNOWN = _Known()


class Predicates(Generic[C]):
    """The predicates on one sort of cell, in the order in which they were declared."""

    def __init__(self, sort: type[C], cell_of: Callable[[int], C]) -> None:
        self._names = {one.name for one in fields(sort)}  # type: ignore[arg-type]
        self._cell_of = cell_of
        self._declared: dict[tuple[tuple[str, Container[Any]], ...], Question] = {}
        self.of = cache(self._of)

    def __len__(self) -> int:
        return len(self._declared)

    def where(self, **conditions: Any) -> Question:
        """Return the predicate that asks each dimension for a value, or for one of several.

        Equal conditions are one predicate.
        """
        if unknown := conditions.keys() - self._names:
            raise TypeError(f"there is no dimension {', '.join(sorted(unknown))}")
        wanted = tuple(
            (name, value if isinstance(value, tuple | _Known) else (value,))
            for name, value in sorted(conditions.items())
        )
        self.of.cache_clear()  # what held for a cell so far was found without this one
        return self._declared.setdefault(wanted, len(self._declared))

    def _of(self, number: int) -> frozenset[Question]:
        """Return the predicates that hold for a cell."""
        cell = self._cell_of(number)
        return frozenset(
            question for wanted, question in self._declared.items() if _holds(cell, wanted)
        )


def _holds(cell: object, wanted: Iterable[tuple[str, Container[Any]]]) -> bool:
    return all(getattr(cell, name) in values for name, values in wanted)


GIFTS = Predicates(Cell, cell_of)
RECEIPTS = Predicates(ReceiptCell, receipt_cell)
gifts = GIFTS.where
receipts = RECEIPTS.where


def acts(**conditions: Any) -> Question:
    return gifts(mode=ACT, **conditions)


EVERYTHING = gifts()
LAY = gifts(lay=True)
OF_PARTY = {party: gifts(party=party) for party in (1, 2, 3)}
OF_PEOPLE = gifts(group=False)
OF_LAY_PEOPLE = gifts(lay=True, group=False)
BY_ACT = acts()
ACTS = acts(group=False)
LAY_ACTS = acts(lay=True, group=False)
DELIVERY = acts(phase=DELIVER)
DELIVERY_TO_UNKNOWN = acts(phase=DELIVER, reach=(NOBODY_NAMED, TOO_MANY_NAMED))
LAY_DELIVERY = acts(phase=DELIVER, lay=True)
LAY_DELIVERY_TO_UNKNOWN = acts(phase=DELIVER, lay=True, reach=(NOBODY_NAMED, TOO_MANY_NAMED))
PLANNING = acts(phase=(COMMISSION, DESIGN))
LAY_PLANNING = acts(phase=(COMMISSION, DESIGN), lay=True)
LAY_OPINION = gifts(mode=OPINION, lay=True)
OPINION_OF_LAY_PEOPLE = gifts(mode=OPINION, lay=True, group=False)
TIMED_BY_ACT = acts(timed=True)
TIMED = gifts(timed=True)
ACTS_TO_KNOWN = acts(group=False, reach=NAMED, known=(SOME_PARTY_KNOWN, EVERY_PARTY_KNOWN))
HELPED = receipts(help=True)
FROM_PEOPLE = receipts(from_group=False)
LAY_FROM_PEOPLE = receipts(lay=True, from_group=False)

FIELDS: dict[str, Question | None] = {
    "party": gifts(party=KNOWN),
    "minutes": TIMED,
    "phase": gifts(phase=KNOWN),
    "mode": gifts(mode=KNOWN),
    "receivers": gifts(reach=(NAMED, TOO_MANY_NAMED)),
    "receiver_party": gifts(known=EVERY_PARTY_KNOWN),
    "episode": gifts(episode=True),
    "kind": gifts(kind=True),
    "scope": gifts(scope=KNOWN),
    "affiliation": None,
}
"""The gifts that carry each field; None: whether they do depends on more than the gift."""
