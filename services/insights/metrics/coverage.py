"""Coverage: how much of what the figures need was recorded (Q4); shown below the floor too."""

from collections.abc import Callable
from fractions import Fraction

from services.insights.facts import AFFILIATION_UNKNOWN
from services.insights.metrics.catalogue import DEFINITIONS, FIELDS
from services.insights.metrics.cell import EVERY_PARTY_KNOWN, NOBODY_NAMED, Cell
from services.insights.metrics.figure import Figure, Reason, exactly, missing, rounded
from services.insights.metrics.view import View

_PRESENT: dict[str, Callable[[Cell], bool]] = {
    "party": lambda cell: cell.party != 0,
    "minutes": lambda cell: cell.timed,
    "phase": lambda cell: cell.phase != 0,
    "mode": lambda cell: cell.mode != 0,
    "receivers": lambda cell: cell.reach != NOBODY_NAMED,
    "receiver_party": lambda cell: cell.known == EVERY_PARTY_KNOWN,
    "episode": lambda cell: cell.episode,
    "affiliation": lambda cell: cell.outside != AFFILIATION_UNKNOWN,
}


def coverage(view: View) -> dict[str, Figure]:
    n = view.everything.contributions
    if not n:
        return {"Q4": missing(Reason.NO_DATA)}
    present = {name: view.sum("count", _PRESENT[name]).contributions for name in FIELDS}
    by_metric = {
        definition.id: _mean(present, definition.fields, n)
        for definition in DEFINITIONS
        if definition.fields
    }
    detail = {
        "fields": {name: rounded(Fraction(count, n)) for name, count in present.items()},
        "by_metric": {id_: rounded(mean) for id_, mean in by_metric.items()},
    }
    return {"Q4": exactly(_mean(present, FIELDS, n), n, **detail)}


def _mean(present: dict[str, int], fields: tuple[str, ...], n: int) -> Fraction:
    return Fraction(sum(present[name] for name in fields), n * len(fields))
