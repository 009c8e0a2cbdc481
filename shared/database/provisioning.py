"""Makes databases what the services expect: roles, schemas, the deployment's id, who may do what.

The one place that runs migrations. Services never do; they check and wait (``/readyz``).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations

from shared.database.fitness import require_fitness, require_sessions
from shared.database.schema import ACCESS, MIGRATIONS, READ_ONLY_ROLE, owner_of, role_of

PROVISIONING_LOCK = 0x636F70726F64  # any constant of our own; one provisioning at a time
# whatever the languages of the cluster: what is sorted here is compared with what Python sorts
BY_CODE_POINTS = """
CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' {}
"""
# what belongs to others, as extensions do, is theirs to grant
OF_OWNER = """
SELECT 'TABLE ' || oid::regclass FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    AND relowner = %(owner)s::regrole
UNION ALL
SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner = %(owner)s::regrole
"""
GRANTED_IN_GENERAL = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC, {role}, {reader}",
    "GRANT CONNECT ON DATABASE {database} TO {role}, {reader}",
    # before PostgreSQL 15 everybody may create what they like there
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}, {reader}",
    "GRANT USAGE, CREATE ON SCHEMA public TO {owner}",
    "GRANT USAGE ON SCHEMA public TO {role}, {reader}",
)


@dataclass(frozen=True, slots=True)
class Databases:
    """``services`` and ``readers`` map the keys of ``MIGRATIONS`` to addresses."""

    deployment: str
    services: Mapping[str, str] = field(default_factory=dict)
    readers: Mapping[str, str] = field(default_factory=dict)


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

    Raises:
        Unfit: the server is reached through a pool of transactions, or a database that is there
            does not sort by code points.
        DeploymentMismatch: databases of two deployments would be mixed.
    """
    secrets = passwords or {}
    asyncio.run(require_sessions(admin_dsn))
    names = [name for name in MIGRATIONS if with_log or name != "log"]
    services: dict[str, str] = {}
    readers: dict[str, str] = {}
    made = {name: make_database(admin_dsn, name, secrets) for name in names}
    for name, dsn in made.items():
        asyncio.run(require_fitness(dsn))
        services[name] = address(dsn, role_of(name), role_of(name), secrets.get(name))
        readers[name] = address(dsn, role_of(name), READ_ONLY_ROLE, secrets.get("readonly"))
        deployment = provision_database(dsn, name, deployment)
    return Databases(deployment or "", services, readers)


def make_database(
    admin_dsn: str,
    service: str,
    passwords: Mapping[str, str] | None = None,
    database: str | None = None,
) -> str:
    """Make the roles of a service and a database for it, unless they are there.

    Return the admin's address of the database, which has the name of the role unless one is given.
    """
    secrets, name = passwords or {}, database or role_of(service)
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        _create_role(connection, READ_ONLY_ROLE, "LOGIN", secrets.get("readonly"))
        _create_role(connection, owner_of(service), "NOLOGIN")
        _create_role(connection, role_of(service), "LOGIN", secrets.get(service))
        _create_database(connection, name, owner_of(service))
    return address(admin_dsn, name)


def provision_database(dsn: str, service: str, deployment: str | None = None) -> str:
    """Migrate one database to this build's schema, grant what is due; return its deployment's id.

    ``dsn`` is the address of whoever made the database: one who may act as its owner.

    Raises:
        DeploymentMismatch: the database belongs to another deployment than ``deployment``.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        # yoyo's own lock is a row that a killed process leaves behind; this dies with its session
        connection.execute("SELECT pg_advisory_lock(%s)", (PROVISIONING_LOCK,))
        _migrate(_as(dsn, owner_of(service)), service)
        with connection.transaction():
            _grant(connection, service)
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


def _grant(connection: psycopg.Connection, service: str) -> None:
    """Grant what ``ACCESS`` says of the tables that are there, and take back everything else."""
    names = {
        "owner": sql.Identifier(owner_of(service)),
        "role": sql.Identifier(role_of(service)),
        "reader": sql.Identifier(READ_ONLY_ROLE),
        "database": sql.Identifier(connection.info.dbname),
    }
    there = [one for (one,) in connection.execute(OF_OWNER, {"owner": owner_of(service)})]
    statements = [
        *GRANTED_IN_GENERAL,
        *(f"REVOKE ALL ON {one} FROM PUBLIC, {{role}}, {{reader}}" for one in there),
        *(f"GRANT EXECUTE ON {one} TO {{role}}" for one in there if one.startswith("FUNCTION ")),
        *(
            granted
            for table, access in ACCESS[service].items()
            if f"TABLE {table}" in there
            for granted in access.granted_on(table)
        ),
    ]
    for statement in statements:
        connection.execute(sql.SQL(statement).format(**names))


def _as(dsn: str, role: str) -> str:
    """Return the address for sessions that act as ``role`` from their start."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} -c role={role}".strip()
    return f"{dsn.partition('?')[0]}?{urlencode(query, quote_via=quote)}"


def _create_role(
    connection: psycopg.Connection, role: str, login: str, password: str | None = None
) -> None:
    name = sql.Identifier(role)
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {} {}").format(name, sql.SQL(login)))
    if password:
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        connection.execute(statement.format(name, sql.Literal(password)))


def _create_database(connection: psycopg.Connection, database: str, role: str) -> None:
    name, owner = sql.Identifier(database), sql.Identifier(role)
    # before PostgreSQL 16 and on hosted ones only a member may give a database to a role
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    known = "SELECT FROM pg_database WHERE datname = %s"
    if connection.execute(known, (database,)).fetchone() is None:
        provider = "LOCALE_PROVIDER libc" if connection.info.server_version >= 150_000 else ""
        statement = sql.SQL(BY_CODE_POINTS).format(name, owner, sql.SQL(provider))
        connection.execute(statement)
