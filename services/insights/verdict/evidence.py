"""What a verdict is decided on: the axes and shares of one window, as exact fractions."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.predicates import Question
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, wilson, within
from services.insights.metrics.figures import unheld
from services.insights.metrics.thresholds import PLANNING_WINDOW, Thresholds
from services.insights.verdict.side import SIDES, Seen, reaches


@dataclass(frozen=True, slots=True)
class Part:
    """A lay share of weight: ``numerator`` of ``denominator``, which rests on ``n`` cases.

    ``givers_short``: how many lay givers it is short of k; some, but fewer than k, and the share is
    ``held_back``: the rule asks only whether it reaches a tenth, and nothing states it.
    """

    numerator: int
    denominator: int
    n: int
    givers_short: int
    held_back: bool

    @property
    def exact(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.numerator, self.denominator, self.n)


@dataclass(frozen=True)
class Evidence:
    """The rule's input. ``d``, ``p``, ``e1b``, ``k1``, ``unknown``, ``opinion``: shares or None.

    ``d_held_back``, ``planning_held_back``: the shares of few lay people in delivery, and among the
    acts of planning. ``opinion_people``: lay persons with an opinion; ``resources``: some money is
    theirs to decide.
    """

    enough: bool
    d: Fraction | None
    p: Fraction | None
    d_held_back: Fraction | None
    planning_held_back: Fraction | None
    e1b: Fraction | None
    k1: Fraction | None
    unknown: Fraction | None
    opinion: Fraction | None
    opinion_people: int
    g2: Fraction | None
    resources: bool
    thresholds: Thresholds

    @cached_property
    def seen(self) -> Seen:
        limits = self.thresholds
        seen = Seen(
            enough=self.enough,
            asked=self.opinion_people >= limits.k,
            resources=self.resources,
            g2_reaches=_reaches(self.g2, limits.g2_shared),
            d_known=self.d_held_back is not None,
            d_few=_reaches(self.d_held_back, limits.band_low),
            planning_few=_reaches(self.planning_held_back, limits.band_low),
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
    votes, e1b, k1 = unheld(plan, "H1"), unheld(view, "E1b"), unheld(view, "K1", lens)
    unknown = view.weight(lens, q.LAY_DELIVERY_TO_UNKNOWN), view.weight(lens, q.LAY_DELIVERY)
    opinions = (view.count(q.LAY_OPINION), view.count(q.LAY))
    span = view.lifetime.evidence_span
    return Grounds(
        evidence=Evidence(
            enough=not view.below_floor,
            d=_shown(delivery),
            p=_mean(votes.exact, _shown(planning)),
            d_held_back=_held_back(delivery),
            planning_held_back=_held_back(planning),
            e1b=e1b.exact,
            k1=k1.exact,
            unknown=_fraction(unknown),
            opinion=_fraction(opinions),
            opinion_people=len(view.givers(q.OPINION_OF_LAY_PEOPLE)),
            g2=unheld(view, "G2").exact,
            resources=bool(unheld(view, "H3").exact),
            thresholds=view.thresholds,
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
    weight, n = view.weight(lens, whole), view.cases(lens, whole)
    if weight <= 0 or n <= 0:
        return None
    short = max(view.thresholds.k - len(view.givers(lay)), 0)
    numerator = within(view.weight(lens, lay), weight)
    return Part(numerator, weight, n, short, held_back=view.few_but_some(lay))


def _shown(part: Part | None) -> Fraction | None:
    return part.exact if part and not part.held_back else None


def _held_back(part: Part | None) -> Fraction | None:
    return part.exact if part and part.held_back else None


def _reaches(share: Fraction | None, threshold: Fraction) -> bool:
    return share is not None and reaches(share, threshold)


def _mean(*shares: Fraction | None) -> Fraction | None:
    known = [share for share in shares if share is not None]
    if len(known) == 1:
        return known[0]
    return sum(known, Fraction(0)) / len(known) if known else None


def _fraction(part: tuple[int, int]) -> Fraction | None:
    numerator, denominator = part
    return Fraction(within(numerator, denominator), denominator) if denominator > 0 else None
