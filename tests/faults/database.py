"""A PostgreSQL server of a test's own: durable, on a port that stays, ended and begun at will."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from tests.faults.process import Process
from tools.deployment import postgres
from tools.deployment.record import SERVICES

ANSWERING_SECONDS_MAX = 60.0
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND datname = ANY(%(databases)s) AND (%(query)s = '' OR query ILIKE %(query)s)
"""


class Postgres:
    """``directory`` holds data, password and log. Flushes to disk as a production server does."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self._server: Process | None = None

    @property
    def admin(self) -> str:
        """The superuser's address."""
        return postgres.address(self.directory, self.port)

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return self.server.pid

    @property
    def server(self) -> Process:
        assert self._server is not None, "PostgreSQL was never started"
        return self._server

    async def make(self) -> None:
        (self.directory / "logs").mkdir(parents=True, exist_ok=True)
        await postgres.make_cluster(self.directory)
        self.move(self.port)

    def move(self, port: int) -> None:
        """Listen there from the next start on."""
        self.port = port
        self._server = Process(postgres.program(self.directory, port), restarts=False)

    async def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it takes connections; a killed one recovers first."""
        await self.server.start(env)
        await self.revive()

    async def revive(self) -> None:
        """Start it again if it has ended, and wait until it takes connections."""
        async with asyncio.timeout(ANSWERING_SECONDS_MAX):
            while not await postgres.answers(self.admin):
                if not self.server.alive:
                    # what a killed one left behind holds its memory for a moment longer
                    await self.server.start()
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it as an operator does: clients are cut off, everything is on disk."""
        await self.server.stop()

    async def kill(self) -> None:
        """End the postmaster and every backend with nothing written any more."""
        if not self.server.alive:
            return
        backends = psutil.Process(self.pid).children(recursive=True)
        await self.server.kill_and_leave()
        for backend in backends:
            if backend.is_running():
                backend.send_signal(signal.SIGKILL)

    async def terminate_backends(self, *databases: str, query: str = "") -> int:
        """Cut off every client of the databases whose last statement is like ``query``."""
        names = [f"coprod_{name}" for name in databases or SERVICES]
        rows = await self.fetch(TERMINATE, databases=names, query=query)
        return int(rows[0][0])

    async def fetch(
        self, statement: str, *, database: str = "", **parameters: Any
    ) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, in a service's database or the server's own."""
        dsn = self.dsn(database) if database else self.admin
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            cursor = await connection.execute(sql.SQL(statement), parameters)
            return [] if cursor.description is None else await cursor.fetchall()

    def dsn(self, name: str) -> str:
        """Return the superuser's address of a service's database."""
        return self.admin.rpartition("/")[0] + f"/coprod_{name}"
