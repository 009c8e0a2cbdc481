"""Opens a service's parts in the background, so that meanwhile it can say what it waits for."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import asyncpg
import structlog
from fastapi import FastAPI

from shared.database.fitness import UnfitDatabase, require_fitness
from shared.database.forgetting import TURN_KEYS, forgetting
from shared.database.schema import MIGRATIONS
from shared.database.session import left_as_it_is
from shared.eventstore.store import Pool
from shared.http.problems import HttpRefusal
from shared.runtime.retry import DATABASE_ERRORS, Backoff, retry

POOL_SIZE_MAX = 10
CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_SECONDS = 10
PING_TIMEOUT_SECONDS = 2
# Longer than a statement may take: whoever is silent in a transaction for that long was stopped,
# and nobody else could claim what it has locked.
IDLE_IN_TRANSACTION_SECONDS_MAX = 15
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.1, 1.0
DEPLOYMENT = "SELECT id FROM deployment"
APPLIED = "SELECT migration_id FROM _yoyo_migration"
log = structlog.get_logger(__name__)


class Parts(Protocol):
    @property
    def pool(self) -> Pool: ...

    async def watch(self) -> None:
        """Return, or raise, when a part can't go on and the process must end."""
        ...

    def failing(self) -> Sequence[str]:
        """Return what does not work although the process goes on."""
        ...


P = TypeVar("P", bound=Parts)


class NotProvisioned(Exception):
    """The database is not yet what this build expects; provisioning makes it so."""


class Opening(Generic[P]):
    """Tries to open the parts until it works. A part that fails later ends the process."""

    def __init__(self, open_parts: Callable[[], AbstractAsyncContextManager[P]]) -> None:
        self._open_parts = open_parts
        self._parts: P | None = None
        self._reason = "its parts to be opened"

    @property
    def parts(self) -> P:
        """The open parts.

        Raises:
            HttpRefusal: they are not open yet; the answer is a 503 that says why.
        """
        if self._parts is None:
            raise HttpRefusal(
                503,
                "not_ready",
                f"Waiting for {self._reason}.",
                remedy="Send the same request again shortly; /readyz says when it is time.",
            )
        return self._parts

    async def waiting(self) -> Sequence[str]:
        """Return what the service waits for, or can't do without; nothing when it is ready."""
        if self._parts is None:
            return [self._reason]
        return [*self._parts.failing(), *await _absence(self._parts.pool)]

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Keep the parts open for as long as the application serves."""
        task = asyncio.create_task(self._keep_open())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _keep_open(self) -> None:
        backoff = Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
        try:
            await retry(
                self._open, backoff, on=lambda _: self._parts is None, failed=self._wait_for
            )
        except Exception as failure:  # noqa: BLE001  # whatever it is, /readyz says it
            self._end(failure)

    async def _open(self) -> None:
        async with self._open_parts() as parts, forgetting(parts.pool, TURN_KEYS):
            self._parts = parts
            log.info("service_opened")
            await parts.watch()
            raise RuntimeError("a part ended that should run for ever")

    def _wait_for(self, failure: Exception, _seconds: float) -> None:
        reason = _reason(failure)
        if reason != self._reason:
            log.warning("service_waiting", reason=reason)
        self._reason = reason

    def _end(self, failure: Exception) -> None:
        self._parts = None
        self._reason = "a restart: a part failed"
        log.critical("service_failed", exc_info=failure)
        signal.raise_signal(signal.SIGTERM)


@asynccontextmanager
async def open_pool(dsn: str) -> AsyncIterator[Pool]:
    """Keep a pool of connections, and end with every one of them closed.

    Raises:
        Unfit: the database is not one that a service can keep its promises on.
    """
    await require_fitness(dsn)
    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=POOL_SIZE_MAX,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=STATEMENT_TIMEOUT_SECONDS,
        init=_limited,
        reset=left_as_it_is,
    )
    try:
        yield pool
    finally:
        await pool.close()


async def _limited(connection: asyncpg.Connection) -> None:
    """Bound what a session may take, also where its client is not there any more to give it up.

    Not when connecting: a pooler that lends whole sessions would refuse the settings there.
    """
    await connection.execute(
        f"SET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s';"
        f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS_MAX}s'"
    )


async def deployment_of(pool: Pool, service: str) -> str:
    """Return the id of the deployment that the database belongs to.

    Raises:
        NotProvisioned: there is none, or a migration of this build has not been applied.
    """
    try:
        applied = {row["migration_id"] for row in await pool.fetch(APPLIED)}
        deployment = await pool.fetchval(DEPLOYMENT)
    except asyncpg.UndefinedTableError:
        raise NotProvisioned(f"the database of {service} has no schema") from None
    if missing := sorted(_expected(service) - applied):
        raise NotProvisioned(f"the database of {service} lacks {', '.join(missing)}")
    if deployment is None:
        raise NotProvisioned(f"the database of {service} has no deployment id")
    return str(deployment)


async def _absence(pool: Pool) -> Sequence[str]:
    try:
        async with asyncio.timeout(PING_TIMEOUT_SECONDS):
            await pool.fetchval("SELECT 1")
    except DATABASE_ERRORS as failure:
        return [_reason(failure)]
    return []


def _expected(service: str) -> set[str]:
    return {found.stem for path in MIGRATIONS[service] for found in Path(path).glob("*.sql")}


def _reason(failure: Exception) -> str:
    match failure:
        case NotProvisioned():
            return f"provisioning: {failure}"
        case asyncpg.InvalidCatalogNameError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"provisioning: {failure}"
        case UnfitDatabase():
            return f"another database: {failure}"
        case _ if isinstance(failure, DATABASE_ERRORS):
            return f"its database: {type(failure).__name__} {failure}".rstrip()
        case _:
            return f"its parts: {type(failure).__name__} {failure}".rstrip()
