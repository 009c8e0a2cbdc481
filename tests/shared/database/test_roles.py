"""Roles: the owner can't log in, a service does what it must, the reader sees what it is told."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from shared.database.provisioning import address, provision
from shared.database.schema import ACCESS, MIGRATIONS, READ_ONLY_ROLE, owner_of, role_of
from tests.support.postgres import server_of_ours

pytestmark = pytest.mark.postgres
Fresh = Callable[[str], str]
TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT relispartition
"""
VISIBLE = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public'
    AND has_column_privilege(%s, table_name::regclass, column_name, 'SELECT')
"""
STRANGERS = """
SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relowner <> %(owner)s::regrole
UNION SELECT proname FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proowner <> %(owner)s::regrole
UNION SELECT datname FROM pg_database
    WHERE datname = current_database() AND datdba <> %(owner)s::regrole
"""
REWRITING = (
    "UPDATE event SET data = ''",
    "UPDATE event SET position = 1 WHERE false",
    "DELETE FROM event",
    "TRUNCATE event",
    "ALTER TABLE event DISABLE TRIGGER append_only",
    "DROP TRIGGER append_only ON event",
    "ALTER TABLE event RENAME TO other",
    "DROP TABLE event",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    "CREATE RULE forget AS ON INSERT TO event DO INSTEAD NOTHING",
    "GRANT UPDATE ON event TO CURRENT_USER; UPDATE event SET data = ''",
    "SET session_replication_role = replica",
    "UPDATE stream SET key = ''",
    "DELETE FROM stream",
    "UPDATE head SET topic = ''",
    "DELETE FROM head",
    "UPDATE deployment SET id = ''",
    "DELETE FROM deployment",
    "DELETE FROM _yoyo_migration",
    "CREATE TABLE mine ()",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS void LANGUAGE sql AS ''",
)
WRITERS = ("registry", "exchange", "insights")


@pytest.mark.parametrize("service", MIGRATIONS)
def test_every_table_has_its_place_among_what_is_granted(
    service: str, fresh_database: Fresh, as_admin: Fresh
) -> None:
    with psycopg.connect(as_admin(fresh_database(service))) as connection:
        there = {name for (name,) in connection.execute(TABLES)}

    assert there == set(ACCESS[service])


@pytest.mark.parametrize("service", MIGRATIONS)
def test_the_reader_sees_the_columns_that_are_named_and_no_other(
    service: str, fresh_database: Fresh, as_admin: Fresh
) -> None:
    named = {
        (table, column.strip().strip('"'))
        for table, access in ACCESS[service].items()
        for column in access.reader.split(",")
        if column
    }

    with psycopg.connect(as_admin(fresh_database(service))) as connection:
        assert set(connection.execute(VISIBLE, (READ_ONLY_ROLE,))) == named


@pytest.mark.parametrize(
    ("service", "private"),
    [
        ("registry", ["name FROM participant_details", "local_id FROM participant_external_id"]),
        ("exchange", ["words FROM feedback_words", "secret FROM identity_secret"]),
        ("exchange", ["request_hash FROM idempotency", "value FROM quarantine"]),
        ("insights", ["request_hash FROM idempotency", "headers FROM quarantine"]),
    ],
)
def test_the_reader_reads_no_name_no_secret_and_nothing_that_was_put_away(
    service: str, private: list[str], fresh_database: Fresh
) -> None:
    with psycopg.connect(_as(fresh_database(service), READ_ONLY_ROLE)) as connection:
        for columns in private:
            _refused(connection, f"SELECT {columns}")


@pytest.mark.parametrize("service", MIGRATIONS)
def test_the_reader_writes_nothing_and_calls_nothing(service: str, fresh_database: Fresh) -> None:
    with psycopg.connect(_as(fresh_database(service), READ_ONLY_ROLE)) as connection:
        for table in ACCESS[service]:
            _refused(connection, f"DELETE FROM {table}")
            _refused(connection, f"INSERT INTO {table} DEFAULT VALUES")
        if service in WRITERS:
            _refused(connection, "SELECT change_read_models('{}')")


@pytest.mark.parametrize("service", MIGRATIONS)
def test_what_is_new_is_nobody_s_until_it_is_granted(
    service: str, fresh_database: Fresh, as_admin: Fresh
) -> None:
    dsn = fresh_database(service)
    owner = sql.Identifier(owner_of(service))
    with psycopg.connect(as_admin(dsn), autocommit=True) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(owner))
        connection.execute("CREATE TABLE news (secret text)")
        connection.execute("ALTER TABLE deployment ADD COLUMN secret text")

    with psycopg.connect(_as(dsn, READ_ONLY_ROLE)) as connection:
        _refused(connection, "SELECT FROM news")
        _refused(connection, "SELECT secret FROM deployment")
    with psycopg.connect(dsn) as connection:
        _refused(connection, "SELECT FROM news")


@pytest.mark.parametrize("service", WRITERS)
def test_a_service_that_was_taken_over_rewrites_no_event(
    service: str, fresh_database: Fresh
) -> None:
    with psycopg.connect(fresh_database(service)) as connection:
        for attempt in REWRITING:
            _refused(connection, attempt)


@pytest.mark.parametrize("service", MIGRATIONS)
def test_nobody_is_the_owner(service: str, postgres_admin_dsn: str) -> None:
    made = provision(postgres_admin_dsn, with_log=True)

    with psycopg.connect(made.services[service]) as connection:
        _refused(connection, f"SET ROLE {owner_of(service)}")
        _refused(connection, "CREATE TEMPORARY TABLE mine ()")
        assert connection.execute(STRANGERS, {"owner": owner_of(service)}).fetchall() == []
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(address(postgres_admin_dsn, role_of(service), owner_of(service)))


def test_what_is_in_the_log_stays_as_it_is(fresh_database: Fresh) -> None:
    with psycopg.connect(fresh_database("log")) as connection:
        _refused(connection, "UPDATE log_record SET value = ''")
        _refused(connection, "DELETE FROM log_record")


def test_an_administrator_need_not_be_a_superuser(tmp_path: Path) -> None:
    """As on hosted servers: one who may make roles and databases, and no more."""
    with server_of_ours(tmp_path) as superuser:
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("CREATE ROLE hosted LOGIN CREATEROLE CREATEDB")
        hosted = address(superuser, "postgres", "hosted")
        first = provision(hosted, with_log=True)

        assert provision(hosted, with_log=True) == first
        with psycopg.connect(first.services["exchange"]) as connection:
            _refused(connection, "DELETE FROM event")


def _as(dsn: str, role: str) -> str:
    return address(dsn, psycopg.conninfo.conninfo_to_dict(dsn)["dbname"], role)


def _refused(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege), connection.transaction():
        connection.execute(statement)
