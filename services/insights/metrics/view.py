"""View: one window of a state, arranged for reading; made once between two changes of the state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from services.insights.metrics.cell import CELL_BITS, NAMED, Cell, cell_of
from services.insights.metrics.defaults import Defaults, first_day
from services.insights.metrics.life import PARTY_BITS, LifeTables
from services.insights.metrics.tables import (
    PERSON_BITS,
    RECEIPT_BITS,
    ReceiptCell,
    WindowTables,
    receipt_cell,
)

CELL_MASK = (1 << CELL_BITS) - 1
RECEIPT_MASK = (1 << RECEIPT_BITS) - 1
PERSON_MASK = (1 << PERSON_BITS) - 1


class Gift(NamedTuple):
    """All contributions of one giver in one cell."""

    giver: int
    cell: Cell
    contributions: int
    minutes: int


class Receipt(NamedTuple):
    """All that one person received in one way; weights in millionths."""

    person: int
    cell: ReceiptCell
    weight_count: int
    weight_minutes: int


@dataclass(slots=True)
class Sum:
    """``weight`` in the units of a lens, over ``contributions`` of ``givers``."""

    weight: int = 0
    contributions: int = 0
    givers: set[int] = field(default_factory=set)


@dataclass(eq=False)
class View:
    """``tables``: of the window; ``whole``: of the life window; ``day``: as of which."""

    window: str
    tables: WindowTables
    whole: WindowTables
    life: LifeTables
    day: int
    defaults: Defaults

    @property
    def first_day(self) -> int | None:
        return first_day(self.window, self.day)

    @cached_property
    def gifts(self) -> list[Gift]:
        return [
            Gift(key >> CELL_BITS, cell_of(key & CELL_MASK), contributions, minutes)
            for key, (contributions, minutes) in self.tables.given.items()
        ]

    @cached_property
    def receipts(self) -> list[Receipt]:
        return [
            Receipt(key >> RECEIPT_BITS, receipt_cell(key & RECEIPT_MASK), acts, minutes)
            for key, (_, acts, minutes) in self.tables.receipts.items()
        ]

    @cached_property
    def edges(self) -> list[tuple[int, int]]:
        return [(key >> PERSON_BITS, key & PERSON_MASK) for key in self.tables.edges]

    @cached_property
    def _cells(self) -> dict[Cell, tuple[int, int, set[int]]]:
        cells: dict[Cell, tuple[int, int, set[int]]] = {}
        for giver, cell, contributions, minutes in self.gifts:
            before = cells.get(cell)
            if before is None:
                cells[cell] = (contributions, minutes, {giver})
            else:
                before[2].add(giver)
                cells[cell] = (before[0] + contributions, before[1] + minutes, before[2])
        return cells

    def sum(self, lens: str, where: Callable[[Cell], bool]) -> Sum:
        """Return what was contributed in the cells that ``where`` holds for."""
        result = Sum()
        for cell, (contributions, minutes, givers) in self._cells.items():
            if where(cell):
                result.contributions += contributions
                result.weight += minutes if lens == "minutes" else contributions
                result.givers |= givers
        return result

    def sum_of(self, lens: str, where: Callable[[Cell], bool], by: Callable[[int], bool]) -> Sum:
        """Return the same of those givers alone that ``by`` holds for."""
        result = Sum()
        for giver, cell, contributions, minutes in self.gifts:
            if where(cell) and by(giver):
                result.contributions += contributions
                result.weight += minutes if lens == "minutes" else contributions
                result.givers.add(giver)
        return result

    @cached_property
    def everything(self) -> Sum:
        return self.sum("count", lambda _: True)

    @cached_property
    def timed(self) -> int:
        """How many contributions carry minutes."""
        return self.sum("count", lambda cell: cell.timed).contributions

    @cached_property
    def minutes_missing(self) -> bool:
        return self.timed < self.defaults.timed_share * self.everything.contributions

    @cached_property
    def lens(self) -> str:
        """The verdict's lens: minutes where enough contributions carry them, else counts."""
        if self.everything.contributions == 0 or self.minutes_missing:
            return "count"
        return "minutes"

    @cached_property
    def lay_givers(self) -> set[int]:
        """Persons with a contribution stamped lay."""
        return {gift.giver for gift in self.gifts if gift.cell.lay and not gift.cell.group}

    def lay_weights(self, lens: str) -> Iterator[tuple[int, int]]:
        """Yield (person, weight) of what persons gave with a lay stamp, cell by cell."""
        for giver, cell, contributions, minutes in self.gifts:
            if cell.lay and not cell.group:
                yield giver, (minutes if lens == "minutes" else contributions)

    def days_of(self, person: int) -> set[int]:
        """Return the days of a person's contributions, up to the as-of day."""
        return {stamped >> 1 for stamped in self.life.days[person]}

    @cached_property
    def ever_received(self) -> set[int]:
        """Persons who were ever helped in this service, up to the as-of day."""
        life = self.whole.receipts
        return {key >> RECEIPT_BITS for key in life if receipt_cell(key & RECEIPT_MASK).help}

    @cached_property
    def lay_ever(self) -> set[int]:
        """Persons with a contribution stamped lay, up to the as-of day."""
        return {
            key >> CELL_BITS
            for key in self.whole.given
            if (cell := cell_of(key & CELL_MASK)).lay and not cell.group
        }

    @cached_property
    def seen_lay_ever(self) -> set[int]:
        """Persons ever stamped lay here as giver or receiver, up to the as-of day."""
        return self.lay_ever | self.life.stamped_lay.keys()

    @cached_property
    def registered_lay(self) -> set[int]:
        """Persons ever registered as lay here, up to the as-of day."""
        mask = (1 << PARTY_BITS) - 1
        return {key >> PARTY_BITS for key in self.life.roles if key & mask in (2, 3)}

    def unknown_receivers(self, lens: str) -> tuple[int, int] | None:
        """Return (weight to nobody known, weight) of lay delivery acts, of all where none are lay.

        None where there are no delivery acts.
        """
        delivery = self.sum(lens, lambda cell: cell.delivery and cell.lay)
        lay = bool(delivery.contributions)
        if not lay:
            delivery = self.sum(lens, lambda cell: cell.delivery)
        if not delivery.contributions:
            return None
        unknown = self.sum(
            lens, lambda cell: cell.delivery and cell.lay is lay and cell.reach != NAMED
        )
        return unknown.weight, delivery.weight

    def receivers_unknown(self, lens: str) -> bool:
        """Whether too little is known of who received for anything to be said of exchange."""
        found = self.unknown_receivers(lens)
        return found is None or found[0] > self.defaults.unknown_share * found[1]

    @cached_property
    def evidence_count(self) -> int:
        return self.everything.contributions + self.tables.power[0]

    @cached_property
    def evidence_givers(self) -> int:
        """Distinct givers; or the voters of one decision where those are more (nobody twice)."""
        return max(len(self.everything.givers), *self.tables.voters, 0)

    @cached_property
    def evidence_days(self) -> int:
        """Days from the first to the last evidence of the service's life, both included."""
        days = self.life.evidence
        return max(days) - min(days) + 1 if days else 0

    @cached_property
    def below_floor(self) -> bool:
        return (
            self.evidence_count < self.defaults.floor_evidence
            or self.evidence_givers < self.defaults.floor_givers
            or self.evidence_days < self.defaults.floor_days
        )
