"""Provisioning: what is made, by whom it may be read, and that repeating it changes nothing."""

from collections.abc import Callable

import psycopg
import pytest

from shared.database.provisioning import (
    DeploymentMismatch,
    address,
    database_of,
    provision,
    provision_database,
)
from shared.database.schema import MIGRATIONS, role_of
from tests.support.postgres import DEPLOYMENT

pytestmark = pytest.mark.postgres


def test_a_fresh_database_knows_its_deployment(fresh_database: Callable[[str], str]) -> None:
    with psycopg.connect(fresh_database("registry")) as connection:
        assert connection.execute("SELECT id FROM deployment").fetchall() == [(DEPLOYMENT,)]


def test_a_database_of_another_deployment_is_refused(
    fresh_database: Callable[[str], str], as_admin: Callable[[str], str]
) -> None:
    with pytest.raises(DeploymentMismatch):
        provision_database(as_admin(fresh_database("exchange")), "exchange", "another")


def test_a_whole_deployment_is_made_once_and_shares_one_id(postgres_admin_dsn: str) -> None:
    first = provision(postgres_admin_dsn, with_log=True)
    again = provision(postgres_admin_dsn, with_log=True)

    assert first == again
    assert set(first.services) == {"registry", "exchange", "insights", "log"}
    for service, dsn in first.services.items():
        assert database_of(dsn) == role_of(service)
        with psycopg.connect(dsn) as connection:
            known = connection.execute("SELECT id FROM deployment").fetchall()
        assert known == [(first.deployment,)]


def test_no_service_connects_to_the_database_of_another(postgres_admin_dsn: str) -> None:
    provision(postgres_admin_dsn, with_log=False)
    foreign = address(postgres_admin_dsn, role_of("registry"), role_of("exchange"))

    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(foreign)


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        (
            "postgresql://a:b@host:1/x?sslmode=require",
            "postgresql://r:p%2F@host:1/d?sslmode=require",
        ),
        ("postgresql://postgres:@/postgres?host=/run/pg", "postgresql://r:p%2F@/d?host=/run/pg"),
    ],
)
def test_addresses_of_hosts_and_of_sockets_are_rewritten(dsn: str, expected: str) -> None:
    assert address(dsn, "d", "r", "p/") == expected


def test_every_migration_has_its_place_and_a_name_of_its_own() -> None:
    for service, directories in MIGRATIONS.items():
        names = [path.stem for directory in directories for path in directory.glob("*.sql")]

        assert all(any(directory.glob("*.sql")) for directory in directories), service
        assert len(set(names)) == len(names), service


def test_what_a_killed_provisioning_left_behind_stops_no_other(
    fresh_database: Callable[[str], str], as_admin: Callable[[str], str]
) -> None:
    dsn = as_admin(fresh_database("log"))
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")

    assert provision_database(dsn, "log") == DEPLOYMENT
