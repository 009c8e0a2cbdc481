"""Codebook: names as small integers, kept in the ``code`` table and remembered in memory."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

import asyncpg

T = TypeVar("T")
U = TypeVar("U")
Name: TypeAlias = tuple[str, str]  # (kind, value)
Code: TypeAlias = Callable[[str, str], int]

REMEMBERED_MAX = 1_000_000  # about 200 MB of names; a fuller memory is emptied and learns again
UNKNOWN = 1  # stands in while a fact is only tried out; such facts are made again

FIND = """
SELECT kind, value, code FROM code
JOIN unnest($1::text[], $2::text[]) AS wanted (kind, value) USING (kind, value)
"""
NAMES = "SELECT code, value FROM code WHERE code = ANY($1::integer[])"
# In the order of the names, so that two replicas that meet the same new people can't deadlock.
ADD = """
INSERT INTO code (kind, value)
SELECT kind, value FROM unnest($1::text[], $2::text[]) AS new (kind, value) ORDER BY kind, value
ON CONFLICT (kind, value) DO NOTHING
RETURNING kind, value, code
"""


class Codebook:
    """Codes are given in a transaction of their own, before the batch that needs them.

    A code whose batch then fails is merely unused; a name never has two codes. So the batch's own
    transaction holds no lock on a name that another replica waits for.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._codes: dict[Name, int] = {}

    async def coded(self, make: Callable[[Code], T]) -> T:
        """Return ``make(code)`` where ``code`` knows every name that ``make`` asks for.

        ``make`` is pure and is called again when it asked for names that had to be looked up first.
        """
        (made,) = await self.coded_each([make], lambda one, code: one(code))
        return made

    async def coded_each(self, each: Sequence[U], make: Callable[[U, Code], T]) -> list[T]:
        """Return ``make(one, code)`` of each; only what asked for unknown names is made again."""
        missing: list[Name] = []
        codes, learnt = self._codes, dict[Name, int]()

        def code(kind: str, value: str) -> int:
            name = (kind, value)
            try:
                return codes[name]
            except KeyError:
                found = learnt.get(name)
            if found is None:
                missing.append(name)
                return UNKNOWN
            return found

        made: list[T] = []
        waiting: list[int] = []
        known = 0
        for number, one in enumerate(each):
            made.append(make(one, code))
            if len(missing) > known:
                known = len(missing)
                waiting.append(number)
        while waiting:
            learnt |= await self._learn(set(missing))
            missing.clear()
            for number in waiting:
                made[number] = make(each[number], code)
            # once more where the memory was emptied meanwhile; what is learnt here stays here
            waiting = waiting if missing else []
        return made

    async def code(self, kind: str, value: str) -> int:
        return await self.coded(lambda code: code(kind, value))

    async def values(self, codes: Iterable[int]) -> dict[int, str]:
        """Return what the codes stand for."""
        rows = await self._pool.fetch(NAMES, list(codes))
        return {row["code"]: row["value"] for row in rows}

    async def _learn(self, missing: set[Name]) -> dict[Name, int]:
        if len(self._codes) + len(missing) > REMEMBERED_MAX:
            self._codes.clear()
            # those asked for and known a moment ago come back as missing on the next try
        async with self._pool.acquire() as connection:
            found = await _ask(connection, FIND, missing)
            if new := missing - found.keys():
                found |= await _ask(connection, ADD, new)
            if others := missing - found.keys():  # another replica added them meanwhile
                found |= await _ask(connection, FIND, others)
        self._codes.update(found)
        return found


async def _ask(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", statement: str, names: set[Name]
) -> dict[Name, int]:
    kinds, values = _columns(names)
    return {
        (kind, value): code
        for kind, value, code in await connection.fetch(statement, kinds, values)
    }


def _columns(names: Iterable[Name]) -> tuple[list[str], list[str]]:
    ordered = sorted(names)
    return [kind for kind, _ in ordered], [value for _, value in ordered]
