"""Commands on roles: of which party a participant is in a service, and since when."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from services.registry.context import RegistryContext, RegistryNeeds
from services.registry.participant.commands import (
    ENDS_BEFORE_START,
    UNKNOWN_PARTICIPANT,
    LastDay,
)
from services.registry.projection import Change, fields
from services.registry.role import rules as role
from services.registry.service.commands import UNKNOWN_SERVICE
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.registry import RoleAssumed, RoleEnded, RoleStartMoved
from shared.contracts.topics import REGISTRY_SERVICES
from shared.contracts.vocabulary import Identifier, Message, Party
from shared.eventstore.port import Command, Stream
from shared.http.problems import Meaning
from shared.http.strict import Day, StrictModel
from shared.http.submission import Context

REFUSALS: Mapping[StrEnum, Meaning] = {
    role.Reason.UNKNOWN_SERVICE: UNKNOWN_SERVICE,
    role.Reason.UNKNOWN_PARTICIPANT: UNKNOWN_PARTICIPANT,
    role.Reason.SERVICE_CLOSED: Meaning(
        422, "The service is closed by then", "Name a day on which it was open."
    ),
    role.Reason.OTHER_PARTY: Meaning(
        409, "The participant is of another party then", "End that role first."
    ),
    role.Reason.PERIODS_OVERLAP: Meaning(
        422,
        "Two periods of one participant would overlap",
        "Begin after the end of the one before.",
    ),
    role.Reason.START_NOT_EARLIER: Meaning(
        422, "A role's start can only be moved to an earlier day", "Name an earlier day."
    ),
    role.Reason.NO_SUCH_ROLE: Meaning(
        404, "The participant has no such role in the service", "See GET /v1/services/{id}/roles."
    ),
    role.Reason.ENDS_BEFORE_START: ENDS_BEFORE_START,
}
CHANGES: Mapping[type[Message], Change] = {
    RoleAssumed: Change("assume_role", fields("service_id", "participant_id", "party", "since")),
    RoleStartMoved: Change(
        "move_role_start", fields("service_id", "participant_id", "since_before", "since")
    ),
    RoleEnded: Change("end_role", fields("service_id", "participant_id", "until")),
}


class Joining(StrictModel):
    participant_id: Identifier
    party: Party
    since: Day


class AssumeRole(Joining):
    service_id: Identifier


class EarlierStart(StrictModel):
    """The period of ``party`` that comes next after ``since`` is to begin then already."""

    party: Party
    since: Day


class MoveRoleStart(EarlierStart):
    service_id: Identifier
    participant_id: Identifier


class EndRole(LastDay):
    service_id: Identifier
    participant_id: Identifier


class RoleAnswer(BaseModel):
    service_id: str
    participant_id: str
    version: int


def assume_role(body: AssumeRole, context: RegistryContext) -> Command[Any]:
    asked = role.Assume(_place(body, context), body.party, body.since)
    return _on_role(asked, context)


def move_role_start(body: MoveRoleStart, context: RegistryContext) -> Command[Any]:
    asked = role.MoveStart(_place(body, context), body.party, body.since)
    return _on_role(asked, context)


def end_role(body: EndRole, context: RegistryContext) -> Command[Any]:
    return _on_role(role.End(_place(body, context), body.until), context)


def _place(body: AssumeRole | MoveRoleStart | EndRole, context: RegistryContext) -> role.Place:
    return role.Place(
        service_id=body.service_id,
        participant_id=body.participant_id,
        service_known=body.service_id in context.known.services,
        participant_kind=context.known.kinds.get(body.participant_id),
        service_closed_on=context.known.services.get(body.service_id),
    )


def _on_role(asked: role.Command, context: RegistryContext) -> Command[Any]:
    service_id, participant_id = asked.place.service_id, asked.place.participant_id
    stream_id = role.stream_id(service_id, participant_id)
    plan = CommandPlan(
        # By service, not by person: exchange reads a role beside the service it is in.
        stream=Stream(stream_id, participant_id, REGISTRY_SERVICES, service_id),
        fold=role.FOLD,
        decide=partial(role.decide, asked),
        told=lambda *_: {"service_id": service_id, "participant_id": participant_id},
        creates=isinstance(asked, role.Assume),
        ends=isinstance(asked, role.End),
    )
    return command(plan, context)


def _role(body: AssumeRole | MoveRoleStart | EndRole) -> tuple[str, str]:
    return body.service_id, body.participant_id


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1/services/{service_id}/roles", tags=["roles"])

    @routes.post("", response_model=RoleAnswer, responses=created(RoleAnswer))
    async def assume_role(service_id: Identifier, body: Joining, context: Context) -> Response:
        """Say of which party a participant is in the service, from a day on."""
        fields = body.model_dump()
        return await decide(AssumeRole(service_id=service_id, **fields), context)

    @routes.post("/{participant_id}/move-start", response_model=RoleAnswer)
    async def move_role_start(
        service_id: Identifier,
        participant_id: Identifier,
        body: EarlierStart,
        context: Context,
    ) -> Response:
        """Let the next period of that party begin on an earlier day."""
        command = MoveRoleStart(
            service_id=service_id, participant_id=participant_id, party=body.party, since=body.since
        )
        return await decide(command, context)

    @routes.post("/{participant_id}/end", response_model=RoleAnswer)
    async def end_role(
        service_id: Identifier, participant_id: Identifier, body: LastDay, context: Context
    ) -> Response:
        """End the participant's role; the day is its last."""
        command = EndRole(service_id=service_id, participant_id=participant_id, until=body.until)
        return await decide(command, context)

    return [routes]


OF_ROLE = RegistryNeeds(role=_role)
AGGREGATE = Aggregate(
    commands=(
        CommandType("assume-role", AssumeRole, assume_role, OF_ROLE),
        CommandType("move-role-start", MoveRoleStart, move_role_start, OF_ROLE),
        CommandType("end-role", EndRole, end_role, OF_ROLE),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
