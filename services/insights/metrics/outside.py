"""Outside: what comes from people who are not "in" a provider organisation (N1; Ostrom 1996)."""

from services.insights.metrics import question as q
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.party import weighted_share
from services.insights.metrics.view import View


def outside(view: View, lens: str) -> dict[str, Figure]:
    if view.contributions and not view.count(q.WITH_AFFILIATION):
        return {"N1": missing(Reason.AFFILIATION_UNKNOWN, view.contributions)}
    from_outside = view.weight(lens, q.FROM_OUTSIDE)
    return {"N1": weighted_share(view, lens, from_outside, q.WITH_AFFILIATION)}
