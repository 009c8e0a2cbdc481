"""E. Reciprocity: who gives and receives, how evenly and how directly."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.populations import Network
from services.insights.metrics.engine.predicates import receipts
from services.insights.metrics.engine.tables import MILLION, PAIR_BITS, PAIR_MASK, halves
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, divided, missing, share
from services.insights.metrics.readings import EDGES, HELPED_WHATEVER, RECEIPTS, Reading
from services.insights.metrics.shares import people_share, plain, weighted

LAY_HELPED = receipts(help=True, lay=True)


def _two_way(view: View) -> Figure:
    def found() -> tuple[int, int]:
        givers = view.acting_lay
        both = givers & view.receivers(q.HELPED)
        return len(both), len(givers | view.receivers(LAY_HELPED))

    given, received = view.tables.given, view.tables.received
    read = given.faces[q.LAY_ACTS], received.faces[q.HELPED], received.faces[LAY_HELPED]
    both, everyone = view.tables.kept("E1", read, found)
    return people_share(both, everyone, view.thresholds.k)


def _givers_who_receive(view: View) -> Figure:
    read = view.tables.given.faces[q.LAY_ACTS], view.whole.received.faces[q.HELPED]
    both = view.tables.kept("E1b", read, lambda: len(view.acting_lay & view.ever_received))
    return people_share(both, len(view.acting_lay), view.thresholds.k)


def _balance(view: View, lens: str) -> Figure:
    """Return one minus the unmatched part of what people gave and received, in millionths.

    What is matched is, of each person, the lesser of the two, and it is twice in the total.
    """
    given, received = view.tables.given, view.tables.received
    read = given.turned[q.ACTS], received.turned[q.FROM_PEOPLE]
    n, *matched = view.tables.kept("E2", read, lambda: _matched(view))
    (total,) = halves([MILLION * given.totals[q.ACTS] + received.totals[q.FROM_PEOPLE]], lens)
    if not total:
        return missing(Reason.NO_DATA, n)
    if n < view.thresholds.k:
        return missing(Reason.BELOW_K, n)
    return divided(2 * matched[lens == "minutes"], total, n)


def _matched(view: View) -> tuple[int, int, int]:
    """Return how many people gave or received, and what is matched of counts and of minutes."""
    gave = view.tables.given.people(q.ACTS)
    got = view.tables.received.people(q.FROM_PEOPLE)
    both = gave.keys() & got.keys()
    counts = minutes = 0
    for person in both:
        out, back = MILLION * gave[person], got[person]
        counts += min(out & PAIR_MASK, back & PAIR_MASK)
        minutes += min(out >> PAIR_BITS, back >> PAIR_BITS)
    return len(gave) + len(got) - len(both), counts, minutes


def _direct(view: View) -> tuple[Figure, Figure]:
    network = view.tables.network
    return view.tables.kept("E3", network.turned, lambda: _directly(network, view.thresholds.k))


def _directly(network: Network, k: int) -> tuple[Figure, Figure]:
    """Return r, over arcs, and rho, r against the chance of a random graph as dense."""
    arcs, mutual = network.arcs, network.mutual
    people = len(network.counterparts)
    few = missing(Reason.BELOW_K, arcs) if 0 < people < k else None
    r, possible = few or share(mutual, arcs, arcs), people * (people - 1)
    if arcs == possible:
        return r, missing(Reason.NO_DATA, arcs)
    if few:
        return r, few
    # (r - density) / (1 - density), the density being arcs / possible
    return r, divided(mutual * possible - arcs * arcs, arcs * (possible - arcs), arcs)


FAMILY = Family(
    id="E",
    clause="Valoriser la réciprocité : donner et recevoir … vecteur de confiance et de respect",
    metrics=(
        plain(
            "E1",
            _two_way,
            fr="donner et recevoir (étendue)",
            en="two-way share",
            formula="|G_L∩R|/|G_L∪R_L|",  # noqa: RUF001
            source="the founding article",
            fields=("party", "mode", "receivers", "kind"),
            window="365d",
            reading="low where professionals serve many: no fault by itself",
            readings=(RECEIPTS, HELPED_WHATEVER),
            exchange=True,
            interval="people",
        ),
        plain(
            "E1b",
            _givers_who_receive,
            fr="ceux qui donnent et qui ont reçu",
            en="givers who also receive",
            formula="#{i∈L gave in W and ever received}/#{i∈L gave in W}",
            source="Cahn 2000",
            fields=("party", "mode", "receivers", "kind"),
            window="365d",
            reading="below 0.2 helpers and helped are separate groups",
            readings=(RECEIPTS, HELPED_WHATEVER),
            exchange=True,
            interval="people",
        ),
        weighted(
            "E2",
            _balance,
            fr="équilibre donné-reçu",
            en="give/receive balance",
            formula="1-Σ|g_i-r_i|/Σ(g_i+r_i)",
            source="the founding article",
            fields=("minutes", "mode", "receivers"),
            window="365d",
            readings=(
                EDGES,
                Reading(
                    "balance_of_people",
                    "Persons of all parties, g_i all that they gave by acts, also to unknown"
                    " receivers; r_i from persons. n is those who gave or received.",
                ),
            ),
            exchange=True,
        ),
        plain(
            "E3.r",
            lambda view: _direct(view)[0],
            fr="réciprocité directe",
            en="direct reciprocity",
            formula="L↔/L",
            source="Garlaschelli and Loffredo 2004",
            fields=("mode", "receivers"),
            window="365d",
            reading="low is normal",
            readings=(EDGES,),
            exchange=True,
            interval="arcs",
        ),
        plain(
            "E3.rho",
            lambda view: _direct(view)[1],
            fr="réciprocité au-delà du hasard",
            en="reciprocity beyond chance",
            formula="(r-ā)/(1-ā), ā=L/N(N-1)",
            source="Garlaschelli and Loffredo 2004",
            fields=("mode", "receivers"),
            window="365d",
            range="≤1",
            reading="above 0: reciprocal; 0: as by chance; below 0: avoided",
            readings=(
                EDGES,
                Reading("density", "N is the persons with an arc. Where ā = 1 there is no_data."),
            ),
            exchange=True,
            unit="index",
        ),
    ),
)
