"""View: one window of a state, arranged for reading; made once between two changes of the state."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from services.insights.metrics.cell import CELL_BITS, NAMED, Cell, cell_of
from services.insights.metrics.defaults import LENSES, Defaults, first_day
from services.insights.metrics.figure import Figure
from services.insights.metrics.life import PARTY_BITS, LifeTables
from services.insights.metrics.tables import (
    PERSON_BITS,
    RECEIPT_BITS,
    ReceiptCell,
    receipt_cell,
    unpaired,
)
from services.insights.metrics.window import Window

CELL_MASK = (1 << CELL_BITS) - 1
RECEIPT_MASK = (1 << RECEIPT_BITS) - 1
PERSON_MASK = (1 << PERSON_BITS) - 1


class Receipt(NamedTuple):
    """All that one person received in one way; ``weight``: a pair of millionths."""

    person: int
    cell: ReceiptCell
    weight: int


@dataclass(slots=True)
class Gifts:
    """All that was given in one cell: giver -> contributions and minutes, a pair; and the sums."""

    of: dict[int, int] = field(default_factory=dict)
    contributions: int = 0
    minutes: int = 0


@dataclass(slots=True)
class Sum:
    """``weight`` in the units of a lens, over ``contributions`` of ``givers``."""

    weight: int = 0
    contributions: int = 0
    cells: list[dict[int, int]] = field(default_factory=list)

    @property
    def givers(self) -> set[int]:
        return set().union(*self.cells)

    def fewer_givers_than(self, k: int) -> bool:
        """Whether fewer than ``k`` givers are behind it; nobody is counted twice."""
        return all(len(cell) < k for cell in self.cells) and len(self.givers) < k


@dataclass(eq=False)
class View:
    """``tables``: of the window; ``whole``: of the life window; ``day``: as of which.

    ``read``: the figures that were read from it, by lens; "" for those that have none. An entry
    below zero is a retraction whose act is still to come, out of quarantine say: it is no evidence.
    """

    window: str
    tables: Window
    whole: Window
    life: LifeTables
    day: int
    defaults: Defaults
    read: dict[str, dict[str, Figure]] = field(default_factory=dict)

    @property
    def first_day(self) -> int | None:
        return first_day(self.window, self.day)

    @cached_property
    def gifts(self) -> dict[Cell, Gifts]:
        found: dict[int, dict[int, int]] = {}
        for key, amount in self.tables.given.items():
            if amount > 0:
                found.setdefault(key & CELL_MASK, {})[key >> CELL_BITS] = amount
        return {
            cell_of(number): Gifts(givers, *unpaired(sum(givers.values())))
            for number, givers in found.items()
        }

    @cached_property
    def receipts(self) -> list[Receipt]:
        return [
            Receipt(key >> RECEIPT_BITS, receipt_cell(key & RECEIPT_MASK), weight)
            for key, weight in self.tables.receipts.items()
            if weight > 0
        ]

    @cached_property
    def edges(self) -> list[tuple[int, int]]:
        return [
            (key >> PERSON_BITS, key & PERSON_MASK)
            for key, acts in self.tables.edges.items()
            if acts > 0
        ]

    def sum(self, lens: str, where: Callable[[Cell], bool]) -> Sum:
        """Return what was contributed in the cells that ``where`` holds for."""
        result = Sum()
        for cell, gifts in self.gifts.items():
            if where(cell):
                result.contributions += gifts.contributions
                result.weight += gifts.minutes if lens == "minutes" else gifts.contributions
                result.cells.append(gifts.of)
        return result

    def weights(self, lens: str, where: Callable[[Cell], bool]) -> Counter[int]:
        """Return giver -> weight of what each gave in the cells that ``where`` holds for."""
        pairs: Counter[int] = Counter()
        for cell, gifts in self.gifts.items():
            if where(cell):
                for giver, amount in gifts.of.items():
                    pairs[giver] += amount
        place = LENSES.index(lens)
        return Counter({giver: unpaired(amount)[place] for giver, amount in pairs.items()})

    def givers(self, where: Callable[[Cell], bool]) -> set[int]:
        """Return who gave in the cells that ``where`` holds for."""
        return {giver for cell, gifts in self.gifts.items() if where(cell) for giver in gifts.of}

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
        return self.givers(lambda cell: cell.lay and not cell.group)

    @cached_property
    def acting_lay(self) -> set[int]:
        """Persons who gave an act with a lay stamp."""
        return self.givers(lambda cell: cell.lay and cell.gift_of_person)

    def days_of(self, person: int) -> set[int]:
        """Return the days of a person's contributions, up to the as-of day."""
        return {stamped >> 1 for stamped in self.life.days[person]}

    @cached_property
    def ever_received(self) -> set[int]:
        """Persons who were ever helped in this service, up to the as-of day."""
        life = self.whole.receipts
        return {
            key >> RECEIPT_BITS
            for key, weight in life.items()
            if weight > 0 and receipt_cell(key & RECEIPT_MASK).help
        }

    @cached_property
    def lay_ever(self) -> set[int]:
        """Persons with a contribution stamped lay, up to the as-of day."""
        return {
            key >> CELL_BITS
            for key, amount in self.whole.given.items()
            if amount > 0 and (cell := cell_of(key & CELL_MASK)).lay and not cell.group
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
