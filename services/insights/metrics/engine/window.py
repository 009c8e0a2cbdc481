"""Window: the tables of one window, formed on reading from the rings of days that it spans.

A fact is kept in one ring, however many windows hold its day: rings are what lies between the first
day of one window and that of the next longer one. So taking a fact costs the same for one window as
for all of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from services.insights.metrics.engine.dimensions import CELL_BITS
from services.insights.metrics.engine.populations import Account, Episodes, Network, Squares
from services.insights.metrics.engine.predicates import GIFTS, RECEIPTS
from services.insights.metrics.engine.tables import RECEIPT_BITS, Tables, add
from services.insights.metrics.thresholds import WINDOW_DAYS

T = TypeVar("T")
AGES = tuple(sorted(days for days in WINDOW_DAYS.values() if days is not None))
"""From how many days before the as-of day on each ring but the first begins."""
RINGS = len(AGES) + 1


def ring_of(age: int) -> int:
    """Return which ring holds a day that lies ``age`` days before the as-of day."""
    return bisect_right(AGES, age)


def rings_of(window: str) -> int:
    """Return how many rings, from the newest, a window spans."""
    days = WINDOW_DAYS[window]
    return RINGS if days is None else AGES.index(days) + 1


class Window:
    """The sums of several rings; see ``Tables``. Made when first read, and then kept up."""

    def __init__(self, rings: Sequence[Tables]) -> None:
        self._rings = rings
        self._kept: dict[Hashable, tuple[object, Any]] = {}

    def kept(self, what: Hashable, found_from: object, find: Callable[[], T]) -> T:
        """Return what ``find`` finds, or found last if that was from an equal ``found_from``.

        That must stand for all that ``find`` reads, but for the day and the thresholds; mostly it
        holds what an account has ``turned`` to, and compares by identity.
        """
        known = self._kept.get(what)
        if known is None or known[0] != found_from:
            known = self._kept[what] = found_from, find()
        found: T = known[1]
        return found

    @cached_property
    def given(self) -> Account:
        given = _sum([ring.given for ring in self._rings])
        return Account(given, CELL_BITS, GIFTS)

    @cached_property
    def squares(self) -> Squares:
        return Squares(_sum([ring.squares for ring in self._rings]), GIFTS)

    @cached_property
    def organisations(self) -> dict[int, int]:
        """What came in an organisation's name: organisation and how it gave -> pair."""
        return dict(_sum([ring.organisations for ring in self._rings]))  # a ring's may move on

    @cached_property
    def received(self) -> Account:
        receipts = _sum([ring.receipts for ring in self._rings])
        return Account(receipts, RECEIPT_BITS, RECEIPTS)

    @cached_property
    def network(self) -> Network:
        return Network(_sum([ring.edges for ring in self._rings]))

    @cached_property
    def episodes(self) -> Episodes:
        return Episodes(_sum([ring.episodes for ring in self._rings]))

    def move(self, changes: Tables) -> bool:
        """Be the window of another day, in whose rings this has changed; False: it can't be."""
        self._kept.clear()
        return self.take(changes)

    def take(self, changes: Tables) -> bool:
        """Take what has come into the rings meanwhile; False: the window must be made anew."""
        made = self.__dict__  # what was not read yet is made of the rings as they are by then
        if "given" in made:
            self.given.take(changes.given)
        if "squares" in made:
            self.squares.take(changes.squares)
        if "received" in made:
            self.received.take(changes.receipts)
        if "network" in made:
            self.network.take(changes.edges)
        if "episodes" in made:
            self.episodes.take(changes.episodes)
        for name, changed in (
            ("organisations", changes.organisations),
            ("voters", changes.voters),
            ("allocations", changes.allocations),
            ("power", any(changes.power)),
            ("flows", changes.flowed or changes.crossed),
        ):
            if changed:
                made.pop(name, None)
        return all(made[name].sound for name in ("given", "received", "network") if name in made)

    @cached_property
    def voters(self) -> dict[int, int]:
        return dict(_sum([ring.voters for ring in self._rings]))

    @cached_property
    def allocations(self) -> dict[int, list[int]]:
        whole = Tables()
        for ring in self._rings:
            for currency, amounts in ring.allocations.items():
                whole.allocate(currency, amounts)
        return whole.allocations

    @cached_property
    def flows(self) -> list[int]:
        """Pairs: what went from one party to another, and what went to a known party."""
        flows = ((ring.crossed, ring.flowed) for ring in self._rings)
        return [sum(parts) for parts in zip(*flows, strict=True)]

    @cached_property
    def power(self) -> list[int]:
        return [sum(parts) for parts in zip(*(ring.power for ring in self._rings), strict=True)]


def _sum(tables: Sequence[dict[int, int]]) -> dict[int, int]:
    some = sorted((table for table in tables if table), key=len)
    if not some:
        return {}
    *smaller, largest = some
    if not smaller:
        return largest
    whole = dict(largest)
    for table in smaller:
        for key, amount in table.items():
            add(whole, key, amount)
    return whole
