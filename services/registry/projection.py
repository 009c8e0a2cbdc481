"""Registry's read models, changed in the transaction that appends the events they come from."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

from services.registry.request import Details
from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    AgencyRegistered,
    ParticipantRegistered,
    RoleAssumed,
    RoleEnded,
    RoleStartMoved,
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Connection, Recorded

Row: TypeAlias = tuple[object, ...]

ADD_AGENCY = "INSERT INTO agency (agency_id, name, jurisdiction, version) VALUES ($1, $2, $3, $4)"
ADD_SERVICE = """
INSERT INTO service (service_id, agency_id, local_id, name, provides, starts_on, imported, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
DESCRIBE_SERVICE = """
UPDATE service SET name = $2, provides = $3, starts_on = $4, version = $5 WHERE service_id = $1
"""
CLOSE_SERVICE = "UPDATE service SET closed_on = $2, version = $3 WHERE service_id = $1"
LINK_PROVIDER = """
WITH moved AS (UPDATE service SET version = $3 WHERE service_id = $1)
INSERT INTO service_provider (service_id, organisation_id) VALUES ($1, $2)
"""
UNLINK_PROVIDER = """
WITH moved AS (UPDATE service SET version = $3 WHERE service_id = $1)
DELETE FROM service_provider WHERE service_id = $1 AND organisation_id = $2
"""
ADD_PARTICIPANT = """
WITH known AS (
    INSERT INTO participant_details (participant_id, name, contact)
    SELECT $1, $5::text, $6::text WHERE num_nonnulls($5::text, $6::text) > 0
)
INSERT INTO participant (participant_id, agency_id, kind, channel, version)
VALUES ($1, $2, $3, $4, $7)
"""
DECLARE_AFFILIATION = """
WITH moved AS (UPDATE participant SET version = $5 WHERE participant_id = $1)
INSERT INTO affiliation (participant_id, organisation_id, employed, since) VALUES ($1, $2, $3, $4)
"""
END_AFFILIATION = """
WITH moved AS (UPDATE participant SET version = $4 WHERE participant_id = $1)
UPDATE affiliation SET until = $3
WHERE participant_id = $1 AND organisation_id = $2 AND until IS NULL
"""
ASSUME_ROLE = """
INSERT INTO role_period (service_id, participant_id, party, since, version)
VALUES ($1, $2, $3, $4, $5)
"""
MOVE_ROLE_START = """
UPDATE role_period SET since = $4, version = $5
WHERE service_id = $1 AND participant_id = $2 AND since = $3
"""
END_ROLE = """
UPDATE role_period SET until = $3, version = $4
WHERE service_id = $1 AND participant_id = $2 AND until IS NULL
"""


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What the events do not say: details by participant, and which services were imported."""

    details: Mapping[str, Details] = field(default_factory=dict)
    imported: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """Its arguments are the event's ``columns`` and, last, the version of the event's stream."""

    sql: str
    columns: Callable[[Any, Unsaid], Row]


def _service(event: ServiceRegistered, unsaid: Unsaid) -> Row:
    return (
        event.service_id,
        event.agency_ids[0],
        event.local_id,
        event.name,
        event.provides,
        event.starts_on,
        event.service_id in unsaid.imported,
    )


def _participant(event: ParticipantRegistered, unsaid: Unsaid) -> Row:
    details = unsaid.details.get(event.participant_id, Details())
    about = (event.participant_id, event.agency_id, event.kind, event.channel)
    return (*about, details.name, details.contact)


def _fields(*names: str) -> Callable[[Any, Unsaid], Row]:
    return lambda event, _unsaid: tuple(getattr(event, name) for name in names)


STATEMENTS: Mapping[type[Message], Statement] = {
    AgencyRegistered: Statement(ADD_AGENCY, _fields("agency_id", "name", "jurisdiction")),
    ServiceRegistered: Statement(ADD_SERVICE, _service),
    ServiceDescribed: Statement(
        DESCRIBE_SERVICE, _fields("service_id", "name", "provides", "starts_on")
    ),
    ServiceClosed: Statement(CLOSE_SERVICE, _fields("service_id", "closed_on")),
    ServiceProviderLinked: Statement(LINK_PROVIDER, _fields("service_id", "organisation_id")),
    ServiceProviderUnlinked: Statement(UNLINK_PROVIDER, _fields("service_id", "organisation_id")),
    ParticipantRegistered: Statement(ADD_PARTICIPANT, _participant),
    AffiliationDeclared: Statement(
        DECLARE_AFFILIATION, _fields("participant_id", "organisation_id", "employed", "since")
    ),
    AffiliationEnded: Statement(
        END_AFFILIATION, _fields("participant_id", "organisation_id", "until")
    ),
    RoleAssumed: Statement(ASSUME_ROLE, _fields("service_id", "participant_id", "party", "since")),
    RoleStartMoved: Statement(
        MOVE_ROLE_START, _fields("service_id", "participant_id", "since_before", "since")
    ),
    RoleEnded: Statement(END_ROLE, _fields("service_id", "participant_id", "until")),
}


async def project(connection: Connection, recorded: Sequence[Recorded], unsaid: Unsaid) -> None:
    """Apply the events in order; those of one kind that follow each other go in one round trip."""
    for kind, run in groupby(recorded, key=lambda one: type(one.event)):
        statement = STATEMENTS[kind]
        rows = [(*statement.columns(one.event, unsaid), one.version) for one in run]
        await connection.executemany(statement.sql, rows)
