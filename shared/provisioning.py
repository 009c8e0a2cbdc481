"""Makes databases what the services expect: roles, schemas, the deployment's id, who may read.

The one place that runs migrations. Services never do; they check and wait (``/readyz``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations

ROOT = Path(__file__).resolve().parent.parent
DEPLOYMENT = ROOT / "shared" / "migrations"
EVENT_STORE = ROOT / "shared" / "eventstore" / "migrations"
CONSUMER = ROOT / "shared" / "consumer" / "migrations"

MIGRATIONS: Mapping[str, tuple[Path, ...]] = {
    "registry": (DEPLOYMENT, EVENT_STORE, ROOT / "services" / "registry" / "migrations"),
    "exchange": (DEPLOYMENT, EVENT_STORE, CONSUMER, ROOT / "services" / "exchange" / "migrations"),
    "insights": (DEPLOYMENT, EVENT_STORE, CONSUMER, ROOT / "services" / "insights" / "migrations"),
    "log": (DEPLOYMENT, ROOT / "shared" / "log" / "migrations"),
}
"""Database -> where its schema is written down, in the order in which it is applied."""

READ_ONLY_ROLE = "coprod_readonly"
UNREADABLE = frozenset(
    {
        *("participant_details", "participant_external_id", "feedback_words"),
        *("identity_secret", "idempotency"),
    }
)
"""Tables with what is nobody's business but their service's."""
PROVISIONING_LOCK = 0x636F70726F64  # any constant of our own; one provisioning at a time


@dataclass(frozen=True, slots=True)
class Databases:
    """``owners`` and ``readers`` map the keys of ``MIGRATIONS`` to addresses."""

    deployment: str
    owners: Mapping[str, str] = field(default_factory=dict)
    readers: Mapping[str, str] = field(default_factory=dict)


def role_of(service: str) -> str:
    """Return the name that the service's role and its database share."""
    return f"coprod_{service}"


def provision(
    admin_dsn: str,
    *,
    with_log: bool,
    passwords: Mapping[str, str] | None = None,
    deployment: str | None = None,
) -> Databases:
    """Make every role and database of a deployment, or bring what is there up to date.

    Repeating it changes nothing. ``admin_dsn`` names a role that may create roles and databases;
    ``with_log`` says whether the embedded log is wanted. ``passwords`` maps ``registry``,
    ``exchange``, ``insights``, ``log`` and ``readonly``; a role without one gets none, which suits
    the embedded database's own socket.
    ``deployment`` is the id of a new deployment; an existing one keeps its own.
    """
    secrets = passwords or {}
    names = [name for name in MIGRATIONS if with_log or name != "log"]
    _create_role(admin_dsn, READ_ONLY_ROLE, secrets.get("readonly"))
    owners: dict[str, str] = {}
    readers: dict[str, str] = {}
    for name in names:
        role = role_of(name)
        _create_role(admin_dsn, role, secrets.get(name))
        _create_database(admin_dsn, role)
        owners[name] = address(admin_dsn, role, role, secrets.get(name))
        readers[name] = address(admin_dsn, role, READ_ONLY_ROLE, secrets.get("readonly"))
    for name in names:
        deployment = provision_database(owners[name], name, deployment)
        grant_readonly(owners[name], READ_ONLY_ROLE)
    return Databases(deployment or "", owners, readers)


def provision_database(dsn: str, service: str, deployment: str | None = None) -> str:
    """Migrate one database to this build's schema and return its deployment's id.

    Raises:
        DeploymentMismatch: the database belongs to another deployment than ``deployment``.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        # yoyo's own lock is a row that a killed process leaves behind; this dies with its session
        connection.execute("SELECT pg_advisory_lock(%s)", (PROVISIONING_LOCK,))
        _migrate(dsn, service)
        connection.execute(
            "INSERT INTO deployment (id) VALUES (%s) ON CONFLICT (only_one) DO NOTHING",
            (deployment or uuid4().hex,),
        )
        row = connection.execute("SELECT id FROM deployment").fetchone()
    stored = str(row[0]) if row else ""
    if deployment is not None and stored != deployment:
        raise DeploymentMismatch(service, stored, deployment)
    return stored


class DeploymentMismatch(Exception):
    """Databases of two deployments were about to be mixed."""

    def __init__(self, service: str, stored: str, wanted: str) -> None:
        super().__init__(
            f"the database of {service} belongs to deployment {stored}, the others to {wanted}"
        )
        self.service, self.stored, self.wanted = service, stored, wanted


def grant_readonly(dsn: str, role: str) -> None:
    """Let ``role`` read the tables of the owner behind ``dsn``, but for ``UNREADABLE``.

    Verification needs no name, no contact, no agency's own id and no secret, so it can't read one.
    """
    grantee = sql.Identifier(role)
    with psycopg.connect(dsn) as connection:
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(grantee))
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in found.fetchall():
            if table not in UNREADABLE:
                statement = sql.SQL("GRANT SELECT ON {} TO {}")
                connection.execute(statement.format(sql.Identifier(table), grantee))


def address(dsn: str, database: str, user: str | None = None, password: str | None = None) -> str:
    """Return ``dsn`` for another database, and for another role when ``user`` is given."""
    parts = urlsplit(dsn)
    credentials, _, host = parts.netloc.rpartition("@")
    if user is not None:
        credentials = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    netloc = f"{credentials}@{host}" if credentials else host
    # urlunsplit drops the // of an address without a host, which a socket's address is
    rest = urlunsplit(("", "", f"/{quote(database)}", parts.query, ""))
    return f"{parts.scheme}://{netloc}{rest}"


def database_of(dsn: str) -> str:
    """Return the name of the database that ``dsn`` leads to."""
    return unquote(urlsplit(dsn).path.removeprefix("/"))


def _migrate(dsn: str, service: str) -> None:
    migrations = read_migrations(*(str(path) for path in MIGRATIONS[service]))  # type: ignore[no-untyped-call]
    scheme, _, rest = dsn.partition("://")
    address_for_yoyo = f"{scheme}+psycopg://{rest}"
    with get_backend(address_for_yoyo) as backend:  # type: ignore[no-untyped-call]
        backend.break_lock()  # what a killed provisioning left; ours is the advisory lock
        backend.apply_migrations(backend.to_apply(migrations))


def _create_role(admin_dsn: str, role: str, password: str | None) -> None:
    name = sql.Identifier(role)
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        if password:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password))
            )


def _create_database(admin_dsn: str, role: str) -> None:
    name, reader = sql.Identifier(role), sql.Identifier(READ_ONLY_ROLE)
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", (role,)).fetchone()
        if known is None:
            # before PostgreSQL 16 and on hosted ones only a member may give a database to a role
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}, {}").format(name, name, reader)
        )
