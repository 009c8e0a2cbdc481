"""What the rules of a command ask about other things than its own stream, looked up beforehand.

That is safe outside the append's transaction: agencies, services and participants come into being
and never go away, and a local id keeps its participant. A local id that nobody has yet is given
one here, and whoever stores it first keeps it. A participant's id is random: ids in order of time
would tell in which order people came.
"""

from collections.abc import Collection, Iterator, Sequence

import asyncpg
from uuid_utils import uuid4

from services.registry.aggregates import AGGREGATES
from services.registry.context import ExternalKey, RegistryAnswer, RegistryNeeds
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


def needs_of(submission: Submission) -> RegistryNeeds:
    needs: RegistryNeeds = AGGREGATES.type_of(submission.body).needs
    return needs


def independent_runs(submissions: Sequence[Submission]) -> Iterator[list[Submission]]:
    """Split where a submission asks about something that one before it may have changed."""
    run: list[Submission] = []
    changed: set[str] = set()
    for submission in submissions:
        needs, sender = needs_of(submission), submission.context.provenance
        if changed & _asked(needs, submission):
            yield run
            run, changed = [], set()
        run.append(submission)
        if (change := needs.changes(submission.body, sender)) is not None:
            changed.add(change)
    if run:
        yield run


async def look_up(pool: Pool, submissions: Sequence[Submission]) -> RegistryAnswer:
    """Answer every question of the submissions; choose ids for those of whom nobody has heard."""
    needs = [(needs_of(submission), submission) for submission in submissions]
    roles = {role for need, one in needs if (role := need.role(one.body))}
    agencies = {
        agency_id
        for need, one in needs
        if (agency_id := need.agency(one.body, one.context.provenance))
    }
    people = {
        person for need, one in needs if (person := need.person(one.body, one.context.provenance))
    }
    kinds = await _found(pool, KINDS, {participant_id for _, participant_id in roles})
    services = await _found(pool, SERVICES, {service_id for service_id, _ in roles})
    found = await _found(pool, AGENCIES, agencies)
    return RegistryAnswer(
        agencies=frozenset(row["agency_id"] for row in found),
        services={row["service_id"]: row["closed_on"] for row in services},
        kinds={row["participant_id"]: ParticipantKind(row["kind"]) for row in kinds},
        people=await _participants(pool, people),
    )


def _asked(needs: RegistryNeeds, submission: Submission) -> set[str]:
    agency_id, role = (
        needs.agency(submission.body, submission.context.provenance),
        needs.role(submission.body),
    )
    asked = set() if agency_id is None else {f"agency/{agency_id}"}
    return asked if role is None else asked | {f"service/{role[0]}"}


async def _found(pool: Pool, query: str, ids: Collection[str]) -> Sequence[asyncpg.Record]:
    return await pool.fetch(query, list(ids)) if ids else []


async def _participants(pool: Pool, people: Collection[ExternalKey]) -> dict[ExternalKey, str]:
    if not people:
        return {}
    rows = await pool.fetch(REGISTERED, *zip(*people, strict=True))
    registered = {ExternalKey(*row[:3]): row["participant_id"] for row in rows}
    return {one: registered.get(one) or str(uuid4()) for one in people}
