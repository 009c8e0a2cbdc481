"""Exchange: who gives and receives, how evenly and how directly (A4, E1, E1b, E2, E3, K1, K2)."""

from fractions import Fraction

from services.insights.metrics import question as q
from services.insights.metrics.defaults import LENSES
from services.insights.metrics.figure import Figure, Reason, exactly, missing, share
from services.insights.metrics.party import weighted_share
from services.insights.metrics.tables import MILLION, unpaired
from services.insights.metrics.view import View


def exchange(view: View, lens: str) -> dict[str, Figure]:
    r, rho = _direct(view)
    return {
        "A4": _crossing(view, lens),
        "E1": _two_way(view),
        "E1b": givers_who_receive(view),
        "E2": _balance(view, lens),
        "E3.r": r,
        "E3.rho": rho,
        "K1": gift_only(view, lens),
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
    place = LENSES.index(lens)
    gave = view.tables.given.people(q.LAY_ACTS)
    one_way = sum(gave[giver] for giver in gave.keys() - view.ever_received)
    return weighted_share(view, lens, unpaired(one_way)[place], q.LAY_ACTS)


def _crossing(view: View, lens: str) -> Figure:
    n = view.count(q.ACTS_TO_KNOWN)
    if n and view.few_givers(q.ACTS_TO_KNOWN):
        return missing(Reason.BELOW_K, n)
    place = LENSES.index(lens)
    crossed, flowed = unpaired(view.tables.crossed)[place], unpaired(view.tables.flowed)[place]
    return share(crossed, flowed, n)


def _two_way(view: View) -> Figure:
    givers = view.acting_lay
    everyone = givers | view.receivers(q.LAY_HELPED)
    both = givers & view.receivers(q.HELPED)
    return people_share(len(both), len(everyone), view.defaults.k)


def _balance(view: View, lens: str) -> Figure:
    """One minus the unmatched part of what people gave and received, in millionths."""
    place = LENSES.index(lens)
    gave, received = view.tables.given.people(q.ACTS), view.tables.received.people(q.FROM_PEOPLE)
    unmatched = total = 0
    for person in gave.keys() | received.keys():
        out = MILLION * unpaired(gave.get(person, 0))[place]
        back = unpaired(received.get(person, 0))[place]
        unmatched += abs(out - back)
        total += out + back
    n = len(gave.keys() | received.keys())
    if 0 < n < view.defaults.k:
        return missing(Reason.BELOW_K, n)
    if not total:
        return missing(Reason.NO_DATA, n)
    return exactly(1 - Fraction(unmatched, total), n)


def _direct(view: View) -> tuple[Figure, Figure]:
    """Return r, over arcs, and rho, r against the chance of a random graph as dense."""
    arcs, people = view.tables.network.arcs, len(view.tables.network.counterparts)
    if 0 < people < view.defaults.k:
        return missing(Reason.BELOW_K, arcs), missing(Reason.BELOW_K, arcs)
    r = share(view.tables.network.mutual, arcs, arcs)
    if r.exact is None:
        return r, missing(Reason.NO_DATA)
    density = Fraction(arcs, people * (people - 1))
    if density == 1:
        return r, missing(Reason.NO_DATA, arcs)
    return r, exactly((r.exact - density) / (1 - density), arcs)


def _overlap(view: View) -> Figure:
    givers, receivers = view.givers(q.LAY_ACTS_TO_LAY), view.receivers(q.LAY_FROM_LAY_PEOPLE)
    return people_share(len(givers & receivers), len(givers | receivers), view.defaults.k)
