"""Announcements: once a day, after UTC midnight, what is said aloud of each service is decided.

The day that ended is evaluated; what changes is announced as an event, and remembered in the same
transaction. Stream: ``classification-{service_id}``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import orjson
import structlog

from services.insights.metrics.catalogue import VERSION
from services.insights.metrics.thresholds import WINDOW_DAYS
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.reader import Reader
from services.insights.projection.receipt import Moment
from services.insights.projection.store import Pool
from services.insights.verdict.announcement import Announced, announce
from services.insights.verdict.grade import Grade
from services.insights.verdict.rule import ServiceClass
from services.insights.verdict.verdict import Verdict, classify
from shared.commands.plan import happened
from shared.contracts.insights import ServiceClassificationChanged
from shared.contracts.topics import INSIGHTS_CHANGES
from shared.contracts.vocabulary import Message
from shared.eventstore.handling import handle
from shared.eventstore.port import (
    Answer,
    Command,
    Idempotency,
    Provenance,
    Stream,
)
from shared.eventstore.store import PostgresEventStore

ONE_DAY = timedelta(days=1)
SYSTEM = "insights"
log = structlog.get_logger(__name__)

LATEST = """
SELECT DISTINCT ON (service_id, time_window) service_id, time_window, day, announced
FROM announcement
WHERE service_id = ANY($1) AND day < $2 ORDER BY service_id, time_window, day DESC
"""
EVALUATED = "SELECT service_id, day FROM evaluation WHERE service_id = ANY($1)"
# A service that is new today has no day that ended yet: its first evaluation is tonight's.
MEET = """
INSERT INTO evaluation (service_id, day) SELECT new, $2 FROM unnest($1::text[]) AS new
ON CONFLICT DO NOTHING
"""
# Also back: a clock that ran ahead must not silence a service until then.
EVALUATE = "UPDATE evaluation SET day = $2 WHERE service_id = $1"


@dataclass(frozen=True, slots=True)
class Said:
    """What was announced, by window, and the newest day that was for."""

    by_window: Mapping[str, Announced]
    newest: date | None


class Announcements:
    """Reads what was announced, and announces."""

    def __init__(self, pool: Pool, store: PostgresEventStore) -> None:
        self._pool = pool
        self._store = store

    async def said(self, service_ids: Sequence[str], as_of: date) -> dict[str, Said]:
        """Return what was announced of each service up to ``as_of``: of days that had ended."""
        found: dict[str, dict[str, Announced]] = {one: {} for one in service_ids}
        newest: dict[str, date] = {}
        for row in await self._pool.fetch(LATEST, list(found), as_of):
            service_id = row["service_id"]
            found[service_id][row["time_window"]] = _read(row["announced"])
            newest[service_id] = max(row["day"], newest.get(service_id, row["day"]))
        return {one: Said(by_window, newest.get(one)) for one, by_window in found.items()}

    async def evaluate(
        self, services: Sequence[ServiceInfo], today: date, reader: Reader
    ) -> list[str]:
        """Evaluate the day before ``today`` where that was not done; return who was announced."""
        day = today - ONE_DAY
        ids = [service.service_id for service in services]
        rows = await self._pool.fetch(EVALUATED, ids)
        evaluated = {row["service_id"]: row["day"] for row in rows}
        await self._pool.execute(MEET, [one for one in ids if one not in evaluated], day)
        announced = [
            service.service_id
            for service in services
            if evaluated.get(service.service_id, day) != day
            and await self._evaluate(service, day, reader)
        ]
        if announced:
            log.info("classifications_announced", day=str(day), services=len(announced))
        return announced

    async def _evaluate(self, service: ServiceInfo, day: date, reader: Reader) -> bool:
        """Return whether anything was announced of the service that had not been before."""
        said = await self.said([service.service_id], day)
        before = said[service.service_id].by_window
        today, yesterday = await reader.folded(service, day, _verdicts)
        changed = {
            window: (found, announced)
            for window, found in today.items()
            if (announced := announce(before.get(window), found, yesterday[window]))
            and announced != before.get(window)
        }
        if changed:
            await self._publish(service, day, changed, before)
        await self._pool.execute(EVALUATE, service.service_id, day)
        return bool(changed)

    async def _publish(
        self,
        service: ServiceInfo,
        day: date,
        changed: Mapping[str, tuple[Verdict, Announced]],
        before: Mapping[str, Announced],
    ) -> None:
        events = [
            _event(service.service_id, found, announced, before.get(window))
            for window, (found, announced) in changed.items()
        ]

        rows = [
            {
                "service_id": service.service_id,
                "time_window": window,
                "day": day,
                "announced": announced.to_json(),
            }
            for window, (_, announced) in changed.items()
        ]
        changes = [{"change": "announce", "rows": rows}]
        # a repeat, by this process after a crash or by another, is answered and adds nothing
        command = _command(service, day, events, self._store.clock.now())
        await handle(self._store, [command], lambda _: changes)


def _verdicts(moment: Moment) -> tuple[Mapping[str, Verdict], Mapping[str, Verdict]]:
    today = {window: classify(moment.state, window) for window in WINDOW_DAYS}
    return today, {window: moment.past.yesterday(window) for window in WINDOW_DAYS}


def _event(
    service_id: str, found: Verdict, announced: Announced, before: Announced | None
) -> ServiceClassificationChanged:
    reasons = found.summary()["reasons"]
    return ServiceClassificationChanged(
        service_id=service_id,
        window=found.window,
        from_class=before.service_class if before else None,
        to_class=announced.service_class,
        to_grade=announced.grade,
        evaluated_on=found.as_of,
        reason_fr=" ".join(reasons["fr"]),
        reason_en=" ".join(reasons["en"]),
        definition_version=found.grounds.evidence.thresholds.stamped(VERSION),
    )


def _command(
    service: ServiceInfo,
    day: date,
    events: Sequence[ServiceClassificationChanged],
    now: datetime,
) -> Command[None]:
    service_id = service.service_id
    provenance = Provenance(agency=service.agency_ids[0], system=SYSTEM, actor=SYSTEM)
    return Command(
        stream=Stream(f"classification-{service_id}", service_id, INSIGHTS_CHANGES, key=service_id),
        initial=None,
        decide=lambda _state: [happened(event, now) for event in events],
        evolve=_unchanged,
        answer=lambda _state, _version, _recorded: Answer(200, {}),
        provenance=provenance,
        idempotency=Idempotency(provenance.source, f"{service_id}/{day}", b""),
    )


def _unchanged(_state: None, _event: Message) -> None:
    return None


def _read(text: str) -> Announced:
    said = orjson.loads(text)
    return Announced(
        ServiceClass(said["class"]),
        Grade(said["grade"]) if "grade" in said else None,
        date.fromisoformat(said["since"]),
    )
