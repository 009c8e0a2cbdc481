"""Outside: what comes from people who are not "in" a provider organisation (N1; Ostrom 1996)."""

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.tables import BY_ACT, FROM_PROFESSIONAL
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.party import weighted_share
from services.insights.metrics.figure import Figure, Reason, missing


def outside(view: View, lens: str) -> dict[str, Figure]:
    if view.affiliation_unknown(FROM_PROFESSIONAL | BY_ACT):
        return {"N1": missing(Reason.AFFILIATION_UNKNOWN, view.cases(lens, q.BY_ACT))}
    by_themselves = view.weight(lens, q.LAY_BY_THEMSELVES)
    from_outside = by_themselves + view.from_strangers(lens, BY_ACT)
    return {"N1": weighted_share(view, lens, from_outside, q.BY_ACT)}
