"""Concentration: how much rests on few people, and how many are new (M3, M6)."""

from fractions import Fraction
from itertools import count
from operator import mul

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.exchange import people_share
from services.insights.metrics.figure import Figure, Reason, divided, missing

TOPS = {"M3.top1": Fraction(1, 100), "M3.top10": Fraction(1, 10)}


def concentration(view: View, lens: str) -> dict[str, Figure]:
    others = _others(view)
    read = view.tables.given.turned[q.OF_LAY_PEOPLE], others
    return view.tables.kept(("M3", lens), read, lambda: _concentration(view, lens, others))


def _others(view: View) -> int:
    """Return how many lay people gave nothing in the window."""
    ever, here = view.whole.given.faces[q.OF_LAY_PEOPLE], view.tables.given.faces[q.OF_LAY_PEOPLE]
    read = ever, here, view.lifetime.lay_turned
    givers = view.givers(q.OF_LAY_PEOPLE)
    return view.tables.kept("others", read, lambda: len(view.lay_here - givers))


def _concentration(view: View, lens: str, others: int) -> dict[str, Figure]:
    active = Ascending(sorted(view.weights(lens, q.OF_LAY_PEOPLE)))
    return {
        "M3.registered": _gini(active, others, view.thresholds.k),
        "M3.active": _gini(active, 0, view.thresholds.k),
        **{id_: _top(active, share, view.thresholds.k) for id_, share in TOPS.items()},
    }


def novelty(view: View) -> dict[str, Figure]:
    return {"M6": _first_timers(view)}


class Ascending:
    """Weights in order. ``ranked``: the sum of each by its rank, from 1."""

    def __init__(self, weights: list[int]) -> None:
        self.weights = weights
        self.total = sum(weights)
        self.ranked = sum(map(mul, weights, count(1)))


def _gini(active: Ascending, idle: int, k: int) -> Figure:
    """Gini = 2Σ k·x_(k) / (nΣx) - (n+1)/n, exact over integers; whoever is idle ranks first."""
    n, total = idle + len(active.weights), active.total
    if unfit := _unfit(n, total, k):
        return missing(unfit, n)
    ranked = active.ranked + idle * total
    return divided(2 * ranked - (n + 1) * total, n * total, n)


def _top(active: Ascending, share: Fraction, k: int) -> Figure:
    n, total = len(active.weights), active.total
    if unfit := _unfit(n, total, k):
        return missing(unfit, n)
    people = -(-n * share.numerator // share.denominator)
    return divided(sum(active.weights[-people:]), total, n, people=people)


def _unfit(n: int, total: int, k: int) -> Reason | None:
    if not total:
        return Reason.NO_DATA
    return Reason.BELOW_K if n < k else None


def _first_timers(view: View) -> Figure:
    contributors, first = view.givers(q.OF_PEOPLE), view.first_day
    if first is None:  # over a whole life everybody is new
        return missing(Reason.NO_DATA, len(contributors))
    tenure = view.lifetime.tenure
    read = view.tables.given.faces[q.OF_PEOPLE], view.lifetime.tenures_turned
    new = view.tables.kept(
        ("M6", first),
        read,
        lambda: sum(tenure(person).first >= first for person in contributors),
    )
    return people_share(new, len(contributors), view.thresholds.k)
