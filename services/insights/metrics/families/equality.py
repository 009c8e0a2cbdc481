"""M. Equality: how much rests on few people, and how many are new."""

from itertools import count
from operator import mul

from services.insights.metrics.definition import Definition, Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, divided, missing
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import people_share, plain, weighted

_GINI = "2Σk·x_(k)/(nΣx)-(n+1)/n over lay persons' M(L)"
_CONCENTRATION = Reading(
    "concentration",
    "Over persons with a gift stamped lay in W, of any mode, by the weight of those gifts alone,"
    " zeros kept. M3.registered adds a zero for everyone else who up to D gave or was named as"
    " receiver with a lay stamp, or whose lay role began.",
)


class Ascending:
    """Weights in order. ``ranked``: the sum of each by its rank, from 1."""

    def __init__(self, weights: list[int]) -> None:
        self.weights = weights
        self.total = sum(weights)
        self.ranked = sum(map(mul, weights, count(1)))


def _active(view: View, lens: str) -> Ascending:
    def found() -> Ascending:
        return Ascending(sorted(view.weights(lens, q.OF_LAY_PEOPLE)))

    return view.tables.kept(("M3", lens), view.tables.given.turned[q.OF_LAY_PEOPLE], found)


def _others(view: View) -> int:
    """Return how many lay people gave nothing in the window."""
    ever, here = view.whole.given.faces[q.OF_LAY_PEOPLE], view.tables.given.faces[q.OF_LAY_PEOPLE]
    read = ever, here, view.lifetime.lay_turned
    givers = view.givers(q.OF_LAY_PEOPLE)
    return view.tables.kept("others", read, lambda: len(view.lay_here - givers))


def _of_active(view: View, lens: str) -> Figure:
    return _gini(_active(view, lens), 0, view.thresholds.k)


def _of_registered(view: View, lens: str) -> Figure:
    return _gini(_active(view, lens), _others(view), view.thresholds.k)


def _gini(active: Ascending, idle: int, k: int) -> Figure:
    """Gini = 2Σ k·x_(k) / (nΣx) - (n+1)/n, exact over integers; whoever is idle ranks first."""
    n, total = idle + len(active.weights), active.total
    if unfit := _unfit(n, total, k):
        return missing(unfit, n)
    ranked = active.ranked + idle * total
    return divided(2 * ranked - (n + 1) * total, n * total, n)


def _unfit(n: int, total: int, k: int) -> Reason | None:
    if not total:
        return Reason.NO_DATA
    return Reason.BELOW_K if n < k else None


def _top(id_: str, percent: int, fr: str) -> Definition:
    def find(view: View, lens: str) -> Figure:
        active = _active(view, lens)
        n, total = len(active.weights), active.total
        if unfit := _unfit(n, total, view.thresholds.k):
            return missing(unfit, n)
        people = -(-n * percent // 100)
        return divided(sum(active.weights[-people:]), total, n, people=people)

    return weighted(
        id_,
        find,
        fr=fr,
        en=f"share of the top {percent} %",
        formula=f"M(L) of the ⌈{percent / 100:.2f} n⌉ most active lay persons / M(L) of persons",
        source="the founding article",
        fields=("party", "minutes"),
        readings=(_CONCENTRATION,),
    )


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


FAMILY = Family(
    id="M",
    clause="égalitaire au sens de permettre la participation de tous",
    metrics=(
        weighted(
            "M3.registered",
            _of_registered,
            fr="concentration, inscrits",
            en="concentration over registered residents",
            formula=f"{_GINI}, zeros of everybody registered or ever seen included",
            source="Gini 1912",
            fields=("party", "minutes"),
            readings=(_CONCENTRATION,),
            unit="index",
        ),
        weighted(
            "M3.active",
            _of_active,
            fr="concentration, actifs",
            en="concentration over active residents",
            formula=_GINI,
            source="Gini 1912",
            fields=("party", "minutes"),
            readings=(_CONCENTRATION,),
            unit="index",
        ),
        _top("M3.top1", 1, "part du 1 % le plus actif"),
        _top("M3.top10", 10, "part des 10 % les plus actifs"),
        plain(
            "M6",
            _first_timers,
            fr="premières fois",
            en="first-timers",
            formula="first-ever contributors / contributors",
            source="FixMyStreet, ever_reported",
            readings=(
                Reading(
                    "first_ever",
                    "Persons of every party and mode, first ever in this service up to D. In life"
                    " it would be 1 by construction: no_data.",
                ),
            ),
            dated=True,
            interval="people",
        ),
    ),
)
