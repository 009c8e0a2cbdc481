"""View: one window of a state, arranged for reading; made once between two changes of the state."""

from collections.abc import Callable, Hashable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.predicates import Question
from services.insights.metrics.engine.tables import SOURCE_BITS, halves
from services.insights.metrics.engine.tenure import Lifetime
from services.insights.metrics.engine.window import Window
from services.insights.metrics.figure import Figure
from services.insights.metrics.thresholds import Thresholds, first_day

T = TypeVar("T")


@dataclass(eq=False)
class View:
    """``tables``: of the window; ``whole``: of the life window; ``day``: as of which.

    ``read``: the figures that were read from it, by lens; "" for those without one.
    ``shared``: what was found in it but depends neither on that day nor on its name, and so is true
    of each window that holds the same.
    """

    window: str
    tables: Window
    whole: Window
    lifetime: Lifetime
    day: int
    thresholds: Thresholds
    shared: dict[Hashable, Any]
    read: dict[str, dict[str, Figure]] = field(default_factory=dict)
    dated: dict[str, Figure] = field(default_factory=dict)

    def once(self, what: Hashable, find: Callable[[], T]) -> T:
        """Return what ``find`` finds, which must not depend on the window's name or first day."""
        if what not in self.shared:
            self.shared[what] = find()
        found: T = self.shared[what]
        return found

    def found(self, lens: str, *, dated: bool) -> dict[str, Figure]:
        """Return the figures found so far in a lens, or of those that ask for the first day."""
        return self.dated if dated else self.once(lens, dict[str, Figure])

    @property
    def first_day(self) -> int | None:
        return first_day(self.window, self.day)

    def weight(self, lens: str, question: Question) -> int:
        """Return the weight of what was contributed in the cells that the question holds for."""
        return self._minutes[question] if lens == "minutes" else self._counts[question]

    def count(self, question: Question) -> int:
        """Return how many contributions there are in the cells that the question holds for."""
        return self._counts[question]

    @cached_property
    def _counts(self) -> list[int]:
        return halves(self.tables.given.totals, "count")

    @cached_property
    def _minutes(self) -> list[int]:
        return halves(self.tables.given.totals, "minutes")

    def cases(self, lens: str, question: Question) -> int:
        """Return how many contributions of the same weight would tell as much (Kish 1965).

        In the minutes lens (Σm)²/Σm², rounded down; counts weigh the same.
        """
        if lens != "minutes":
            return self.count(question)
        total, squares = self._minutes[question], self.tables.squares.totals[question]
        return total * total // squares if squares > 0 else 0

    def weights(self, lens: str, question: Question) -> list[int]:
        """Return the weight of what each giver gave in the cells that the question holds for."""
        return halves(self.tables.given.people(question).values(), lens)

    def givers(self, question: Question) -> AbstractSet[int]:
        """Return who gave in the cells that the question holds for."""
        return self.tables.given.people(question).keys()

    def few_givers(self, question: Question) -> bool:
        """Whether fewer than k people gave in the cells that the question holds for."""
        return self.tables.given.fewer_than(self.thresholds.k, question)

    def few_but_some(self, question: Question) -> bool:
        """Whether so few people gave in those cells that what they gave would point at them."""
        return self.count(question) > 0 and self.few_givers(question)

    def receivers(self, question: Question) -> AbstractSet[int]:
        """Return who received in the cells that the question holds for."""
        return self.tables.received.people(question).keys()

    @cached_property
    def contributions(self) -> int:
        return self.count(q.EVERYTHING)

    @cached_property
    def minutes_missing(self) -> bool:
        """Whether too few acts carry minutes; of all contributions where none is an act."""
        needed, timed, whole = self.thresholds.timed_share, q.TIMED_BY_ACT, q.BY_ACT
        if not self.count(whole):
            timed, whole = q.TIMED, q.EVERYTHING
        return self.count(timed) * needed.denominator < needed.numerator * self.count(whole)

    @cached_property
    def lens(self) -> str:
        """The verdict's lens: minutes where enough contributions carry them, else counts."""
        return "count" if self.contributions == 0 or self.minutes_missing else "minutes"

    def from_strangers(self, lens: str, how: int) -> int:
        """Return the weight of what came in the name of organisations that are no providers.

        ``how``: bits of what is asked for, ``FROM_PROFESSIONAL`` and ``BY_ACT``.
        """
        providers = self.lifetime.providers
        found = sum(
            given
            for key, given in self.tables.organisations.items()
            if key & how == how and key >> SOURCE_BITS not in providers
        )
        (weight,) = halves([found], lens)
        return weight

    def affiliation_unknown(self, how: int) -> int:
        """Return how many contributions name organisations of which nothing is known.

        None is known while no organisation was ever linked: a professional of another one than the
        agency may well be staff of a provider.
        """
        return 0 if self.lifetime.ever_linked else self.from_strangers("count", how)

    @property
    def acting_lay(self) -> AbstractSet[int]:
        """Persons who gave an act with a lay stamp."""
        return self.givers(q.LAY_ACTS)

    @property
    def ever_received(self) -> AbstractSet[int]:
        """Persons who were ever helped in this service, up to the as-of day."""
        return self.whole.received.people(q.HELPED).keys()

    @property
    def lay_ever(self) -> AbstractSet[int]:
        """Persons with a contribution stamped lay, up to the as-of day."""
        return self.whole.given.people(q.OF_LAY_PEOPLE).keys()

    @property
    def lay_here(self) -> AbstractSet[int]:
        """Persons ever lay here, registered or stamped as giver or receiver, up to that day."""
        return self.lifetime.registered_lay | self.lay_ever | self.lifetime.received_lay

    def unknown_receivers(self, lens: str) -> tuple[int, int] | None:
        """Return (weight to nobody known, weight) of lay delivery acts, of all where none are lay.

        None where there are no delivery acts.
        """
        delivery, unknown = q.LAY_DELIVERY, q.LAY_DELIVERY_TO_UNKNOWN
        if not self.count(delivery):
            delivery, unknown = q.DELIVERY, q.DELIVERY_TO_UNKNOWN
        if not self.count(delivery):
            return None
        return self.weight(lens, unknown), self.weight(lens, delivery)

    def receivers_unknown(self, lens: str) -> bool:
        """Whether too little is known of who received for anything to be said of exchange."""
        found, most = self.unknown_receivers(lens), self.thresholds.unknown_share
        return found is None or found[0] * most.denominator > most.numerator * found[1]

    @cached_property
    def evidence_count(self) -> int:
        return self.contributions + self.tables.power[0]

    @cached_property
    def evidence_givers(self) -> int:
        """Distinct givers; or the voters of one decision where those are more (nobody twice)."""
        return max(len(self.givers(q.EVERYTHING)), *self.tables.voters, 0)

    @property
    def evidence_days(self) -> int:
        """Days from the first to the last evidence of the service's life, both included."""
        return self.lifetime.evidence_days

    @cached_property
    def below_floor(self) -> bool:
        return (
            self.evidence_count < self.thresholds.floor_evidence
            or self.evidence_givers < self.thresholds.floor_givers
            or self.evidence_days < self.thresholds.floor_days
        )
