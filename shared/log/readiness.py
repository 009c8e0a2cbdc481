"""Whether a process has reached its log: at the address it was given, with the topics it needs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog

from shared.contracts.topics import Topic
from shared.log.port import Log

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
        while self._problem is not None:
            try:
                await self._log.ends(self._topics)
            except asyncpg.UndefinedTableError:
                self._note("provisioning: the database of its log has no schema")
            except Exception as failure:  # noqa: BLE001 - whatever it is, /readyz says it
                self._note(f"its log: {type(failure).__name__} {failure}".rstrip())
            else:
                self._problem = None
                return
            await asyncio.sleep(RETRY_SECONDS)

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
