"""``coprod provision``: makes databases, roles and topics where somebody else runs the servers."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Annotated

import psycopg
import typer
from aiokafka.errors import InvalidReplicationFactorError

from shared.database.fitness import UnfitDatabase
from shared.database.provisioning import DeploymentMismatch
from shared.database.provisioning import provision as provision_databases
from shared.database.schema import MIGRATIONS
from shared.log.kafka.provisioning import TopicMismatch, create_topics
from shared.runtime.settings import with_password
from tools.deployment.kafka.local_kafka import answers
from tools.deployment.record import secret
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import say

POLL_SECONDS = 0.5
REPLICATION = "COPROD_KAFKA_REPLICATION_FACTOR"

TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=1, help="How long to wait for the servers."),
]


def provision(timeout: TimeoutOption = 120.0) -> None:
    """Make every database, role and topic that the services need; repeating it changes nothing.

    Read from the environment: COPROD_ADMIN_URL (a role that may create roles and databases),
    COPROD_LOG (kafka or embedded), COPROD_KAFKA_BOOTSTRAP, COPROD_TOPIC_PREFIX,
    COPROD_KAFKA_REPLICATION_FACTOR (1 unless set); and, from the environment or from files in
    /run/secrets, the passwords COPROD_ADMIN_PASSWORD,
    COPROD_REGISTRY_PASSWORD, COPROD_EXCHANGE_PASSWORD, COPROD_INSIGHTS_PASSWORD,
    COPROD_LOG_PASSWORD and COPROD_READONLY_PASSWORD.
    """
    deadline = time.monotonic() + timeout
    admin = with_password(_demanded("COPROD_ADMIN_URL"), secret("admin_password"))
    embedded = os.environ.get("COPROD_LOG", "kafka") == "embedded"
    bootstrap = None if embedded else _demanded("COPROD_KAFKA_BOOTSTRAP")
    _await("PostgreSQL", lambda: _database_problem(admin), deadline)
    _provision_databases(admin, embedded=embedded)
    if bootstrap is not None:
        _await("Kafka", lambda: _kafka_problem(bootstrap), deadline)
        _create_topics(bootstrap)
    say("provisioned")


def _provision_databases(admin: str, *, embedded: bool) -> None:
    names = (*MIGRATIONS, "readonly")
    found = {name: secret(f"{name}_password") for name in names}
    try:
        made = provision_databases(
            admin,
            with_log=embedded,
            passwords={name: password for name, password in found.items() if password},
            deployment=os.environ.get("COPROD_DEPLOYMENT"),
        )
    except DeploymentMismatch as mixed:
        raise Failure(
            str(mixed),
            "Name another server in COPROD_ADMIN_URL, or drop the databases of the other.",
        ) from None
    except UnfitDatabase as unfit:
        raise Failure(unfit.problem, f"{unfit.remedy[:1].upper()}{unfit.remedy[1:]}.") from None
    say(f"databases of deployment {made.deployment}: {', '.join(made.services)}")


def _create_topics(bootstrap: str) -> None:
    prefix = os.environ.get("COPROD_TOPIC_PREFIX", "")
    try:
        notes = asyncio.run(create_topics(bootstrap, prefix, _replication_factor()))
    except TopicMismatch as differs:
        raise Failure(str(differs), "Then provision again.") from None
    except InvalidReplicationFactorError as refused:
        raise Failure(str(refused), "See COPROD_KAFKA_REPLICATION_FACTOR.") from None
    for note in notes:
        say(note)


def _replication_factor() -> int:
    value = os.environ.get(REPLICATION) or "1"
    if not value.isdecimal() or int(value) < 1:
        raise Failure(
            f"{REPLICATION}={value} is not a number of replicas",
            "1 on a single broker, 3 on three or more.",
            code=ExitCode.USAGE,
        )
    return int(value)


def _demanded(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise Failure(
            f"{variable} is not set",
            "`coprod provision --help` lists what is read from the environment.",
            code=ExitCode.USAGE,
        )
    return value


def _await(what: str, problem: Callable[[], str | None], deadline: float) -> None:
    said = False
    while (reason := problem()) is not None:
        if time.monotonic() > deadline:
            raise Failure(f"{what} does not answer in time: {reason}", code=ExitCode.TIMEOUT)
        if not said:
            say(f"waiting for {what}: {reason}")
            said = True
        time.sleep(POLL_SECONDS)


def _database_problem(admin: str) -> str | None:
    try:
        psycopg.connect(admin, connect_timeout=3).close()
    except psycopg.OperationalError as refused:
        return str(refused).strip()
    return None


def _kafka_problem(bootstrap: str) -> str | None:
    return None if answers(bootstrap) else f"nobody listens at {bootstrap}"
