"""What a verdict is decided on: the axes and shares of one window, as exact fractions."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from services.insights.metrics import question as q
from services.insights.metrics.defaults import PLANNING_WINDOW, Defaults
from services.insights.metrics.delivery import complementary
from services.insights.metrics.exchange import gift_only, givers_who_receive
from services.insights.metrics.figure import Figure, wilson, within
from services.insights.metrics.power import resources, vote_power
from services.insights.metrics.question import Question
from services.insights.metrics.state import ServiceState
from services.insights.metrics.view import View
from services.insights.verdict_side import SIDES, Seen, reaches


@dataclass(frozen=True, slots=True)
class Part:
    """A share of weight as the rule reads it: ``numerator`` of ``denominator`` in ``n`` cases.

    ``givers``: distinct lay givers behind the numerator; fewer than k and the share reads as 0.
    """

    numerator: int
    denominator: int
    n: int
    givers: int
    read: Fraction

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.read.numerator, self.read.denominator, self.n)


@dataclass(frozen=True)
class Evidence:
    """The rule's input. ``d``, ``p``, ``e1b``, ``k1``, ``unknown``, ``opinion``: shares or None.

    ``opinion_people``: lay persons with an opinion; ``resources``: some money is theirs to decide.
    """

    enough: bool
    d: Fraction | None
    p: Fraction | None
    e1b: Fraction | None
    k1: Fraction | None
    unknown: Fraction | None
    opinion: Fraction | None
    opinion_people: int
    g2: Fraction | None
    resources: bool
    defaults: Defaults

    @cached_property
    def seen(self) -> Seen:
        limits = self.defaults
        seen = Seen(
            enough=self.enough,
            asked=self.opinion_people >= limits.k,
            resources=self.resources,
            g2_reaches=self.g2 is not None and reaches(self.g2, limits.g2_shared),
        )
        for quantity in SIDES:
            value: Fraction | None = getattr(self, quantity)
            if value is not None:
                seen = seen.moved(quantity, value, limits)
        return seen


@dataclass(frozen=True, slots=True)
class Grounds:
    """The evidence with what it was formed from, for intervals, flips and sentences.

    ``planning``: the acts' part of p; ``votes``: H1; ``exchanging``: lay persons who gave in the
    window and have ever received.
    """

    evidence: Evidence
    lens: str
    acts: int
    givers: int
    span_days: int
    last_day: int | None
    delivery: Part | None
    planning: Part | None
    votes: Figure
    e1b: Figure
    k1: Figure
    unknown: tuple[int, int]
    opinions: tuple[int, int]
    exchanging: int


def gather(state: ServiceState, window: str) -> Grounds:
    """Return what the verdict of one window rests on."""
    view, lens = state.view(window), state.view(window).lens
    plan = state.view(PLANNING_WINDOW[window])
    delivery = _part(view, lens, q.LAY_DELIVERY, q.DELIVERY)
    planning = _part(plan, lens, q.LAY_PLANNING, q.PLANNING)
    votes, e1b, k1 = vote_power(plan), givers_who_receive(view), gift_only(view, lens)
    unknown = view.weight(lens, q.LAY_DELIVERY_TO_UNKNOWN), view.weight(lens, q.LAY_DELIVERY)
    opinions = (view.count(q.LAY_OPINION), view.count(q.LAY))
    span = view.lifetime.evidence_span
    return Grounds(
        evidence=Evidence(
            enough=not view.below_floor,
            d=delivery.read if delivery else None,
            p=_mean(votes.exact, planning.read if planning else None),
            e1b=e1b.exact,
            k1=k1.exact,
            unknown=_fraction(unknown),
            opinion=_fraction(opinions),
            opinion_people=len(view.givers(q.OPINION_OF_LAY_PEOPLE)),
            g2=complementary(view).exact,
            resources=bool(resources(view).exact),
            defaults=view.defaults,
        ),
        lens=lens,
        acts=view.contributions,
        givers=view.evidence_givers,
        span_days=view.evidence_days,
        last_day=span[1] if span else None,
        delivery=delivery,
        planning=planning,
        votes=votes,
        e1b=e1b,
        k1=k1,
        unknown=unknown,
        opinions=opinions,
        exchanging=e1b.numerator or 0,
    )


def _part(view: View, lens: str, lay: Question, whole: Question) -> Part | None:
    """Return the lay part of a whole; None where the whole weighs nothing, or has no case."""
    weight, n = view.weight(lens, whole), view.count(whole)
    if weight <= 0 or n <= 0:
        return None
    numerator, givers = within(view.weight(lens, lay), weight), len(view.givers(lay))
    read = Fraction(0) if givers < view.defaults.k else Fraction(numerator, weight)
    return Part(numerator, weight, n, givers, read)


def _mean(*shares: Fraction | None) -> Fraction | None:
    known = [share for share in shares if share is not None]
    if len(known) == 1:
        return known[0]
    return sum(known, Fraction(0)) / len(known) if known else None


def _fraction(part: tuple[int, int]) -> Fraction | None:
    numerator, denominator = part
    return Fraction(within(numerator, denominator), denominator) if denominator > 0 else None
