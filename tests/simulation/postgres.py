"""A stand-in for PostgreSQL and asyncpg: rows, locks, sessions and commits at READ COMMITTED.

It keeps what the protocols lean on: a statement sees what is committed when it begins and looks
again at a row it had to wait for; row and advisory locks; a unique key waits for who may insert it;
nothing of a transaction is seen before its commit. ``test_stand_ins`` holds it to a real one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Self, TypeAlias, TypeVar, cast

import asyncpg

from tests.simulation.loop import HERE, later_outside, outside
from tests.simulation.luck import Fate, Luck

T = TypeVar("T")
RowKey: TypeAlias = tuple[str, tuple[Any, ...]]
Statement: TypeAlias = Callable[..., Awaitable[Sequence["Row"]]]
STATEMENTS: dict[str, Statement] = {}
"""SQL text -> what it does, called with the session and the text's arguments."""
DEADLOCK_SECONDS = 1.0


class MustWait(Exception):
    """A statement that was tried at once met a lock; it is begun again as a task that can wait."""


class Row(tuple[Any, ...]):  # noqa: SLOT001 - a tuple has no room for slots
    """A row as asyncpg has it: by place, by name, and as a mapping."""

    names: tuple[str, ...]

    def __new__(cls, names: Iterable[str], values: Iterable[Any]) -> Self:
        row = super().__new__(cls, values)
        row.names = tuple(names)
        return row

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def keys(self) -> Iterable[str]:
        return self.names


def statement(*texts: str) -> Callable[[Statement], Statement]:
    """Say what these texts do."""

    def known(does: Statement) -> Statement:
        for text in texts:
            STATEMENTS[text] = does
        return does

    return known


class Database:
    """``watchers`` are told of each commit: (table, key) -> row, None for one that was deleted."""

    def __init__(self, loop: asyncio.AbstractEventLoop, luck: Luck, name: str) -> None:
        self.loop, self.luck, self.name = loop, luck, name
        self.tables: defaultdict[str, dict[tuple[Any, ...], Mapping[str, Any]]] = defaultdict(dict)
        self.locks: dict[RowKey, Session] = {}
        self.advisory: dict[tuple[Any, ...], Session] = {}
        self.waiting: defaultdict[RowKey, list[asyncio.Future[None]]] = defaultdict(list)
        self.sessions: set[Session] = set()
        self.up = True
        self.deadlock_seconds = DEADLOCK_SECONDS  # how long who waits does so before looking why
        self.numbers = 0
        self.watchers: list[Callable[[Mapping[RowKey, Any]], None]] = []

    def number(self) -> int:
        """Return the next number of an identity column; a rollback does not give it back."""
        self.numbers += 1
        return self.numbers

    def crash(self, seconds: float) -> None:
        """End every session and be away; what is committed stays."""
        self.up = False
        for session in list(self.sessions):
            session.end()
        later_outside(self.loop, seconds, self._start)

    def _start(self) -> None:
        self.up = True

    def pool(self) -> "Pool":
        return Pool(self)


class Session:
    """The server's side of a connection. ``writes`` is None outside a transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writes: dict[RowKey, Mapping[str, Any] | None] | None = None
        self.savepoints: list[dict[RowKey, Mapping[str, Any] | None]] = []
        self.held: set[RowKey] = set()
        self.failed = False
        self.ended = False
        self.waits_for: Session | None = None
        self.lock_timeout: float | None = None
        self.idle_timeout: float | None = None
        self._statements = 0
        self.active_at = database.loop.time()
        database.sessions.add(self)

    # --- rows

    def get(self, table: str, key: tuple[Any, ...]) -> Any:
        """Return the row as this transaction sees it now."""
        if self.writes is not None and (table, key) in self.writes:
            return self.writes[table, key]
        return self.database.tables[table].get(key)

    def scan(self, table: str) -> list[tuple[tuple[Any, ...], Mapping[str, Any]]]:
        rows = dict(self.database.tables[table])
        for (name, key), row in (self.writes or {}).items():
            if name == table:
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        return list(rows.items())

    def put(self, table: str, key: tuple[Any, ...], row: Mapping[str, Any] | None) -> None:
        if self.writes is None:
            raise AssertionError("a statement always runs in a transaction, its own at least")
        self.writes[table, key] = row

    async def lock(self, table: str, key: tuple[Any, ...], *, wait: bool = True) -> bool:
        """Lock the row to the end of the transaction; look at it again afterwards."""
        at = (table, key)
        began = self.database.loop.time()
        while (holder := self.database.locks.get(at)) not in (None, self):
            if not wait:
                return False
            if asyncio.current_task() is None:
                raise MustWait
            self.waits_for = holder
            if not self.database.deadlock_seconds and self._in_a_circle():
                self.waits_for = None
                raise asyncpg.DeadlockDetectedError("deadlock detected")
            freed = self.database.loop.create_future()
            self.database.waiting[at].append(freed)
            try:
                async with asyncio.timeout(self._patience(began)):
                    await freed
            except TimeoutError as late:
                if self._in_a_circle():
                    raise asyncpg.DeadlockDetectedError("deadlock detected") from late
                waited = self.database.loop.time() - began
                if self.lock_timeout is not None and waited >= self.lock_timeout - 1e-6:
                    raise asyncpg.LockNotAvailableError("lock timeout") from late
            finally:
                self.waits_for = None
            self.require_open()
        self.database.locks[at] = self
        self.held.add(at)
        return True

    def _patience(self, began: float) -> float:
        waited = self.database.loop.time() - began
        look = self.database.deadlock_seconds or DEADLOCK_SECONDS
        timeout = look if self.lock_timeout is None else self.lock_timeout - waited
        return max(0.0, min(look, timeout))

    def _in_a_circle(self) -> bool:
        behind, seen = self.waits_for, {self}
        while behind is not None and behind not in seen:
            seen.add(behind)
            behind = behind.waits_for
        return behind is self

    # --- transactions

    async def execute(self, text: str, args: Sequence[Any]) -> Sequence[Row]:
        """Run one statement, in the open transaction or in one of its own."""
        self.require_open()
        if self.failed:
            raise asyncpg.InFailedSQLTransactionError("current transaction is aborted")
        self.active_at = self.database.loop.time()
        own = self.writes is None
        if own:
            self.writes = {}
        self._statements += 1
        before = dict(self.writes or {})
        try:
            rows = await STATEMENTS[text](self, *args)
            self.require_open()
        except MustWait:
            self.writes = None if own else before
            raise
        except asyncpg.PostgresError:
            if own:
                self.rollback()
            else:
                self._abort()
            raise
        if own:
            self.commit()
        elif self.idle_timeout is not None:
            later_outside(self.database.loop, self.idle_timeout, self._idle, self._statements)
        return rows

    def begin(self) -> None:
        self.require_open()
        self._statements += 1
        if self.writes is None:
            self.writes = {}
        else:
            self.savepoints.append(dict(self.writes))

    def commit(self) -> None:
        self.require_open()
        self._statements += 1
        if self.savepoints:
            self.savepoints.pop()
            return
        if self.failed:
            self.rollback()
            return
        writes, self.writes = self.writes or {}, None
        for (table, key), row in writes.items():
            if row is None:
                self.database.tables[table].pop(key, None)
            else:
                self.database.tables[table][key] = row
        self._free()
        if writes:
            for watch in self.database.watchers:
                watch(writes)

    def rollback(self) -> None:
        self._statements += 1
        self.failed = False
        if self.savepoints:
            self.writes = self.savepoints.pop()
            return
        self.writes = None
        self._free()

    def _abort(self) -> None:
        """Undo what was done and let go of its locks; a rollback must follow all the same."""
        self.failed = True
        if not self.savepoints:
            self.writes = {}
            self._free()

    def end(self) -> None:
        """Close the session: its transaction is undone, its locks are free."""
        if self.ended:
            return
        self.ended = True
        self.savepoints.clear()
        self.writes = None
        self._free()
        for key in [key for key, holder in self.database.advisory.items() if holder is self]:
            del self.database.advisory[key]
        self.database.sessions.discard(self)

    def require_open(self) -> None:
        if self.ended:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")

    def _idle(self, statements: int) -> None:
        if self._statements == statements and self.writes is not None:
            self.end()

    def _free(self) -> None:
        self.lock_timeout = self.idle_timeout = None
        held, self.held = self.held, set()
        for at in sorted(held, key=repr):
            del self.database.locks[at]
            for freed in self.database.waiting.pop(at, ()):
                if not freed.done():
                    freed.set_result(None)


class Connection:
    """The client's side, with the calls of asyncpg that production code makes."""

    def __init__(self, database: Database, session: Session) -> None:
        self._database, self._session = database, session
        self._depth = 0
        self.broken = False
        HERE.get().on_death.append(self._abandoned)

    async def fetch(self, text: str, *args: Any) -> Sequence[Row]:
        return await self._request(lambda: self._session.execute(text, args))

    async def fetchrow(self, text: str, *args: Any) -> Row | None:
        rows = await self.fetch(text, *args)
        return rows[0] if rows else None

    async def fetchval(self, text: str, *args: Any, timeout: float | None = None) -> Any:  # noqa: ARG002, ASYNC109 - as asyncpg has it; here the lock's own ends each wait
        row = await self.fetchrow(text, *args)
        return None if row is None else row[0]

    async def execute(self, text: str, *args: Any) -> None:
        await self.fetch(text, *args)

    async def executemany(self, text: str, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            await self.fetch(text, *row)

    def transaction(self, **_options: Any) -> "Transaction":
        return Transaction(self)

    def is_closed(self) -> bool:
        return self.broken

    async def begin(self) -> None:
        await self._request(_later(self._session.begin))

    async def commit(self) -> None:
        await self._request(_later(self._session.commit))

    async def rollback(self) -> None:
        await self._request(_later(self._session.rollback))

    def terminate(self) -> None:
        self._break(0.0)

    async def _request(self, work: Callable[[], Awaitable[T]]) -> T:
        if self.broken:
            raise asyncpg.InterfaceError("connection is closed")
        loop, fate = self._database.loop, self._database.luck.fate()
        answer: asyncio.Future[T] = loop.create_future()
        later_outside(loop, fate.delay_to, self._arrived, work, fate, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self._break(0.0)  # what was asked for may be done nevertheless
            raise

    def _arrived(
        self, work: Callable[[], Awaitable[T]], fate: Fate, answer: "asyncio.Future[T]"
    ) -> None:
        """Do the work at the server: at once, unless it has to wait for a lock."""
        if fate.lost_to or self._session.ended:
            self._lose(answer)
            return
        doing = cast("Coroutine[Any, Any, T]", work())
        try:
            doing.send(None)
        except StopIteration as done:
            self._answer(fate, answer, done.value)
        except MustWait:
            outside(self._database.loop, self._wait(work, fate, answer))
        except asyncpg.PostgresError as error:
            self._answer(fate, answer, error)

    async def _wait(
        self, work: Callable[[], Awaitable[T]], fate: Fate, answer: "asyncio.Future[T]"
    ) -> None:
        try:
            self._answer(fate, answer, await work())
        except asyncpg.PostgresError as error:
            self._answer(fate, answer, error)

    def _answer(self, fate: Fate, answer: "asyncio.Future[T]", outcome: T | Exception) -> None:
        if fate.lost_back or isinstance(outcome, asyncpg.PostgresConnectionError):
            self._lose(answer)
        else:
            later_outside(self._database.loop, fate.delay_back, settle, answer, outcome)

    def _lose(self, answer: "asyncio.Future[T]") -> None:
        self._break(self._database.luck.chance.choice((0.0, 0.05, 1.0)))
        if not answer.done():
            answer.set_exception(
                asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")
            )

    def _break(self, seconds: float) -> None:
        """The client is rid of it at once; the server notices later."""
        self.broken = True
        later_outside(self._database.loop, seconds, self._session.end)

    def _abandoned(self) -> None:
        if not self.broken:
            self._break(self._database.luck.chance.choice((0.0, 0.02, 0.5)))


def settle(answer: "asyncio.Future[T]", outcome: T | Exception) -> None:
    """Give the answer to whoever still waits for it."""
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def _later(done: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        done()

    return work


class Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> None:
        await self._connection.begin()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._connection.commit()
        else:
            await self._connection.rollback()


class Pool:
    """Connections of one process to one database; as many as it wants."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []

    def acquire(self) -> "Acquired":
        return Acquired(self)

    async def fetch(self, text: str, *args: Any) -> Sequence[Row]:
        async with self.acquire() as connection:
            return await connection.fetch(text, *args)

    async def fetchrow(self, text: str, *args: Any) -> Row | None:
        async with self.acquire() as connection:
            return await connection.fetchrow(text, *args)

    async def fetchval(self, text: str, *args: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(text, *args)

    async def execute(self, text: str, *args: Any) -> None:
        async with self.acquire() as connection:
            await connection.execute(text, *args)

    async def take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.broken:
                return connection
        await asyncio.sleep(self._database.luck.delay())
        if not self._database.up:
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        return Connection(self._database, Session(self._database))

    def give(self, connection: Connection) -> None:
        """Take it back, without what it still holds."""
        session = connection._session
        if connection.broken or session.ended or session.writes is not None:
            connection.terminate()
            return
        for key in [k for k, holder in self._database.advisory.items() if holder is session]:
            del self._database.advisory[key]
        self._idle.append(connection)


class Acquired:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._pool.give(self._connection)
