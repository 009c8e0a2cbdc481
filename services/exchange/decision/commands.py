"""Commands on decisions: one was taken."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.exchange.context import ExchangeContext, ExchangeNeeds, of_service, stream
from services.exchange.decision import rules as decision
from services.exchange.directory.admission import open_service
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.exchange import ByParty, DecisionTaken
from shared.contracts.vocabulary import Count, Identifier, Level
from shared.eventstore.port import Command
from shared.http.problems import Meaning
from shared.http.strict import Instant, LocalId, StrictModel
from shared.http.submission import Context

Amount = Annotated[Count, Field(le=2**53)]


class Voices(StrictModel):
    professional: Amount = 0
    user: Amount = 0
    family_social: Amount = 0


class TakeDecision(StrictModel):
    """``weights``: vote weight of each party; ``voters``: how many people of each party voted.

    ``local_id`` is the sender's own id: the same one always means the same decision.
    """

    local_id: LocalId | None = None
    service_id: Identifier
    level: Level
    weights: Voices
    voters: Voices
    decided_at: Instant | None = None


class DecisionAnswer(BaseModel):
    decision_id: str
    service_id: str
    version: int


def take_decision(body: TakeDecision, context: ExchangeContext) -> Command[Any]:
    at = body.decided_at or context.now
    open_service(context.directory, body.service_id, at, context.now)
    taken = DecisionTaken(
        decision_id=context.new_id("decision", body.local_id),
        service_id=body.service_id,
        level=body.level,
        weights=ByParty(**body.weights.model_dump()),
        voters=ByParty(**body.voters.model_dump()),
        decided_at=at,
    )
    asked = decision.Take(taken, moment_named=body.decided_at is not None)
    plan = CommandPlan(
        stream=stream(decision.stream_id(taken.decision_id), taken.decision_id, body.service_id),
        fold=decision.FOLD,
        decide=partial(decision.decide, asked),
        told=lambda *_: {"decision_id": taken.decision_id, "service_id": body.service_id},
        creates=True,
    )
    return command(plan, context)


REFUSALS: Mapping[StrEnum, Meaning] = {
    decision.Reason.ALREADY_TAKEN: Meaning(409, "This decision was taken otherwise"),
    decision.Reason.NO_WEIGHT: Meaning(
        422, "A decision has some vote weight", "Send the weight of each party that voted."
    ),
    decision.Reason.WEIGHT_WITHOUT_VOTERS: Meaning(
        422, "A party without voters has no vote weight", "Send how many people voted."
    ),
}


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1", tags=["decisions"])

    @routes.post("/decisions", response_model=DecisionAnswer, responses=created(DecisionAnswer))
    async def take_decision(body: TakeDecision, context: Context) -> Response:
        """Say what was decided, with how much vote weight of each party."""
        return await decide(body, context)

    return [routes]


AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "take-decision", TakeDecision, take_decision, ExchangeNeeds(directory=of_service)
        ),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
