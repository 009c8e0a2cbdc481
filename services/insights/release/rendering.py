"""Release: the one place through which every figure leaves insights.

What leaves today is the coordinator's exact view, on loopback, and says that it is not for
publication. The rule that makes figures safe to publish will stand here, and nowhere else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any

import orjson

from services.insights.metrics.catalogue import VERSION, versions
from services.insights.metrics.figures import figures, figures_encoded, metrics_json
from services.insights.metrics.record import without_unknown
from services.insights.metrics.thresholds import WINDOW_DAYS
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.receipt import Moment
from services.insights.release.snapshot import Snapshot, Version, of_record
from services.insights.verdict.announcement import Announced
from services.insights.verdict.grade import Tested
from services.insights.verdict.sentences.waiting import waiting_json
from services.insights.verdict.verdict import Verdict, classify, verdict_json

RELEASE_HEADER = {"Coprod-Release": "exact; not-for-publication"}
INCOMPLETE = "incomplete"
IN_ANSWERS_ALONE = ("service_id", "window", "as_of", "definition_version", "receipt")
"""Of a verdict; in a snapshot they stand beside it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose figures leave. ``announced``: by window, what was announced up to the as-of day.

    ``incarnation``, ``projection`` and ``announced_day`` (an ordinal, 0 for none) are for a
    snapshot's version.
    """

    service: ServiceInfo
    announced: Mapping[str, Announced]
    incarnation: int = 0
    projection: int = 0
    announced_day: int = 0


def metrics(moment: Moment, service_id: str, window: str, lens: str | None) -> dict[str, Any]:
    """Return every figure of one window and lens; without a lens, in the verdict's."""
    receipt = _receipt(moment, window)
    return metrics_json(moment.state, window, service_id=service_id, receipt=receipt, lens=lens)


def verdict(moment: Moment, subject: Subject, window: str) -> dict[str, Any]:
    """Return the verdict of one window, and the acts that wait to count in the next one."""
    record = _verdict(moment, subject, window, _receipt(moment, window), Tested.to_json)
    return {**record, "waiting": waiting_json(moment.state)}


def _verdict(
    moment: Moment,
    subject: Subject,
    window: str,
    receipt: dict[str, Any],
    test_json: Callable[[Tested], object],
) -> dict[str, Any]:
    found = classify(moment.state, window)
    announced = subject.announced.get(window)
    evidenced = found if found.evidenced else moment.past.evidenced(window)
    since = _holds_since(moment, found)
    record = verdict_json(
        found,
        service_id=subject.service.service_id,
        receipt=receipt,
        announced=announced.to_json() if announced else None,
        last_evidenced=evidenced.summary() if evidenced else None,
        test_json=test_json,
    )
    held = {"holds_since": since.isoformat()} if since else {}
    return _flagged(moment, {**record, **held})


def _holds_since(moment: Moment, found: Verdict) -> date | None:
    """Return since when the class holds; None where there never was another, or it's not known."""
    if moment.past.yesterday(found.window).service_class is not found.service_class:
        return found.as_of
    before = moment.held_before(found.window)
    return before.then(found).since if before else None


def history(
    moments: Iterable[Moment], service_id: str, metric: str, window: str, lens: str | None
) -> dict[str, Any]:
    """Return one point a moment and the last one's receipt; they may share a state that moves.

    Without a lens each point is in the lens of its own day's verdict, and says which.
    """
    points: list[dict[str, Any]] = []
    said: dict[str, Any] = {}
    for moment in moments:
        state = moment.state
        own = lens or state.view(window).lens
        version = versions(state.thresholds)[metric]
        figure = figures(state, window, own)[metric].to_json(version)
        points.append({"day": state.as_of.isoformat(), "lens": own, **figure})
        said = _receipt(moment, window)
    return without_unknown(
        {
            "service_id": service_id,
            "metric": metric,
            "window": window,
            "lens": lens,
            "from": points[0]["day"],
            "to": points[-1]["day"],
            "points": points,
            "receipt": said,
        }
    )


def trends(
    moments: Iterable[Moment], service_id: str, window: str, lens: str | None
) -> dict[str, Any]:
    """Return the value of every figure at each moment, side by side; null where it has none.

    It costs hardly more than the history of one figure: the days are folded once for all of them.
    """
    days: list[str] = []
    series: dict[str, list[float | None]] = {}
    said: dict[str, Any] = {}
    for moment in moments:
        days.append(moment.state.as_of.isoformat())
        for id_, figure in figures(moment.state, window, lens).items():
            series.setdefault(id_, []).append(figure.value)
        said = _receipt(moment, window)
    return without_unknown(
        {
            "service_id": service_id,
            "window": window,
            "lens": lens,
            "days": days,
            "series": series,
            "receipt": said,
        }
    )


def snapshot(moment: Moment, subject: Subject) -> Snapshot:
    """Return everything that the live stream says of a service."""
    windows = {
        window: {
            "verdict": _verdict_encoded(moment, subject, window),
            "metrics": figures_encoded(moment.state, window),
        }
        for window in WINDOW_DAYS
    }
    return of_record(
        {
            "service": identity(subject.service),
            "as_of": moment.state.as_of.isoformat(),
            "version": list(_version(moment, subject)),
            "windows": windows,
            "waiting": waiting_json(moment.state),
            "receipt": receipt(moment),
        }
    )


def glance(service: ServiceInfo, newest: Snapshot | None) -> dict[str, Any]:
    """Return the service with its newest verdicts; without them while there is no snapshot."""
    if newest is None:
        return identity(service)
    told = orjson.loads(newest.glance)
    return {
        **identity(service),
        "as_of": told["as_of"],
        "verdicts": {window: one["verdict"] for window, one in told["windows"].items()},
        "waiting": told["waiting"],
    }


def identity(service: ServiceInfo) -> dict[str, Any]:
    """Return what registry says of the service; there are no figures in it."""
    return without_unknown(
        {
            "service_id": service.service_id,
            "agency_ids": list(service.agency_ids),
            "local_id": service.local_id,
            "name": service.name,
            "provides": service.provides,
            "starts_on": service.starts_on.isoformat(),
            "closed_on": service.closed_on.isoformat() if service.closed_on else None,
            "providers": list(service.providers),
        }
    )


def receipt(moment: Moment) -> dict[str, Any]:
    state = moment.state
    return {
        **moment.standing.receipt(state.as_of, state.thresholds.stamped(VERSION)),
        "release": "exact, not for publication",
    }


def _version(moment: Moment, subject: Subject) -> Version:
    return Version(
        incarnation=subject.incarnation,
        projection=subject.projection,
        position=sum(moment.standing.positions.values()),
        day=moment.state.as_of.toordinal(),
        announced=subject.announced_day,
        events=moment.standing.events,
        held=moment.held_from,
    )


def _receipt(moment: Moment, window: str) -> dict[str, Any]:
    return {"window": window, **receipt(moment)}


def _verdict_encoded(moment: Moment, subject: Subject, window: str) -> orjson.Fragment:
    """Return the verdict as it stands in a snapshot and in its glance, which say the rest once."""
    record = _verdict(moment, subject, window, {}, attrgetter("encoded"))
    for said_once in IN_ANSWERS_ALONE:
        del record[said_once]
    return orjson.Fragment(orjson.dumps(record))


def _flagged(moment: Moment, record: dict[str, Any]) -> dict[str, Any]:
    if moment.standing.complete:
        return record
    return {**record, "flags": [*record["flags"], INCOMPLETE]}
