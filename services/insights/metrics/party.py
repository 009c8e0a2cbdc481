"""Parties: who is present, how evenly, and the lay share of the whole and of each phase (A1-A3)."""

from fractions import Fraction
from math import log

from services.insights.facts import PARTIES, PHASES
from services.insights.metrics.cell import LAY, Cell
from services.insights.metrics.figure import Figure, Reason, exactly, missing, rounded, share
from services.insights.metrics.view import Sum, View


def parties(view: View, lens: str) -> dict[str, Figure]:
    lay_shares = {
        f"A3.{name}": lay_share(view, lens, number) for number, name in enumerate(PHASES, start=1)
    }
    return {
        "A1": _present(view),
        "A2": _balance(view, lens),
        "A3": lay_share(view, lens, None),
        **lay_shares,
    }


def weighted_share(part: Sum, whole: Sum, k: int) -> Figure:
    """Return a share of weight; ``n`` is the contributions it is a share of."""
    if whole.contributions and whole.fewer_givers_than(k):
        return missing(Reason.BELOW_K, whole.contributions)
    return share(part.weight, whole.weight, whole.contributions)


def lay_share(view: View, lens: str, phase: int | None) -> Figure:
    def in_phase(cell: Cell) -> bool:
        return phase is None or cell.phase == phase

    whole = view.sum(lens, in_phase)
    lay = view.sum(lens, lambda cell: cell.party in LAY and in_phase(cell))
    return weighted_share(lay, whole, view.defaults.k)


def _by_party(view: View, lens: str) -> dict[str, Sum]:
    def of(number: int) -> Sum:
        return view.sum(lens, lambda cell: cell.party == number)

    return {name: of(number) for number, name in enumerate(PARTIES, start=1)}


def _present(view: View) -> Figure:
    sums = _by_party(view, "count")
    present = [name for name, sum_ in sums.items() if not sum_.fewer_givers_than(view.defaults.k)]
    givers = len(view.everything.givers)
    return exactly(Fraction(len(present)), givers, present=present)


def _balance(view: View, lens: str) -> Figure:
    n = view.everything.contributions
    weights = [sum_.weight for sum_ in _by_party(view, lens).values()]
    total = sum(weights)
    if n and view.everything.fewer_givers_than(view.defaults.k):
        return missing(Reason.BELOW_K, n)
    if not total:
        return missing(Reason.NO_DATA, n)
    entropy = -sum(weight / total * log(weight / total) for weight in weights if weight)
    return Figure(rounded(max(entropy, 0.0) / log(len(weights))), n)
