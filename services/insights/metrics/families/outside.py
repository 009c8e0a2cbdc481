"""N. Outside: what comes from people who are not "in" a provider organisation."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.predicates import acts
from services.insights.metrics.engine.tables import BY_ACT, FROM_PROFESSIONAL
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import weighted, weighted_share

LAY_BY_THEMSELVES = acts(lay=True, organisation=False)


def _outside(view: View, lens: str) -> Figure:
    if view.affiliation_unknown(FROM_PROFESSIONAL | BY_ACT):
        return missing(Reason.AFFILIATION_UNKNOWN, view.cases(lens, q.BY_ACT))
    by_themselves = view.weight(lens, LAY_BY_THEMSELVES)
    from_outside = by_themselves + view.from_strangers(lens, BY_ACT)
    return weighted_share(view, lens, from_outside, q.BY_ACT)


FAMILY = Family(
    id="N",
    clause="contribution d'individus qui ne sont pas « dans » la même organisation",
    metrics=(
        weighted(
            "N1",
            _outside,
            fr="apports de l'extérieur",
            en="outside inputs",
            formula="M(giver not in a provider organisation)/M of acts",
            source="Ostrom 1996",
            fields=("party", "minutes", "mode", "affiliation"),
            reading="0: Ostrom's condition fails, and it is no co-production",
            readings=(
                Reading(
                    "outside",
                    "N1 is over acts, groups' included. Providers are the service's agencies and"
                    " the organisations linked to it, as known now: whether an act's giver is"
                    " inside follows from its organisation and these, not from a stamp. An act that"
                    " names an organisation is outside if that is no provider; one that names none"
                    " is inside for a professional, outside for a lay giver. affiliation_unknown:"
                    " no organisation was ever linked, and an act of W by a professional names one"
                    " that is not the agency.",
                ),
            ),
            interval="contributions",
        ),
    ),
)
