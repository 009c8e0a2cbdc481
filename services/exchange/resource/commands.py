"""Commands on resources: an amount was allocated."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, StringConstraints

from services.exchange.context import ExchangeContext, ExchangeNeeds, of_service, stream
from services.exchange.decision import rules as decision
from services.exchange.decision.commands import Amount
from services.exchange.directory.admission import open_service
from services.exchange.resource import rules as resource
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.exchange import DecisionTaken, ResourceAllocated
from shared.contracts.vocabulary import Identifier, Party
from shared.eventstore.folding import Fold
from shared.eventstore.port import Command
from shared.http.problems import Meaning
from shared.http.strict import Instant, LocalId, StrictModel
from shared.http.submission import Context


class AllocateResource(StrictModel):
    """``amount`` in the currency's smallest unit.

    ``local_id`` is the sender's own id: the same one always means the same allocation.
    """

    local_id: LocalId | None = None
    service_id: Identifier
    amount: Amount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    steward_party: Party | None = None
    decision_id: Identifier | None = None
    allocated_at: Instant | None = None


class AllocationAnswer(BaseModel):
    allocation_id: str
    service_id: str
    version: int


def allocate_resource(body: AllocateResource, context: ExchangeContext) -> Command[Any]:
    at = body.allocated_at or context.now
    open_service(context.directory, body.service_id, at, context.now)
    allocation_id = context.new_id("allocation", body.local_id)
    allocated = ResourceAllocated(
        allocation_id=allocation_id,
        service_id=body.service_id,
        amount=body.amount,
        currency=body.currency,
        steward_party=body.steward_party,
        decision_id=body.decision_id,
        allocated_at=at,
    )
    moment_named = body.allocated_at is not None
    asked = resource.Allocate(allocated, _decision(body, context), moment_named)
    plan = CommandPlan(
        stream=stream(resource.stream_id(allocation_id), allocation_id, body.service_id),
        fold=resource.FOLD,
        decide=partial(resource.decide, asked),
        told=lambda *_: {"allocation_id": allocation_id, "service_id": body.service_id},
        creates=True,
    )
    return command(plan, context)


def _decision_named(body: AllocateResource) -> tuple[str, Fold] | None:
    named = body.decision_id
    return None if named is None else (decision.stream_id(named), decision.FOLD)


def _decision(body: AllocateResource, context: ExchangeContext) -> DecisionTaken | None:
    """Return the decision that the allocation names; None if it names none or nobody took it."""
    if body.decision_id is None:
        return None
    state: decision.State = context.related.states[decision.stream_id(body.decision_id)]
    return state.decision if isinstance(state, decision.Taken) else None


REFUSALS: Mapping[StrEnum, Meaning] = {
    resource.Reason.ALREADY_ALLOCATED: Meaning(409, "This resource was allocated otherwise"),
    resource.Reason.NO_AMOUNT: Meaning(422, "An allocation has an amount"),
    resource.Reason.UNKNOWN_DECISION: Meaning(
        422, "There is no such decision", "Record it: POST /v1/decisions."
    ),
    resource.Reason.DECISION_OF_ANOTHER_SERVICE: Meaning(
        422, "The decision was on another service", "Name a decision on this service, or none."
    ),
    resource.Reason.ALLOCATED_BEFORE_DECIDED: Meaning(
        422, "What a decision allocates is allocated after it", "Name the day of the allocation."
    ),
}


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1", tags=["decisions"])

    @routes.post("/resources", response_model=AllocationAnswer, responses=created(AllocationAnswer))
    async def allocate_resource(body: AllocateResource, context: Context) -> Response:
        """Say what a service got, by which decision, in whose care."""
        return await decide(body, context)

    return [routes]


AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "allocate-resource",
            AllocateResource,
            allocate_resource,
            ExchangeNeeds(stream=_decision_named, directory=of_service),
        ),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
