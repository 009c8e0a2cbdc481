"""Exchange: who gives and receives, how evenly and how directly (A4, E1, E1b, E2, E3, K1, K2)."""

from fractions import Fraction

from services.insights.metrics import question as q
from services.insights.metrics.figure import Figure, Reason, exactly, missing, share
from services.insights.metrics.party import weighted_share
from services.insights.metrics.tables import MILLION, halves
from services.insights.metrics.view import View


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
    givers = view.acting_lay
    return people_share(len(givers & view.ever_received), len(givers), view.defaults.k)


def gift_only(view: View, lens: str) -> Figure:
    gave = view.tables.given.people(q.LAY_ACTS)
    (one_way,) = halves([sum(gave[giver] for giver in gave.keys() - view.ever_received)], lens)
    return weighted_share(view, lens, one_way, q.LAY_ACTS)


def _crossing(view: View, lens: str) -> Figure:
    n = view.count(q.ACTS_TO_KNOWN)
    if n and view.few_givers(q.ACTS_TO_KNOWN):
        return missing(Reason.BELOW_K, n)
    crossed, flowed = halves([view.tables.crossed, view.tables.flowed], lens)
    return share(crossed, flowed, n)


def _two_way(view: View) -> Figure:
    givers = view.acting_lay
    everyone = givers | view.receivers(q.LAY_HELPED)
    both = givers & view.receivers(q.HELPED)
    return people_share(len(both), len(everyone), view.defaults.k)


def _balance(view: View, lens: str) -> Figure:
    """One minus the unmatched part of what people gave and received, in millionths.

    What is matched is, of each person, the lesser of the two, and it is twice in the total.
    """
    given, received = view.tables.given, view.tables.received
    gave, got = given.people(q.ACTS), received.people(q.FROM_PEOPLE)
    n = len(gave.keys() | got.keys())
    if 0 < n < view.defaults.k:
        return missing(Reason.BELOW_K, n)
    (total,) = halves([MILLION * given.totals[q.ACTS] + received.totals[q.FROM_PEOPLE]], lens)
    if not total:
        return missing(Reason.NO_DATA, n)
    both = gave.keys() & got.keys()
    out = halves([MILLION * gave[person] for person in both], lens)
    back = halves([got[person] for person in both], lens)
    matched = sum(map(min, out, back))
    return exactly(Fraction(2 * matched, total), n)


def _direct(view: View) -> tuple[Figure, Figure]:
    """Return r, over arcs, and rho, r against the chance of a random graph as dense."""
    arcs, mutual = view.tables.network.arcs, view.tables.network.mutual
    people = len(view.tables.network.counterparts)
    if 0 < people < view.defaults.k:
        return missing(Reason.BELOW_K, arcs), missing(Reason.BELOW_K, arcs)
    r, possible = share(mutual, arcs, arcs), people * (people - 1)
    if arcs == possible:
        return r, missing(Reason.NO_DATA, arcs)
    # (r - density) / (1 - density), the density being arcs / possible
    rho = Fraction(mutual * possible - arcs * arcs, arcs * (possible - arcs))
    return r, exactly(rho, arcs)


def _overlap(view: View) -> Figure:
    givers, receivers = view.givers(q.LAY_ACTS_TO_LAY), view.receivers(q.LAY_FROM_LAY_PEOPLE)
    return people_share(len(givers & receivers), len(givers | receivers), view.defaults.k)
