"""Rebuild: folds the whole log again beside the live fold, compares, and switches in one row."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import structlog

from services.insights.projection.fold import Fold
from services.insights.projection.generation import RUNNING, Build, BuildState, Projections
from services.insights.projection.store import Pool
from services.insights.release.comparison import Comparison, compare
from shared.http.problems import HttpRefusal
from shared.runtime.retry import DATABASE_ERRORS

LOCK = (0x696E7369, 1)  # any constants of our own; one rebuild at a time in all replicas
RUNS = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND classid::bigint = $1 AND objid::bigint = $2 AND granted
        AND datname = current_database()
)
"""
POLL_SECONDS = 0.1
FAILED_EVIDENCE = "the new fold stopped"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """What a rebuild works with. ``open_fold`` opens a fold of a projection, without memory."""

    pool: Pool
    projections: Projections
    serving: Callable[[], Fold]
    open_fold: Callable[[int], Awaitable[Fold]]


class Rebuild:
    def __init__(self, rebuilding: Rebuilding) -> None:
        self._with = rebuilding
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def start(self, *, always: bool) -> Build:
        """Begin in the background; ``always``: switch also where figures differ.

        Raises:
            HttpRefusal: a rebuild runs already, here or elsewhere.
        """
        async with self._starting:
            await self._let_go()
            started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(started, always=always))
            await started
        return await self._with.projections.newest()

    async def status(self) -> Build:
        """Return the newest projection; one whose process died is ``abandoned``."""
        build = await self._with.projections.newest()
        if build.state not in RUNNING or await self._with.pool.fetchval(RUNS, *LOCK):
            return build
        # it may have ended between the two looks
        build = await self._with.projections.newest()
        return replace(build, state=BuildState.ABANDONED) if build.state in RUNNING else build

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _let_go(self) -> None:
        """Be done with the rebuild before: it has said its last word, or lost its lock."""
        if self._task is None or self._task.done():
            return
        state = (await self.status()).state
        if state in RUNNING:
            raise _running()
        if state is BuildState.ABANDONED:
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self, started: asyncio.Future[None], *, always: bool) -> None:
        try:
            async with self._locked():
                version = await self._with.projections.begin()
                started.set_result(None)
                await self._reported(version, always=always)
        except Exception as failure:
            if started.done():
                log.exception("rebuild_not_reported")
            else:
                started.set_exception(failure)  # whoever asked is told
        finally:
            started.cancel()

    async def _reported(self, version: int, *, always: bool) -> None:
        try:
            await self._build(version, always=always)
        except Exception as failure:
            log.exception("rebuild_failed", version=version)
            report = {"to": version, "failure": repr(failure)}
            await self._with.projections.finish(version, BuildState.FAILED, report)

    async def _build(self, version: int, *, always: bool) -> None:
        projections, serving = self._with.projections, self._with.serving()
        fold = await self._with.open_fold(version)
        try:
            await _caught_up(fold, serving)
            await projections.move(version, BuildState.COMPARING)
            comparison = await _compared(serving, fold)
        finally:
            await fold.close()
        report = comparison.report(serving.store.projection, version)
        log.info("rebuild_compared", equal=comparison.equal, figures=comparison.figures, to=version)
        if comparison.equal or always or serving.incomplete():
            await projections.move(version, BuildState.SWITCHING)
            await projections.switch(version, report)
        else:
            await projections.finish(version, BuildState.DIFFERENT, report)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """While it is held no rebuild can begin anywhere.

        Raises:
            HttpRefusal: one runs already.
        """
        async with self._with.pool.acquire() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *LOCK):
                raise _running()
            try:
                yield
            finally:
                try:
                    # a connection that is gone has let go by itself
                    with suppress(*DATABASE_ERRORS):
                        await connection.execute("SELECT pg_advisory_unlock($1, $2)", *LOCK)
                finally:
                    connection.terminate()  # if it still has the lock, that must not be lent on


async def _caught_up(fold: Fold, serving: Fold) -> None:
    while True:
        if (failure := fold.consumer.failure()) is not None:
            raise RuntimeError(f"{FAILED_EVIDENCE}: {failure}")
        target, reached = await serving.store.positions(), await fold.store.positions()
        if all(reached.get(source, 0) >= position for source, position in target.items()):
            return
        await asyncio.sleep(POLL_SECONDS)


async def _compared(serving: Fold, fold: Fold) -> Comparison:
    services = {**await fold.store.services(), **await serving.store.services()}
    ordered = [services[service_id] for service_id in sorted(services)]
    return await compare(serving.reader, fold.reader, ordered, serving.reader.today())


def _running() -> HttpRefusal:
    return HttpRefusal(
        409,
        "rebuild_running",
        "A rebuild is under way.",
        remedy="GET /v1/rebuild says how far it is.",
    )
