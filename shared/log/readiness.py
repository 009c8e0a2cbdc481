"""Whether a process has reached its log: at the address it was given, with the topics it needs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog

from shared.contracts.topics import Topic
from shared.log.port import Log
from shared.runtime.retry import Backoff, retry

RETRY_SECONDS = 0.5
logger = structlog.get_logger(__name__)


class Reach:
    """Once reached it stays so: a log that goes away later is waited for, and nothing is lost."""

    def __init__(self, log: Log, topics: Sequence[Topic]) -> None:
        self._log = log
        self._topics = [topic.name for topic in topics]
        self._problem: str | None = "its log to be reached"

    def problem(self) -> Sequence[str]:
        """Return why the log was not reached so far; nothing when it was."""
        return [] if self._problem is None else [self._problem]

    async def look(self) -> None:
        """Try until the log answers and has every topic."""
        if self._problem is not None:
            backoff = Backoff(RETRY_SECONDS, RETRY_SECONDS)
            await retry(self._ask, backoff, on=(Exception,), failed=self._failed)
            self._problem = None

    async def _ask(self) -> None:
        await self._log.ends(self._topics)

    def _failed(self, failure: Exception, _seconds: float) -> None:
        if isinstance(failure, asyncpg.UndefinedTableError):
            self._note("provisioning: the database of its log has no schema")
        else:
            self._note(f"its log: {type(failure).__name__} {failure}".rstrip())

    def _note(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning("log_not_reached", problem=problem)
        self._problem = problem


@asynccontextmanager
async def reaching(log: Log, topics: Sequence[Topic]) -> AsyncIterator[Reach]:
    """Look for the log beside everything else."""
    reach = Reach(log, topics)
    looking = asyncio.create_task(reach.look())
    try:
        yield reach
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
