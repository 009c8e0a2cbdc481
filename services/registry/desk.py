"""Takes registry's commands: looks up what their rules ask about, decides, stores what happened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

import asyncpg
from uuid_utils import uuid4, uuid7

from services.registry import request
from services.registry.agency import rules as agency
from services.registry.known import (
    ExternalId,
    Known,
    agency_of,
    external_id_of,
    independent_runs,
    look_up,
)
from services.registry.participant import rules as participant
from services.registry.projection import Unsaid, project
from services.registry.role import rules as role
from services.registry.service import rules as service
from shared.contracts.topics import REGISTRY_AGENCIES, REGISTRY_PARTICIPANTS, REGISTRY_SERVICES
from shared.contracts.vocabulary import Message
from shared.eventstore.handling import handle
from shared.eventstore.port import (
    EVENTS_MAX,
    Answer,
    Command,
    Happened,
    Recorded,
    Refusal,
    Stream,
)
from shared.eventstore.store import Conflict, Pool, PostgresEventStore
from shared.http.submission import Submission, entity_tag

LOOKS_MAX = 12
ONE_PARTICIPANT = "participant_external_id_pkey"


class Desk:
    def __init__(self, pool: Pool, store: PostgresEventStore) -> None:
        self._pool = pool
        self._store = store

    async def submit(self, submissions: Sequence[Submission]) -> list[Answer | Refusal]:
        """Decide the submissions in turn; each may build on those before it."""
        outcomes: list[Answer | Refusal] = []
        for run in independent_runs(submissions):
            outcomes += await self._decided(run)
        return outcomes

    async def _decided(self, submissions: Sequence[Submission]) -> list[Answer | Refusal]:
        for _ in range(LOOKS_MAX):
            known = await look_up(self._pool, submissions)
            now = self._store.clock.now()
            cases = [Case(submission, known, now) for submission in submissions]
            commands = [
                BUILDERS[type(case.submission.body)](case.submission.body, case) for case in cases
            ]
            unsaid = _unsaid(submissions, commands)
            try:
                return await handle(self._store, commands, partial(project, unsaid=unsaid))
            except asyncpg.UniqueViolationError as taken:
                # another request registered the same local id since: now it is known
                if taken.constraint_name != ONE_PARTICIPANT:
                    raise
        raise Conflict(f"others registered the same local ids {LOOKS_MAX} times meanwhile")


@dataclass(frozen=True, slots=True)
class Case:
    """A submission with what registry knows about it, and the present."""

    submission: Submission
    known: Known
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """``told`` is the answer's body, from the state that the command leaves behind.

    ``ends``: it is taken however much has happened before, for little can happen after it.
    """

    stream: Stream
    initial: Any
    decide: Callable[[Any], Sequence[Message]]
    evolve: Callable[[Any, Message], Any]
    told: Callable[[Any], Mapping[str, Any]]
    at: datetime
    creates: bool = False
    ends: bool = False


def _command(plan: Plan, case: Case) -> Command[Any]:
    def decide(state: Any) -> list[Happened]:
        return [Happened(event, plan.at) for event in plan.decide(state)]

    def answer(state: Any, version: int, recorded: Sequence[Recorded]) -> Answer:
        status = 201 if plan.creates and recorded else 200
        return Answer(status, {**plan.told(state), "version": version}, entity_tag(version))

    context = case.submission.context
    return Command(
        stream=plan.stream,
        initial=plan.initial,
        decide=decide,
        evolve=plan.evolve,
        answer=answer,
        provenance=context.provenance,
        idempotency=context.idempotency,
        expected_version=context.expected_version,
        events_max=None if plan.ends else EVENTS_MAX,
    )


def _register_agency(body: request.RegisterAgency, case: Case) -> Command[Any]:
    agency_id = body.agency_id
    command = agency.Register(agency_id, body.name, body.jurisdiction)
    plan = Plan(
        stream=Stream(agency.stream_id(agency_id), agency_id, REGISTRY_AGENCIES, agency_id),
        initial=agency.INITIAL,
        decide=partial(agency.decide, command),
        evolve=agency.evolve,
        told=lambda _: {"agency_id": agency_id},
        at=case.now,
        creates=True,
    )
    return _command(plan, case)


def _register_service(body: request.RegisterService, case: Case) -> Command[Any]:
    agency_id = agency_of(case.submission) or ""
    derived = body.local_id and service.derived_id(agency_id, body.local_id)
    command = service.Register(
        service_id=derived or str(uuid7()),
        agency_id=agency_id,
        agency_known=agency_id in case.known.agencies,
        local_id=body.local_id,
        name=body.name,
        provides=body.provides,
        starts_on=body.starts_on,
    )
    return _on_service(command, case, case.now, creates=True)


def _describe_service(body: request.DescribeService, case: Case) -> Command[Any]:
    command = service.Describe(body.service_id, body.name, body.provides, body.starts_on)
    return _on_service(command, case, case.now)


def _move_service_start(body: request.MoveServiceStart, case: Case) -> Command[Any]:
    return _on_service(service.MoveStart(body.service_id, body.starts_on), case, case.now)


def _close_service(body: request.CloseService, case: Case) -> Command[Any]:
    return _on_service(service.Close(body.service_id, body.closed_on), case, case.now)


def _link_provider(body: request.LinkProvider, case: Case) -> Command[Any]:
    command = service.LinkProvider(body.service_id, body.organisation_id)
    return _on_service(command, case, case.now)


def _unlink_provider(body: request.UnlinkProvider, case: Case) -> Command[Any]:
    command = service.UnlinkProvider(body.service_id, body.organisation_id)
    return _on_service(command, case, case.now)


def _on_service(
    command: service.Command, case: Case, at: datetime, *, creates: bool = False
) -> Command[Any]:
    service_id = command.service_id
    plan = Plan(
        stream=Stream(service.stream_id(service_id), service_id, REGISTRY_SERVICES, service_id),
        initial=service.INITIAL,
        decide=partial(service.decide, command),
        evolve=service.evolve,
        told=lambda _: {"service_id": service_id},
        at=at,
        creates=creates,
        ends=isinstance(command, service.Close),
    )
    return _command(plan, case)


def _register_participant(body: request.RegisterParticipant, case: Case) -> Command[Any]:
    external_id, agency_id = external_id_of(case.submission), agency_of(case.submission) or ""
    command = participant.Register(
        participant_id=case.known.people[external_id] if external_id else str(uuid4()),
        agency_id=agency_id,
        agency_known=agency_id in case.known.agencies,
        kind=body.kind,
        channel=body.channel,
    )
    return _on_participant(command, case, case.now, creates=True)


def _declare_affiliation(body: request.DeclareAffiliation, case: Case) -> Command[Any]:
    command = participant.DeclareAffiliation(
        body.participant_id, body.organisation_id, body.employed, body.since
    )
    return _on_participant(command, case, _beginning(body.since))


def _end_affiliation(body: request.EndAffiliation, case: Case) -> Command[Any]:
    command = participant.EndAffiliation(body.participant_id, body.organisation_id, body.until)
    return _on_participant(command, case, _beginning(body.until))


def _on_participant(
    command: participant.Command, case: Case, at: datetime, *, creates: bool = False
) -> Command[Any]:
    participant_id = command.participant_id
    plan = Plan(
        stream=Stream(
            participant.stream_id(participant_id),
            participant_id,
            REGISTRY_PARTICIPANTS,
            participant_id,
        ),
        initial=participant.INITIAL,
        decide=partial(participant.decide, command),
        evolve=participant.evolve,
        told=lambda state: {"participant_id": participant_id, "kind": state.kind},
        at=at,
        creates=creates,
        ends=isinstance(command, participant.EndAffiliation),
    )
    return _command(plan, case)


def _assume_role(body: request.AssumeRole, case: Case) -> Command[Any]:
    return _on_role(role.Assume(_place(body, case), body.party, body.since), case, body.since)


def _move_role_start(body: request.MoveRoleStart, case: Case) -> Command[Any]:
    return _on_role(role.MoveStart(_place(body, case), body.party, body.since), case, body.since)


def _end_role(body: request.EndRole, case: Case) -> Command[Any]:
    return _on_role(role.End(_place(body, case), body.until), case, body.until)


def _place(
    body: request.AssumeRole | request.MoveRoleStart | request.EndRole, case: Case
) -> role.Place:
    return role.Place(
        service_id=body.service_id,
        participant_id=body.participant_id,
        service_known=body.service_id in case.known.services,
        participant_kind=case.known.kinds.get(body.participant_id),
        service_closed_on=case.known.services.get(body.service_id),
    )


def _on_role(command: role.Command, case: Case, day: date) -> Command[Any]:
    service_id, participant_id = command.place.service_id, command.place.participant_id
    plan = Plan(
        # By service, not by person: exchange reads a role beside the service it is in.
        stream=Stream(
            role.stream_id(service_id, participant_id),
            participant_id,
            REGISTRY_SERVICES,
            service_id,
        ),
        initial=role.INITIAL,
        decide=partial(role.decide, command),
        evolve=role.evolve,
        told=lambda _: {"service_id": service_id, "participant_id": participant_id},
        at=_beginning(day),
        creates=isinstance(command, role.Assume),
        ends=isinstance(command, role.End),
    )
    return _command(plan, case)


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _unsaid(submissions: Sequence[Submission], commands: Sequence[Command[Any]]) -> Unsaid:
    details: dict[str, request.Details] = {}
    external_ids: dict[str, ExternalId] = {}
    imported: set[str] = set()
    for submission, command in zip(submissions, commands, strict=True):
        if (external_id := external_id_of(submission)) is not None:
            external_ids[command.stream.subject] = external_id
        match submission.body:
            case request.RegisterParticipant(details=request.Details() as given):
                details.setdefault(command.stream.subject, given)
            case request.RegisterService(imported=True):
                imported.add(command.stream.subject)
            case _:
                pass
    return Unsaid(details, external_ids, imported)


BUILDERS: Mapping[type[Any], Callable[[Any, Case], Command[Any]]] = {
    request.RegisterAgency: _register_agency,
    request.RegisterService: _register_service,
    request.DescribeService: _describe_service,
    request.MoveServiceStart: _move_service_start,
    request.CloseService: _close_service,
    request.LinkProvider: _link_provider,
    request.UnlinkProvider: _unlink_provider,
    request.RegisterParticipant: _register_participant,
    request.AssumeRole: _assume_role,
    request.MoveRoleStart: _move_role_start,
    request.EndRole: _end_role,
    request.DeclareAffiliation: _declare_affiliation,
    request.EndAffiliation: _end_affiliation,
}
