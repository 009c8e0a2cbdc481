"""Coverage: how much of what the figures need was recorded (Q4); shown below the floor too."""

from services.insights.metrics.definition import DEFINITIONS, FIELDS
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.predicates import Question
from services.insights.metrics.engine.tables import FROM_PROFESSIONAL
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, divided, missing, rounded

_PRESENT: dict[str, Question] = {
    "party": q.WITH_PARTY,
    "minutes": q.WITH_MINUTES,
    "phase": q.WITH_PHASE,
    "mode": q.WITH_MODE,
    "receivers": q.WITH_RECEIVERS,
    "receiver_party": q.WITH_RECEIVER_PARTY,
    "episode": q.WITH_EPISODE,
    "kind": q.WITH_KIND,
}
_BY_METRIC = {one.id: one.fields for one in DEFINITIONS if one.fields}
_BY_FIELDS = set(_BY_METRIC.values())


def coverage(view: View) -> dict[str, Figure]:
    n = view.contributions
    if not n:
        return {"Q4": missing(Reason.NO_DATA)}
    present = {name: view.count(question) for name, question in _PRESENT.items()}
    present["affiliation"] = n - view.affiliation_unknown(FROM_PROFESSIONAL)
    means = {fields: _mean([present[one] for one in fields], n) for fields in _BY_FIELDS}
    by_metric = {id_: means[fields] for id_, fields in _BY_METRIC.items()}
    detail = {
        "fields": {name: _mean([count], n) for name, count in present.items()},
        "by_metric": by_metric,
    }
    return {"Q4": divided(sum(present.values()), n * len(FIELDS), n, **detail)}


def _mean(present: list[int], n: int) -> float:
    every = n * len(present)
    there = sum(present)
    return 1.0 if there == every else rounded(there / every)  # as most are
