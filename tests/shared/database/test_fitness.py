"""A server that others set up: what would break promises is refused at the start, with a remedy."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from services.registry.app import registry_app
from shared.database.fitness import UnfitDatabase, require_fitness, require_sessions
from shared.database.provisioning import address, provision
from shared.log.embedded.log import EmbeddedLog
from shared.startup import open_pool
from tests.support.pgbouncer import Pooled, warm
from tests.support.service import embedded_settings, opened, readiness, serving

pytestmark = pytest.mark.postgres
Fresh = Callable[[str], str]


@pytest.mark.parametrize(
    ("backends", "settings"),
    [
        (0, {"pool_mode": "transaction"}),
        (3, {"pool_mode": "transaction"}),
        (2, {"pool_mode": "transaction", "server_round_robin": 1}),
        (3, {"pool_mode": "transaction", "server_round_robin": 1}),
        (0, {"pool_mode": "transaction", "default_pool_size": 1}),
        (0, {"pool_mode": "statement"}),
    ],
    ids=str,
)
async def test_sessions_that_change_with_each_transaction_are_refused(
    backends: int, settings: dict[str, str | int], fresh_database: Fresh, pooled: Pooled
) -> None:
    """``backends``: how many stand idle in the pool, to be dealt out in its order."""
    with pooled(fresh_database("registry"), **settings) as dsn:
        warm(dsn, backends)
        with pytest.raises(UnfitDatabase, match="pool_mode = session"):
            await require_sessions(dsn)


async def test_a_pooler_that_lends_whole_sessions_will_do(
    fresh_database: Fresh, pooled: Pooled
) -> None:
    log = fresh_database("log")
    with pooled(fresh_database("registry"), pool_mode="session") as dsn:
        async with open_pool(dsn) as pool:
            assert await pool.fetchval("SHOW statement_timeout") == "10s"
        async with serving(registry_app(embedded_settings(dsn, log))):
            pass


async def test_a_service_behind_a_pool_of_transactions_says_so_and_does_not_start(
    fresh_database: Fresh, pooled: Pooled
) -> None:
    with pooled(fresh_database("registry"), pool_mode="transaction") as dsn:
        app = registry_app(embedded_settings(dsn, fresh_database("log")))
        async with opened(app) as client:
            await readiness(client, until="or set pool_mode = session")


async def test_an_embedded_log_behind_a_pool_of_transactions_is_refused_too(
    fresh_database: Fresh, pooled: Pooled
) -> None:
    with (
        pooled(fresh_database("log"), pool_mode="transaction") as dsn,
        pytest.raises(UnfitDatabase, match="pooler"),
    ):
        await EmbeddedLog(dsn).start()


def test_nothing_is_provisioned_through_a_pool_of_transactions(
    postgres_admin_dsn: str, pooled: Pooled
) -> None:
    with (
        pooled(postgres_admin_dsn, pool_mode="transaction") as dsn,
        pytest.raises(UnfitDatabase, match="pooler"),
    ):
        provision(dsn, with_log=False)


def test_databases_sort_by_code_points_whatever_the_cluster_does(english_server: str) -> None:
    made = provision(english_server, with_log=True)

    for dsn in made.services.values():
        asyncio.run(require_fitness(dsn))


async def test_a_database_that_sorts_as_a_language_does_is_refused_by_all(
    english_server: str,
) -> None:
    with psycopg.connect(english_server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE coprod_registry")
    dsn = address(english_server, "coprod_registry")

    with pytest.raises(UnfitDatabase, match="sorts text as a language does"):
        async with open_pool(dsn):
            pass
    with pytest.raises(UnfitDatabase, match="A database of another collation"):
        await asyncio.to_thread(provision, english_server, with_log=False)


def test_a_database_of_another_collation_is_made_anew_as_the_documentation_says(
    english_server: str,
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    section = text.partition("## A database of another collation\n")[2].partition("\n## ")[0]
    script = section.partition("```sh\n")[2].partition("```")[0]
    made = provision(english_server, with_log=True)
    with psycopg.connect(english_server, autocommit=True) as admin:
        admin.execute("ALTER DATABASE coprod_exchange RENAME TO before")
        admin.execute("CREATE DATABASE coprod_exchange OWNER coprod_exchange_owner")
        admin.execute("GRANT CONNECT ON DATABASE coprod_exchange TO coprod_exchange")
    dump = _run(f"pg_dump '{address(english_server, 'before')}'")
    _run(f"psql --quiet '{address(english_server, 'coprod_exchange')}'", dump)

    host = conninfo.conninfo_to_dict(english_server)["host"]
    _run(f"export PGUSER=postgres PGHOST={host} DATABASE=coprod_exchange; {script}")

    assert provision(english_server, with_log=True) == made
    asyncio.run(require_fitness(made.services["exchange"]))


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres_admin_dsn: str) -> None:
    with psycopg.connect(postgres_admin_dsn, autocommit=True) as admin:
        admin.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        try:
            with pytest.raises(UnfitDatabase, match="encoded in LATIN1"):
                await require_fitness(address(postgres_admin_dsn, "latin"))
        finally:
            admin.execute("DROP DATABASE latin WITH (FORCE)")


def _run(script: str, given: str = "") -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
