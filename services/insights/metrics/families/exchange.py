"""K. Exchange: whether what is given is an exchange, or a gift to people who never give."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.dimensions import NAMED
from services.insights.metrics.engine.predicates import acts, receipts
from services.insights.metrics.engine.tables import halves
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure
from services.insights.metrics.readings import HELPED_WHATEVER, RECEIPTS, Reading
from services.insights.metrics.shares import people_share, plain, weighted, weighted_share

LAY_ACTS_TO_LAY = acts(lay=True, group=False, to_lay=True, reach=NAMED)
LAY_FROM_LAY_PEOPLE = receipts(lay=True, from_lay=True, from_group=False)


def _gift_only(view: View, lens: str) -> Figure:
    (one_way,) = halves([_one_way(view)], lens)
    return weighted_share(view, lens, one_way, q.LAY_ACTS)


def _one_way(view: View) -> int:
    """Return what those gave who never received, as a pair."""

    def found() -> int:
        gave = view.tables.given.people(q.LAY_ACTS)
        return sum(gave[giver] for giver in gave.keys() - view.ever_received)

    read = view.tables.given.turned[q.LAY_ACTS], view.whole.received.faces[q.HELPED]
    return view.tables.kept("one_way", read, found)


def _overlap(view: View) -> Figure:
    def found() -> tuple[int, int]:
        givers, receivers = view.givers(LAY_ACTS_TO_LAY), view.receivers(LAY_FROM_LAY_PEOPLE)
        return len(givers & receivers), len(givers | receivers)

    given, received = view.tables.given, view.tables.received
    read = given.faces[LAY_ACTS_TO_LAY], received.faces[LAY_FROM_LAY_PEOPLE]
    both, either = view.tables.kept("K2", read, found)
    return people_share(both, either, view.thresholds.k)


FAMILY = Family(
    id="K",
    clause="ne se réduit pas à faire appel au volontariat – l'échange a un pouvoir de"  # noqa: RUF001
    " transformation que le don n'a pas",
    metrics=(
        weighted(
            "K1",
            _gift_only,
            fr="temps donné sans jamais recevoir",
            en="gift-only minutes",
            formula="M(L by people who never received here)/M(L)",
            source="the founding article",
            fields=("party", "minutes", "mode", "receivers", "kind"),
            window="life",
            reading="0.8 or more: volunteering",
            readings=(RECEIPTS, HELPED_WHATEVER),
            exchange=True,
            interval="contributions",
        ),
        plain(
            "K2",
            _overlap,
            fr="rôles qui se recouvrent",
            en="roles overlap",
            formula="|givers∩receivers|/|givers∪receivers| of lay→lay acts",  # noqa: RUF001
            source="the founding article",
            fields=("party", "mode", "receivers", "receiver_party"),
            window="365d",
            reading="0: two populations, even if professionals serve both",
            readings=(
                Reading(
                    "lay_to_lay",
                    "Acts of persons stamped lay to receivers stamped lay, of every kind.",
                ),
            ),
            exchange=True,
            interval="people",
        ),
    ),
)
