"""Q. Context: how much of what the figures need was recorded."""

from collections.abc import Iterable, Mapping, Sequence

from services.insights.metrics.definition import Definition, Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.tables import FROM_PROFESSIONAL
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, divided, missing, rounded
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import plain


def family(others: Sequence[Family]) -> Family:
    """Return the family beside the ``others``, whose figures need the fields that Q4 looks at."""
    return Family(
        id="Q",
        clause="attentes et insatisfactions",
        metrics=(_coverage([one for family in others for one in family.metrics]),),
    )


def _coverage(definitions: Iterable[Definition]) -> Definition:
    needed = {one.id: one.fields for one in definitions if one.fields}
    asked = {name for fields in needed.values() for name in fields}
    every = tuple(name for name in q.FIELDS if name in asked)
    by_metric = {**needed, "Q4": every}
    return plain(
        "Q4",
        lambda view: _covered(view, every, by_metric),
        fr="couverture des faits",
        en="coverage of evidence",
        formula="fields present / fields that any figure needs, over the contributions of W",
        source="the catalogue's own",
        fields=every,
        window="28d",
        readings=(
            Reading(
                "presence",
                "The mean, over the contributions of W and all fields that any figure needs, of the"
                " field being there; shown below the floor too. by_metric is the same over the"
                " fields of one figure. receivers: some person but the giver is named."
                " receiver_party: each of them has a party. affiliation: there unless no"
                " organisation was ever linked and a professional names one that is not the"
                " agency.",
            ),
        ),
        unfloored=True,
    )


def _covered(view: View, fields: Sequence[str], by_metric: Mapping[str, tuple[str, ...]]) -> Figure:
    n = view.contributions
    if not n:
        return missing(Reason.NO_DATA)
    present = {name: _present(view, name, n) for name in fields}
    means = {of: _mean([present[one] for one in of], n) for of in set(by_metric.values())}
    detail = {
        "fields": {name: _mean([count], n) for name, count in present.items()},
        "by_metric": {id_: means[of] for id_, of in by_metric.items()},
    }
    return divided(sum(present.values()), n * len(fields), n, **detail)


def _present(view: View, field: str, n: int) -> int:
    question = q.FIELDS[field]
    if question is None:
        return n - view.affiliation_unknown(FROM_PROFESSIONAL)
    return view.count(question)


def _mean(present: list[int], n: int) -> float:
    every = n * len(present)
    there = sum(present)
    return 1.0 if there == every else rounded(there / every)  # as most are
