"""Outside: what comes from people who are not "in" a provider organisation (N1; Ostrom 1996)."""

from services.insights.facts import AFFILIATION_UNKNOWN, OUTSIDE
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.party import weighted_share
from services.insights.metrics.view import View


def outside(view: View, lens: str) -> dict[str, Figure]:
    known = view.sum(lens, lambda cell: cell.outside != AFFILIATION_UNKNOWN)
    if view.everything.contributions and not known.contributions:
        figure = missing(Reason.AFFILIATION_UNKNOWN, view.everything.contributions)
    else:
        from_outside = view.sum(lens, lambda cell: cell.outside == OUTSIDE)
        figure = weighted_share(from_outside, known, view.defaults.k)
    return {"N1": figure}
