"""Exchange: who gives and receives, how evenly and how directly (A4, E1, E1b, E2, E3, K1, K2)."""

from collections import Counter
from fractions import Fraction

from services.insights.metrics.cell import NAMED, NO_PARTY_KNOWN, Cell
from services.insights.metrics.defaults import LENSES
from services.insights.metrics.figure import Figure, Reason, exactly, missing, share
from services.insights.metrics.party import weighted_share
from services.insights.metrics.tables import MILLION, unpaired
from services.insights.metrics.view import Sum, View


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


def people_share(part: set[int], whole: set[int], k: int) -> Figure:
    """Return a share of people."""
    if whole and len(whole) < k:
        return missing(Reason.BELOW_K, len(whole))
    return share(len(part), len(whole), len(whole))


def givers_who_receive(view: View) -> Figure:
    givers = view.acting_lay
    return people_share(givers & view.ever_received, givers, view.defaults.k)


def gift_only(view: View, lens: str) -> Figure:
    def given(cell: Cell) -> bool:
        return cell.lay and cell.gift_of_person

    whole = view.sum(lens, given)
    weights = view.weights(lens, given)
    one_way = Sum(sum(weights[giver] for giver in weights.keys() - view.ever_received))
    return weighted_share(one_way, whole, view.defaults.k)


def _crossing(view: View, lens: str) -> Figure:
    whole = view.sum(
        "count",
        lambda cell: cell.gift_of_person and cell.reach == NAMED and cell.known != NO_PARTY_KNOWN,
    )
    if whole.contributions and whole.fewer_givers_than(view.defaults.k):
        return missing(Reason.BELOW_K, whole.contributions)
    place = LENSES.index(lens)
    crossed, flowed = unpaired(view.tables.crossed)[place], unpaired(view.tables.flowed)[place]
    return share(crossed, flowed, whole.contributions)


def _two_way(view: View) -> Figure:
    helped = [receipt for receipt in view.receipts if receipt.cell.help]
    givers = view.acting_lay
    everyone = givers | {receipt.person for receipt in helped if receipt.cell.lay}
    return people_share(givers & {receipt.person for receipt in helped}, everyone, view.defaults.k)


def _balance(view: View, lens: str) -> Figure:
    """One minus the unmatched part of what people gave and received, in millionths."""
    gave = view.weights(lens, lambda cell: cell.gift_of_person)
    net = Counter({giver: MILLION * weight for giver, weight in gave.items()})
    total, place = sum(net.values()), LENSES.index(lens)
    for receipt in view.receipts:
        if not receipt.cell.from_group:
            weight = unpaired(receipt.weight)[place]
            net[receipt.person] -= weight
            total += weight
    if net and len(net) < view.defaults.k:
        return missing(Reason.BELOW_K, len(net))
    if not total:
        return missing(Reason.NO_DATA, len(net))
    return exactly(1 - Fraction(sum(map(abs, net.values())), total), len(net))


def _direct(view: View) -> tuple[Figure, Figure]:
    """Return r, over arcs, and rho, r against the chance of a random graph as dense."""
    arcs = set(view.edges)
    people = {person for arc in arcs for person in arc}
    if people and len(people) < view.defaults.k:
        return missing(Reason.BELOW_K, len(arcs)), missing(Reason.BELOW_K, len(arcs))
    mutual = sum((receiver, giver) in arcs for giver, receiver in arcs)
    r = share(mutual, len(arcs), len(arcs))
    if r.exact is None:
        return r, missing(Reason.NO_DATA)
    density = Fraction(len(arcs), len(people) * (len(people) - 1))
    if density == 1:
        return r, missing(Reason.NO_DATA, len(arcs))
    return r, exactly((r.exact - density) / (1 - density), len(arcs))


def _overlap(view: View) -> Figure:
    givers = view.givers(
        lambda cell: cell.lay and cell.gift_of_person and cell.to_lay and cell.reach == NAMED
    )
    receivers = {
        receipt.person
        for receipt in view.receipts
        if receipt.cell.lay and receipt.cell.from_lay and not receipt.cell.from_group
    }
    return people_share(givers & receivers, givers | receivers, view.defaults.k)
