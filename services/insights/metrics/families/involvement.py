"""J. Involvement: more than an opinion, more than once, and for how long."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.dimensions import ACT
from services.insights.metrics.engine.predicates import gifts
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import people_share, plain
from services.insights.metrics.thresholds import J3_OBSERVED_DAYS

NO_OPINION = gifts(mode=(0, ACT))
_LAY_PEOPLE = Reading(
    "lay_people",
    "Lay people are persons with a gift stamped lay (in W for J1 and M3, ever up to D for J2, in"
    " the last 180 days for J3). In J1, J2 and J3 all that they gave then counts, whatever its"
    " stamp.",
)


def _only_opinions(view: View) -> Figure:
    givers = view.givers(q.OF_LAY_PEOPLE)
    return people_share(len(givers - view.givers(NO_OPINION)), len(givers), view.thresholds.k)


def _once(view: View) -> Figure:
    observed, once, _, _ = _tenures(view)
    return people_share(once, observed, view.thresholds.k)


def _staying(view: View) -> Figure:
    _, _, lately, stays = _tenures(view)
    if view.lifetime.observed_days < J3_OBSERVED_DAYS:
        return missing(Reason.OBSERVED_TOO_SHORT, lately)
    return people_share(stays, lately, view.thresholds.k)


def _tenures(view: View) -> tuple[int, int, int, int]:
    """Return how many are observed, and once of those; how many gave lately, and stay of those."""

    def found() -> tuple[int, int, int, int]:
        tenures = [view.lifetime.tenure(person) for person in view.lay_ever]
        observed = [tenure.once for tenure in tenures if tenure.observed]
        lately = [tenure.stays for tenure in tenures if tenure.lately]
        return len(observed), sum(observed), len(lately), sum(lately)

    read = view.whole.given.faces[q.OF_LAY_PEOPLE], view.lifetime.tenures_turned
    return view.whole.kept("tenures", read, found)


FAMILY = Family(
    id="J",
    clause="ne revient pas seulement … à demander l'avis · Engager la participation des gens dans"
    " des évènements ne suffit pas · investissement à long terme",
    metrics=(
        plain(
            "J1",
            _only_opinions,
            fr="seulement des avis",
            en="opinion-only people",
            formula="lay people with only opinions / lay people who gave",
            source="the founding article",
            fields=("party", "mode"),
            reading="half or more: a consultation",
            readings=(_LAY_PEOPLE, Reading("only_opinions", "Opinions and nothing else in W.")),
            interval="people",
        ),
        plain(
            "J2",
            _once,
            fr="venus une seule fois",
            en="one-off people",
            formula="lay, first seen ≥90 d ago, with one day of activity / those",
            source="the founding article",
            fields=("party",),
            window="life",
            readings=(
                _LAY_PEOPLE,
                Reading(
                    "one_day",
                    "Over life up to D whatever W: persons whose first contribution is 90 days"
                    " before D or earlier; those with one distinct day.",
                ),
            ),
            interval="people",
        ),
        plain(
            "J3",
            _staying,
            fr="engagement qui dure",
            en="staying power",
            formula="lay active in ≥3 of 6 blocks of 30 d / lay givers of those 180 d",
            source="the founding article",
            fields=("party",),
            readings=(
                _LAY_PEOPLE,
                Reading(
                    "blocks",
                    "Whatever W: six blocks of 30 days that end on D; persons with a contribution"
                    " in three of them or more. observed_too_short: from the service's first"
                    " contribution or decision to D it is fewer than 90 days, both included.",
                ),
            ),
            interval="people",
        ),
    ),
)
