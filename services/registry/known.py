"""What the rules of a command ask about other things than its own stream, looked up beforehand.

That is safe outside the append's transaction: agencies, services and participants come into being
and never go away, and a local id keeps its participant. A local id that nobody has yet is given
one here, and whoever stores it first keeps it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import asyncpg
from uuid_utils import uuid4

from services.registry.request import (
    AssumeRole,
    CloseService,
    EndRole,
    MoveRoleStart,
    RegisterAgency,
    RegisterParticipant,
    RegisterService,
)
from services.registry.service.rules import derived_id
from shared.contracts.vocabulary import ParticipantKind
from shared.eventstore.store import Pool
from shared.http.submission import Submission

AGENCIES = "SELECT agency_id FROM agency WHERE agency_id = ANY($1)"
SERVICES = "SELECT service_id, closed_on FROM service WHERE service_id = ANY($1)"
KINDS = "SELECT participant_id, kind FROM participant WHERE participant_id = ANY($1)"
REGISTERED = """
SELECT e.agency_id, e.system, e.local_id, e.participant_id
FROM participant_external_id AS e
JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (agency_id, system, local_id)
    USING (agency_id, system, local_id)
"""


class ExternalId(NamedTuple):
    agency_id: str
    system: str
    local_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """``services`` maps to the last day of each; ``people`` to the participant of a local id.

    A participant's id is random: ids in order of time would tell in which order people came.
    """

    agencies: frozenset[str]
    services: Mapping[str, date | None]
    kinds: Mapping[str, ParticipantKind]
    people: Mapping[ExternalId, str]


def agency_of(submission: Submission) -> str | None:
    """Return the agency that must exist for the submission; None where none is asked for."""
    match submission.body:
        case RegisterService(agency_id=str() as named):
            return named
        case RegisterService() | RegisterParticipant():
            return submission.context.provenance.agency
        case _:
            return None


def external_id_of(submission: Submission) -> ExternalId | None:
    match submission.body:
        case RegisterParticipant(local_id=str() as local_id):
            sender = submission.context.provenance
            return ExternalId(sender.agency, sender.system, local_id)
        case _:
            return None


def role_of(submission: Submission) -> tuple[str, str] | None:
    """Return the service and the participant of a command on a role."""
    match submission.body:
        case AssumeRole() | MoveRoleStart() | EndRole():
            return submission.body.service_id, submission.body.participant_id
        case _:
            return None


def independent_runs(submissions: Sequence[Submission]) -> Iterator[list[Submission]]:
    """Split where a submission asks about something that one before it may have changed."""
    run: list[Submission] = []
    changed: set[str] = set()
    for submission in submissions:
        if changed & _asked(submission):
            yield run
            run, changed = [], set()
        run.append(submission)
        changed |= _changed(submission)
    if run:
        yield run


async def look_up(pool: Pool, submissions: Sequence[Submission]) -> Known:
    """Answer every question of the submissions; choose ids for those of whom nobody has heard."""
    roles = {role for submission in submissions if (role := role_of(submission))}
    agencies = {agency_id for submission in submissions if (agency_id := agency_of(submission))}
    kinds = await _found(pool, KINDS, {participant_id for _, participant_id in roles})
    found = frozenset(row["agency_id"] for row in await _found(pool, AGENCIES, agencies))
    services = await _found(pool, SERVICES, {service_id for service_id, _ in roles})
    people = {named for submission in submissions if (named := external_id_of(submission))}
    return Known(
        agencies=found,
        services={row["service_id"]: row["closed_on"] for row in services},
        kinds={row["participant_id"]: ParticipantKind(row["kind"]) for row in kinds},
        people=await _participants(pool, people),
    )


def _asked(submission: Submission) -> set[str]:
    agency_id, role = agency_of(submission), role_of(submission)
    asked = set() if agency_id is None else {f"agency/{agency_id}"}
    return asked if role is None else asked | {f"service/{role[0]}"}


def _changed(submission: Submission) -> set[str]:
    match submission.body:
        case RegisterAgency(agency_id=agency_id):
            return {f"agency/{agency_id}"}
        case RegisterService(local_id=str() as local_id):
            return {f"service/{derived_id(agency_of(submission) or '', local_id)}"}
        case CloseService(service_id=service_id):
            return {f"service/{service_id}"}
        case _:
            return set()


async def _found(pool: Pool, query: str, ids: Collection[str]) -> Sequence[asyncpg.Record]:
    return await pool.fetch(query, list(ids)) if ids else []


async def _participants(pool: Pool, people: Collection[ExternalId]) -> dict[ExternalId, str]:
    if not people:
        return {}
    rows = await pool.fetch(REGISTERED, *zip(*people, strict=True))
    registered = {ExternalId(*row[:3]): row["participant_id"] for row in rows}
    return {one: registered.get(one) or str(uuid4()) for one in people}
