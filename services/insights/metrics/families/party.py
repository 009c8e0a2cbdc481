"""Parties: who is present, how evenly, and the lay share of the whole and of each phase (A1-A3)."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import log

from services.insights.facts.fact import PARTIES, PHASES
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.predicates import Question
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, exactly, missing, rounded, share

LAY_SHARES = {
    "A3": (q.EVERYTHING, q.LAY),
    **{f"A3.{name}": q.IN_PHASE[number] for number, name in enumerate(PHASES, start=1)},
}
HELD_BACK = frozenset({"G1", "A3.commission", "A3.design", "A3.deliver"})
"""Shares that few lay people would be known by."""


def parties(view: View, lens: str) -> dict[str, Figure]:
    return {"A2": _balance(view, lens), **lay_shares(view, lens, LAY_SHARES)}


def presence(view: View) -> dict[str, Figure]:
    return {"A1": _present(view)}


def weighted_share(view: View, lens: str, part: int, whole: Question) -> Figure:
    """Return a share of weight; ``n`` is the contributions it rests on."""
    n, weight = view.cases(lens, whole), view.weight(lens, whole)
    if weight > 0 and view.few_givers(whole):
        return missing(Reason.BELOW_K, n)
    return share(part, weight, n)


def lay_shares(
    view: View, lens: str, questions: Mapping[str, tuple[Question, Question]]
) -> dict[str, Figure]:
    """Return the share of weight of each pair: a whole, and the lay part of it."""
    found: dict[str, Figure] = {}
    for id_, (whole, lay) in questions.items():
        figure = weighted_share(view, lens, view.weight(lens, lay), whole)
        if figure.value is not None and id_ in HELD_BACK and view.few_but_some(lay):
            figure = missing(Reason.FEW_LAY, figure.n)
        found[id_] = figure
    return found


def _present(view: View) -> Figure:
    if not view.contributions:
        return missing(Reason.NO_DATA)
    few = tuple(view.few_givers(question) for question in q.OF_PARTY.values())
    n = len(view.givers(q.EVERYTHING))
    return view.tables.kept("A1", (few, n), lambda: _of_parties(few, n))


def _of_parties(few: Iterable[bool], n: int) -> Figure:
    present = [name for name, absent in zip(PARTIES, few, strict=True) if not absent]
    return exactly(Fraction(len(present)), n, present=present)


def _balance(view: View, lens: str) -> Figure:
    n = view.contributions
    weights = [view.weight(lens, question) for question in q.OF_PARTY.values()]
    total = sum(weights)
    if not total:
        return missing(Reason.NO_DATA, n)
    if view.few_givers(q.EVERYTHING):
        return missing(Reason.BELOW_K, n)
    entropy = -sum(weight / total * log(weight / total) for weight in weights if weight)
    return Figure(rounded(max(entropy, 0.0) / log(len(weights))), n)
