"""What must hold of a deployment after any fault, however it was broken and mended.

The log, the stores, every fact and figure, the directories and the live stream are compared by
``coprod verify --deep``, which recomputes all of them by other means. Here stands what only the
client of the test can know, and what is true of the processes.
"""

import asyncio
from collections import Counter
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import psutil

from tests.faults.world import World
from tests.support.journal import Acknowledged, Journal
from tests.support.polling import eventually
from tools.deployment.client import Services
from tools.terminal.failure import ExitCode
from tools.verification.report import Report
from tools.verification.service import asked, listed
from tools.verification.stream import listen

WRITERS = ("registry", "exchange")
SETTLING_SECONDS_MAX = 45.0
GROWTH_MAX = 1.5  # of memory, over what a process that had done its first work needed
GROWTH_BYTES_MAX = 96 * 1024**2
MORE_DESCRIPTORS_MAX = 40  # pools open more connections under load, and keep them a while
MORE_BACKENDS_MAX = 40

PLACED = """
SELECT topic || '/' || partition || ':' || position FROM event WHERE topic IS NOT NULL
"""
ANSWERED = """
SELECT i.key, i.status, i.body, count(*) OVER (PARTITION BY i.key), (
    SELECT coalesce(array_agg(e.topic || '/' || e.partition || ':' || e.position ORDER BY e.version)
            FILTER (WHERE e.topic IS NOT NULL), '{}')
    FROM event AS e WHERE e.stream_id = i.stream_id AND e.version > i.after_version
        AND e.version <= i.last_version)
FROM idempotency AS i WHERE i.key = ANY(%(keys)s)
"""
BACKENDS = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Needs:
    """What one process holds of its machine."""

    resident_bytes: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the deployment needed before it was broken."""

    processes: dict[str, Needs]
    backends: int


@dataclass(frozen=True, slots=True)
class Findings:
    """``broken`` is empty where all that was promised holds; the rest is for the table.

    ``repeats``: records of the log that say again what was said; each was dropped by everybody.
    ``fenced``: attempts to write under an epoch that was not the newest.
    """

    broken: list[str]
    events: int
    repeats: int
    fenced: int


async def check(
    w: World, journal: Journal, since: Baseline | None = None, *, rebuild: bool = False
) -> list[str]:
    """Return every promise that is broken; the deployment is quiet and whole again."""
    return (await examine(w, journal, since, rebuild=rebuild)).broken


async def examine(
    w: World,
    journal: Journal,
    since: Baseline | None = None,
    *,
    rebuild: bool = False,
    others: AbstractSet[str] = frozenset(),
) -> Findings:
    """Look at everything, and count what happened on the way.

    ``others``: positions of events that come from no command of the journal.
    """
    await w.ready()
    report = await _verified(w, rebuild=rebuild)
    broken = [
        f"{check}: {sentence}"
        for check, sentences in report["problems"].items()
        for sentence in sentences
    ]
    broken += await _journaled(w, journal, others)
    broken += await asyncio.to_thread(_shown_alike, w)
    if since is not None:
        broken += await _returned(w, since)
    logs = [one.log_text() for one in w.processes.values()]
    return Findings(
        broken=broken,
        events=report["compared"].get("events equal in log and store", 0),
        repeats=report["compared"].get("repeats in the log", 0),
        fenced=sum(text.count("partition_fenced") + text.count("relay_fenced") for text in logs),
    )


async def baseline(w: World) -> Baseline:
    """Return what the processes that run hold now; measured after some load has warmed them."""
    return Baseline(
        {name: _needs(one.pid) for name, one in w.processes.items() if one.alive},
        await _backends(w),
    )


async def _verified(w: World, *, rebuild: bool) -> dict[str, Any]:
    arguments = ("verify", "--deep", *(("--rebuild",) if rebuild else ()), "--json")
    code, said = await w.coprod(*arguments, seconds_max=600)
    start = said.find("{")
    if code not in (ExitCode.OK, ExitCode.PROBLEM) or start < 0:
        return {"problems": {f"verify ended with {code}": [said]}, "compared": {}}
    report: dict[str, Any] = orjson.loads(said[start : said.rindex("}") + 1])
    assert report["clean"] == (code == ExitCode.OK), said
    return report


async def _journaled(w: World, journal: Journal, others: AbstractSet[str]) -> list[str]:
    """Hold acknowledged commands against the events: each is there once, and nothing else is."""
    broken = []
    told = Counter(journal.positions)
    broken += [f"position {at} was promised {n} times" for at, n in told.items() if n > 1]
    stored: set[str] = set()
    for name in WRITERS:
        stored |= {at for (at,) in await w.postgres.fetch(PLACED, database=name)}
    lost, unclaimed = told.keys() - stored, stored - told.keys() - others
    broken += [f"acknowledged, and not stored: {at}" for at in sorted(lost)[:10]]
    broken += [f"stored, and no command was answered for it: {at}" for at in sorted(unclaimed)[:10]]
    remembered = await _remembered(w, list(journal.accepted))
    for one in journal.accepted.values():
        broken += _answered_alike(one, remembered.get(one.key))
    return broken


async def _remembered(w: World, keys: list[str]) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for name in WRITERS:
        rows = await w.postgres.fetch(ANSWERED, database=name, keys=keys)
        found |= {row[0]: row[1:] for row in rows}
    return found


def _answered_alike(one: Acknowledged, remembered: tuple[Any, ...] | None) -> list[str]:
    """Hold what the client was told to be what any repeat of its command would be told."""
    if remembered is None:
        return [f"{one.key} was acknowledged and is forgotten"] if one.positions else []
    _, body, times, positions = remembered
    broken = [] if times == 1 else [f"{one.key} was taken {times} times"]
    if tuple(positions) != one.positions:
        broken.append(f"{one.key} was told {one.positions}, and made {positions}")
    if orjson.loads(body) != one.answer:
        broken.append(f"{one.key} was told {one.answer}, and a repeat would be told {body!r}")
    return broken


def _shown_alike(w: World) -> list[str]:
    """Hold every replica of insights to show on its stream what the first one does."""
    shown: dict[str, dict[Any, Any]] = {}
    report = Report()
    for one in w.replicas("insights"):
        if not one.alive or one.paused:
            continue
        place = w.deployment().model_copy(update={"urls": {**w.urls, "insights": one.url}})
        with closing(Services(place)) as services:
            said = [asked(services, service_id, None) for service_id in listed(services)]
            answered = [(len(each.metrics), len(each.verdicts)) for each in said]
            listen(one.url, said, report)
        shown[one.name] = {
            each.service_id: _figures(each.metrics[n:], each.verdicts[m:])
            for each, (n, m) in zip(said, answered, strict=True)
        }
    broken = [sentence for sentences in report.problems.values() for sentence in sentences]
    first = next(iter(shown.values()), {})
    for name, told in shown.items():
        different = [key for key in told.keys() | first.keys() if told.get(key) != first.get(key)]
        broken += [f"{name} shows {key} otherwise than the first replica" for key in different]
    return broken


def _figures(metrics: list[Any], verdicts: list[Any]) -> list[Any]:
    return [
        *((one["window"], one["lens"], one["metrics"]) for one in metrics),
        *((one["window"], one["class"], one["axes"]) for one in verdicts),
    ]


async def _returned(w: World, since: Baseline) -> list[str]:
    """Wait for memory and connections to come back to what they were; return what did not."""
    broken: list[str] = []

    async def returned() -> bool:
        broken[:] = _grown(w, since)
        backends = await _backends(w)
        if backends > since.backends + MORE_BACKENDS_MAX:
            broken.append(f"PostgreSQL serves {backends} clients, before it was {since.backends}")
        return not broken

    with suppress(AssertionError):
        await eventually(returned, SETTLING_SECONDS_MAX)
    return broken


def _grown(w: World, since: Baseline) -> list[str]:
    broken = []
    for name, before in since.processes.items():
        if not w.process(name).alive:
            broken.append(f"{name} is not there any more")
            continue
        now = _needs(w.process(name).pid)
        if now.resident_bytes > GROWTH_MAX * before.resident_bytes + GROWTH_BYTES_MAX:
            broken.append(f"{name} holds {now.resident_bytes} bytes, before {before}")
        if now.descriptors > before.descriptors + MORE_DESCRIPTORS_MAX:
            broken.append(f"{name} holds {now.descriptors} descriptors, before {before}")
    return broken


def _needs(pid: int) -> Needs:
    process = psutil.Process(pid)
    with process.oneshot():
        return Needs(process.memory_info().rss, process.num_fds())


async def _backends(w: World) -> int:
    ((count,),) = await w.postgres.fetch(BACKENDS)
    return int(count)
