"""Commands on participants: registered, and affiliated to organisations."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel
from uuid_utils import uuid4

from services.registry.agency.commands import UNKNOWN_AGENCY
from services.registry.context import ExternalKey, RegistryContext, RegistryNeeds
from services.registry.participant import rules as participant
from services.registry.projection import Change, Columns, fields
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    ParticipantRegistered,
)
from shared.contracts.topics import REGISTRY_PARTICIPANTS
from shared.contracts.vocabulary import Channel, Identifier, Message, ParticipantKind
from shared.eventstore.port import Command, Provenance, Stream
from shared.http.problems import Meaning
from shared.http.strict import Day, Flag, LocalId, StrictModel, Text
from shared.http.submission import Context

UNKNOWN_PARTICIPANT = Meaning(
    404, "Nobody has registered this participant", "Register it: POST /v1/participants."
)
ENDS_BEFORE_START = Meaning(
    422, "It would end before it began", "Name a last day that is not before its first."
)
REFUSALS: Mapping[StrEnum, Meaning] = {
    participant.Reason.UNKNOWN_AGENCY: UNKNOWN_AGENCY,
    participant.Reason.UNKNOWN_PARTICIPANT: UNKNOWN_PARTICIPANT,
    participant.Reason.AFFILIATED_OTHERWISE: Meaning(
        409, "The participant already belongs to the organisation", "End that affiliation first."
    ),
    participant.Reason.AFFILIATIONS_OVERLAP: Meaning(
        422,
        "Two affiliations to one organisation would overlap",
        "Begin after the last day of the one before.",
    ),
    participant.Reason.NOT_AFFILIATED: Meaning(
        404, "The participant does not belong to the organisation", "See its affiliations."
    ),
    participant.Reason.ENDS_BEFORE_START: ENDS_BEFORE_START,
}
CHANGES: Mapping[type[Message], Change] = {
    ParticipantRegistered: Change(
        "add_participant",
        fields("participant_id", "agency_id", "kind", "channel"),
        {"name": None, "contact": None, "system": None, "local_id": None},
    ),
    AffiliationDeclared: Change(
        "declare_affiliation", fields("participant_id", "organisation_id", "employed", "since")
    ),
    AffiliationEnded: Change(
        "end_affiliation", fields("participant_id", "organisation_id", "until")
    ),
}


class Details(StrictModel):
    """Who it is; kept in registry's own database, and in no event."""

    name: Text | None = None
    contact: Text | None = None


class RegisterParticipant(StrictModel):
    """``local_id`` is the sender's own id: the same one always means the same participant."""

    kind: ParticipantKind = ParticipantKind.PERSON
    local_id: LocalId | None = None
    channel: Channel | None = None
    details: Details | None = None


class LastDay(StrictModel):
    """``until`` is the last day, included."""

    until: Day


class Belonging(StrictModel):
    organisation_id: Identifier
    employed: Flag
    since: Day


class DeclareAffiliation(Belonging):
    participant_id: Identifier


class EndAffiliation(LastDay):
    participant_id: Identifier
    organisation_id: Identifier


class ParticipantAnswer(BaseModel):
    participant_id: str
    kind: ParticipantKind
    version: int


def register_participant(body: RegisterParticipant, context: RegistryContext) -> Command[Any]:
    person, agency_id = _person(body, context.sender), context.sender.agency
    asked = participant.Register(
        participant_id=context.known.people[person] if person else str(uuid4()),
        agency_id=agency_id,
        agency_known=agency_id in context.known.agencies,
        kind=body.kind,
        channel=body.channel,
    )
    return _on_participant(asked, context)


def declare_affiliation(body: DeclareAffiliation, context: RegistryContext) -> Command[Any]:
    asked = participant.DeclareAffiliation(
        body.participant_id, body.organisation_id, body.employed, body.since
    )
    return _on_participant(asked, context)


def end_affiliation(body: EndAffiliation, context: RegistryContext) -> Command[Any]:
    asked = participant.EndAffiliation(body.participant_id, body.organisation_id, body.until)
    return _on_participant(asked, context)


def _on_participant(asked: participant.Command, context: RegistryContext) -> Command[Any]:
    participant_id = asked.participant_id
    stream_id = participant.stream_id(participant_id)
    plan = CommandPlan(
        stream=Stream(stream_id, participant_id, REGISTRY_PARTICIPANTS, participant_id),
        fold=participant.FOLD,
        decide=partial(participant.decide, asked),
        told=lambda state, _: {"participant_id": participant_id, "kind": state.kind},
        creates=isinstance(asked, participant.Register),
        ends=isinstance(asked, participant.EndAffiliation),
    )
    return command(plan, context)


def _agency(_body: RegisterParticipant, sender: Provenance) -> str:
    return sender.agency


def _person(body: RegisterParticipant, sender: Provenance) -> ExternalKey | None:
    if body.local_id is None:
        return None
    return ExternalKey(sender.agency, sender.system, body.local_id)


def _unsaid(body: RegisterParticipant, sender: Provenance) -> Sequence[Columns]:
    """Return who it is, and what the sender calls them: neither is in an event."""
    details, person = body.details, _person(body, sender)
    said = [] if details is None else [{"name": details.name, "contact": details.contact}]
    return (
        said if person is None else [*said, {"system": person.system, "local_id": person.local_id}]
    )


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1/participants", tags=["participants"])

    @routes.post("", response_model=ParticipantAnswer, responses=created(ParticipantAnswer))
    async def register_participant(body: RegisterParticipant, context: Context) -> Response:
        """Register a person or a group; the same local id always means the same participant."""
        return await decide(body, context)

    @routes.post("/{participant_id}/affiliations", response_model=ParticipantAnswer)
    async def declare_affiliation(
        participant_id: Identifier, body: Belonging, context: Context
    ) -> Response:
        """Declare that the participant belongs to an organisation."""
        fields = body.model_dump()
        command = DeclareAffiliation(participant_id=participant_id, **fields)
        return await decide(command, context)

    @routes.post(
        "/{participant_id}/affiliations/{organisation_id:path}/end",
        response_model=ParticipantAnswer,
    )
    async def end_affiliation(
        participant_id: Identifier,
        organisation_id: Identifier,
        body: LastDay,
        context: Context,
    ) -> Response:
        """End an affiliation; the day is its last."""
        command = EndAffiliation(
            participant_id=participant_id, organisation_id=organisation_id, until=body.until
        )
        return await decide(command, context)

    return [routes]


AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "register-participant",
            RegisterParticipant,
            register_participant,
            RegistryNeeds(agency=_agency, person=_person, unsaid=_unsaid),
        ),
        CommandType(
            "declare-affiliation", DeclareAffiliation, declare_affiliation, RegistryNeeds()
        ),
        CommandType("end-affiliation", EndAffiliation, end_affiliation, RegistryNeeds()),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
