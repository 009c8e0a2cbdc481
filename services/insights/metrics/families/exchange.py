"""Exchange: who gives and receives, how evenly and how directly (A4, E1, E1b, E2, E3, K1, K2)."""

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.populations import Network
from services.insights.metrics.engine.tables import MILLION, PAIR_BITS, PAIR_MASK, halves
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.party import weighted_share
from services.insights.metrics.figure import Figure, Reason, divided, missing, share


def exchange(view: View, lens: str) -> dict[str, Figure]:
    return {
        "A4": _crossing(view, lens),
        "E2": _balance(view, lens),
        "K1": gift_only(view, lens),
    }


def reciprocity(view: View) -> dict[str, Figure]:
    r, rho = _direct(view)
    return {
        "E1": _two_way(view),
        "E1b": givers_who_receive(view),
        "E3.r": r,
        "E3.rho": rho,
        "K2": _overlap(view),
    }


def people_share(part: int, whole: int, k: int) -> Figure:
    """Return a share of people."""
    if 0 < whole < k:
        return missing(Reason.BELOW_K, whole)
    return share(part, whole, whole)


def givers_who_receive(view: View) -> Figure:
    read = view.tables.given.faces[q.LAY_ACTS], view.whole.received.faces[q.HELPED]
    both = view.tables.kept("E1b", read, lambda: len(view.acting_lay & view.ever_received))
    return people_share(both, len(view.acting_lay), view.thresholds.k)


def gift_only(view: View, lens: str) -> Figure:
    (one_way,) = halves([_one_way(view)], lens)
    return weighted_share(view, lens, one_way, q.LAY_ACTS)


def _one_way(view: View) -> int:
    """Return what those gave who never received, as a pair."""

    def found() -> int:
        gave = view.tables.given.people(q.LAY_ACTS)
        return sum(gave[giver] for giver in gave.keys() - view.ever_received)

    read = view.tables.given.turned[q.LAY_ACTS], view.whole.received.faces[q.HELPED]
    return view.tables.kept("one_way", read, found)


def _crossing(view: View, lens: str) -> Figure:
    n = view.cases(lens, q.ACTS_TO_KNOWN)
    crossed, flowed = halves(view.tables.flows, lens)
    if flowed > 0 and view.few_givers(q.ACTS_TO_KNOWN):
        return missing(Reason.BELOW_K, n)
    return share(crossed, flowed, n)


def _two_way(view: View) -> Figure:
    def found() -> tuple[int, int]:
        givers = view.acting_lay
        both = givers & view.receivers(q.HELPED)
        return len(both), len(givers | view.receivers(q.LAY_HELPED))

    given, received = view.tables.given, view.tables.received
    read = given.faces[q.LAY_ACTS], received.faces[q.HELPED], received.faces[q.LAY_HELPED]
    both, everyone = view.tables.kept("E1", read, found)
    return people_share(both, everyone, view.thresholds.k)


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


def _overlap(view: View) -> Figure:
    def found() -> tuple[int, int]:
        givers, receivers = view.givers(q.LAY_ACTS_TO_LAY), view.receivers(q.LAY_FROM_LAY_PEOPLE)
        return len(givers & receivers), len(givers | receivers)

    given, received = view.tables.given, view.tables.received
    read = given.faces[q.LAY_ACTS_TO_LAY], received.faces[q.LAY_FROM_LAY_PEOPLE]
    both, either = view.tables.kept("K2", read, found)
    return people_share(both, either, view.thresholds.k)
