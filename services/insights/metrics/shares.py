"""Shares: the declarations and figures that most families need, with what holds them back."""

from collections.abc import Callable
from typing import Any

from services.insights.metrics.definition import Definition
from services.insights.metrics.engine.predicates import Question
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.figure import share as share_of


def share(
    id_: str,
    *,
    part: Question,
    whole: Question,
    before: Question | None = None,
    **described: Any,
) -> Definition:
    """Declare a share of weight: the gifts that ``part`` holds for, of those of ``whole``.

    With ``few_lay``, ``part`` is lay, and is not shown where few people gave it. A share that
    ``asks`` for a field has a ``whole`` that carries it, of those that ``before`` holds for.
    """
    few_lay = described.get("few_lay", False)

    def find(view: View, lens: str) -> Figure:
        if before is not None and 2 * view.weight(lens, whole) < view.weight(lens, before):
            return Figure(
                None,
                view.cases(lens, whole),
                Reason.FIELD_MISSING,
                detail={"field": described["asks"]},
            )
        figure = weighted_share(view, lens, view.weight(lens, part), whole)
        if few_lay and figure.value is not None and view.few_but_some(part):
            return missing(Reason.FEW_LAY, figure.n)
        return figure

    return weighted(id_, find, interval="contributions", **described)


def weighted(id_: str, find: Callable[[View, str], Figure], **described: Any) -> Definition:
    """Declare a figure that differs by lens."""
    return Definition(id=id_, find=find, lens="weighted", **described)


def plain(id_: str, find: Callable[[View], Figure], **described: Any) -> Definition:
    """Declare a figure that is the same in both lenses."""
    return Definition(id=id_, find=lambda view, _: find(view), **described)


def weighted_share(view: View, lens: str, part: int, whole: Question) -> Figure:
    """Return a share of weight; ``n`` is the contributions it rests on."""
    n, weight = view.cases(lens, whole), view.weight(lens, whole)
    if weight > 0 and view.few_givers(whole):
        return missing(Reason.BELOW_K, n)
    return share_of(part, weight, n)


def people_share(part: int, whole: int, k: int) -> Figure:
    """Return a share of people."""
    if 0 < whole < k:
        return missing(Reason.BELOW_K, whole)
    return share_of(part, whole, whole)
