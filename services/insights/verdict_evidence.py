"""What a verdict is decided on: the axes and shares of one window, as exact fractions."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from services.insights.metrics.cell import LAY, NAMED, OPINION, Cell
from services.insights.metrics.defaults import PLANNING_WINDOW, Defaults
from services.insights.metrics.delivery import complementary, delivered
from services.insights.metrics.exchange import gift_only, givers_who_receive
from services.insights.metrics.figure import Figure, wilson
from services.insights.metrics.power import resources, vote_power
from services.insights.metrics.state import ServiceState
from services.insights.metrics.view import Sum, View


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
        return wilson(self.read, self.n)


@dataclass(frozen=True, slots=True)
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
    delivery = _part(*delivered(view, lens), view.defaults.k)
    planning = _part(
        plan.sum(lens, lambda cell: cell.planning and cell.lay),
        plan.sum(lens, lambda cell: cell.planning),
        view.defaults.k,
    )
    votes, e1b, k1 = vote_power(plan), givers_who_receive(view), gift_only(view, lens)
    unknown, opinions = _unknown(view, lens), _opinions(view)
    days = state.life.evidence
    return Grounds(
        evidence=Evidence(
            enough=not view.below_floor,
            d=delivery.read if delivery else None,
            p=_mean(votes.exact, planning.read if planning else None),
            e1b=e1b.exact,
            k1=k1.exact,
            unknown=_fraction(unknown),
            opinion=_fraction(opinions),
            opinion_people=_lay_opinion_people(view),
            g2=complementary(view).exact,
            resources=bool(resources(view).exact),
            defaults=view.defaults,
        ),
        lens=lens,
        acts=view.everything.contributions,
        givers=view.evidence_givers,
        span_days=view.evidence_days,
        last_day=max(days) if days else None,
        delivery=delivery,
        planning=planning,
        votes=votes,
        e1b=e1b,
        k1=k1,
        unknown=unknown,
        opinions=opinions,
        exchanging=e1b.numerator or 0,
    )


def _part(lay: Sum, whole: Sum, k: int) -> Part | None:
    """Return the lay part of a whole; None where the whole weighs nothing."""
    if not whole.weight:
        return None
    few = len(lay.givers) < k
    read = Fraction(0) if few else Fraction(lay.weight, whole.weight)
    return Part(lay.weight, whole.weight, whole.contributions, len(lay.givers), read)


def _mean(*shares: Fraction | None) -> Fraction | None:
    known = [share for share in shares if share is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def _fraction(part: tuple[int, int]) -> Fraction | None:
    return Fraction(*part) if part[1] else None


def _unknown(view: View, lens: str) -> tuple[int, int]:
    """Return the weight of lay delivery acts whose receivers nobody knows, and of all of them."""

    def delivered_by_lay(cell: Cell) -> bool:
        return cell.delivery and cell.lay

    unknown = view.sum(lens, lambda cell: delivered_by_lay(cell) and cell.reach != NAMED)
    return unknown.weight, view.sum(lens, delivered_by_lay).weight


def _opinions(view: View) -> tuple[int, int]:
    """Return the opinions among the contributions of lay givers, and those, by count."""
    opinions = _count(view, lambda cell: cell.party in LAY and cell.mode == OPINION)
    return opinions, _count(view, lambda cell: cell.party in LAY)


def _count(view: View, where: Callable[[Cell], bool]) -> int:
    return view.sum("count", where).contributions


def _lay_opinion_people(view: View) -> int:
    asked = view.sum("count", lambda cell: cell.lay and cell.mode == OPINION and not cell.group)
    return len(asked.givers)
