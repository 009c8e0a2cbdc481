"""What a PostgreSQL has to be before a service stores anything in it; else it says what to do."""

import asyncpg

CONNECT_TIMEOUT_SECONDS = 5
ROUNDS = 4
BACKEND = "SELECT pg_backend_pid()"
CHARACTER = """
SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database
WHERE datname = current_database()
"""
SORTED = "SELECT array_agg(probe ORDER BY probe) FROM unnest($1::text[]) AS probe"
PROBES = ["B", "Z-1", "Z1", "_", "a", "z", "é", "\uffee", "😀"]
"""In the order of their code points, and of no language: upper case, signs, accents, planes."""
REMAKE = "make it anew: docs/operations.md, “A database of another collation”"


class UnfitDatabase(Exception):
    """The database would not keep what is promised; ``remedy`` says what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


async def require_fitness(dsn: str) -> None:
    """Hold the database to what is needed of it.

    Raises:
        Unfit: it sorts or encodes otherwise, or whoever stands before it lends no sessions.
        OSError, TimeoutError, asyncpg.PostgresError: it does not answer, or not to us.
    """
    await require_sessions(dsn)
    connection = await _connected(dsn)
    try:
        ((collation, encoding),) = await connection.fetch(CHARACTER)
        if encoding != "UTF8":
            raise UnfitDatabase(f"the database is encoded in {encoding}, not in UTF8", REMAKE)
        if await connection.fetchval(SORTED, PROBES) != PROBES:
            raise UnfitDatabase(
                f"the database sorts text as a language does (collation {collation}), and not by "
                "code points: pages and locks would follow two orders",
                REMAKE,
            )
    finally:
        await connection.close()


async def require_sessions(dsn: str) -> None:
    """Hold whatever is connected to, to give each client a session of its own.

    Leases are locks of sessions. Where a session changes with each transaction two processes hold
    the same lease, and what one of them was told to wait for is another's.

    Raises:
        Unfit: it lends one for a transaction, or for a statement.
    """
    first = await _connected(dsn)
    try:
        if await first.fetchval(BACKEND) == first.get_server_pid():
            return  # as a pooler can't know whose session it will be
        second = await _connected(dsn)
        try:
            kept = await _keep_sessions(first, second)
        finally:
            await second.close()
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        kept = False
    finally:
        await first.close()
    if not kept:
        raise UnfitDatabase(
            "a pooler stands before the database and lends sessions for a transaction only, but "
            "leases are locks of sessions",
            "name PostgreSQL itself in the address (a service keeps few connections, and reuses "
            "them), or set pool_mode = session for this database in the pooler",
        )


async def _keep_sessions(first: asyncpg.Connection, second: asyncpg.Connection) -> bool:
    """Tell whether both stay where they are, in whatever turns a pool deals its backends out."""
    ours, others = set(), set()
    for times in range(ROUNDS):
        ours.add(await first.fetchval(BACKEND))
        others |= {await second.fetchval(BACKEND) for _ in range(times)}
    return len(ours) == len(others) == 1 and ours != others


async def _connected(dsn: str) -> asyncpg.Connection:
    # prepared by name, a statement is lost with the session that a pooler takes away
    return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=0)
