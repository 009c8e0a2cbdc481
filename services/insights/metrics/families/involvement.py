"""Involvement: more than an opinion, more than once, and for how long (J1, J2, J3)."""

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.exchange import people_share
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.thresholds import J3_OBSERVED_DAYS


def involvement(view: View) -> dict[str, Figure]:
    k = view.thresholds.k
    givers = view.givers(q.OF_LAY_PEOPLE)
    observed, once, lately, stays = _tenures(view)
    young = view.lifetime.observed_days < J3_OBSERVED_DAYS
    too_short = missing(Reason.OBSERVED_TOO_SHORT, lately)
    return {
        "J1": people_share(len(givers - view.givers(q.NO_OPINION)), len(givers), k),
        "J2": people_share(once, observed, k),
        "J3": too_short if young else people_share(stays, lately, k),
    }


def _tenures(view: View) -> tuple[int, int, int, int]:
    """Return how many are observed, and once of those; how many gave lately, and stay of those."""

    def found() -> tuple[int, int, int, int]:
        tenures = [view.lifetime.tenure(person) for person in view.lay_ever]
        observed = [tenure.once for tenure in tenures if tenure.observed]
        lately = [tenure.stays for tenure in tenures if tenure.lately]
        return len(observed), sum(observed), len(lately), sum(lately)

    read = view.whole.given.faces[q.OF_LAY_PEOPLE], view.lifetime.tenures_turned
    return view.whole.kept("tenures", read, found)
