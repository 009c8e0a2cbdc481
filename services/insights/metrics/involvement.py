"""Involvement: more than an opinion, more than once, and for how long (J1, J2, J3)."""

from services.insights.metrics import question as q
from services.insights.metrics.exchange import people_share
from services.insights.metrics.figure import Figure
from services.insights.metrics.view import View


def involvement(view: View) -> dict[str, Figure]:
    k = view.defaults.k
    givers = view.givers(q.OF_LAY_PEOPLE)
    tenures = [view.lifetime.tenure(person) for person in view.lay_ever]
    observed = [tenure.once for tenure in tenures if tenure.observed]
    lately = [tenure.stays for tenure in tenures if tenure.lately]
    return {
        "J1": people_share(len(givers - view.givers(q.NO_OPINION)), len(givers), k),
        "J2": people_share(sum(observed), len(observed), k),
        "J3": people_share(sum(lately), len(lately), k),
    }
