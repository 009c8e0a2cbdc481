"""What an agency's system may ask about its rows: what would come of them, and which stand."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.exchange import request
from services.exchange.contribution.queries import Journal, StandingRow
from services.exchange.contribution.synchronisation import Effect
from services.exchange.desk import Desk
from services.exchange.directory.answer import Directory, Participant, Role, Service
from services.exchange.meaning import MEANINGS
from services.exchange.row import Outlook
from shared.contracts.exchange import DirectoryPosition
from shared.contracts.topics import REGISTRY_PARTICIPANTS, REGISTRY_SERVICES, Topic
from shared.contracts.vocabulary import Identifier
from shared.eventstore.port import Answer
from shared.http.bulk import Order
from shared.http.command import CommandContext, Context
from shared.http.paging import Cursor, Page
from shared.http.problems import Problem, problem_of


class ForeseenRow(BaseModel):
    """What one row would do. ``stands``: it became a contribution before.

    ``stores``: it would add something. ``changes``: the fields that a correction changes.
    ``giver_org``: the organisation that its giver gives for. ``problem``: why it would be refused.
    """

    stands: bool
    stores: bool = False
    effect: Effect | None = None
    contribution_id: str | None = None
    service_id: str | None = None
    version: int | None = None
    changes: list[str] | None = None
    giver_org: str | None = None
    problem: Problem | None = None


class Foresight(BaseModel):
    """One answer for each row, in the order in which they came."""

    items: list[ForeseenRow]


def router(desk: Callable[[], Desk], journal: Callable[[], Journal]) -> APIRouter:
    routes = APIRouter(prefix="/v1/rows", tags=["rows"])

    @routes.post("/preview", response_model_exclude_none=True)
    async def preview_rows(body: request.Preview, context: Context) -> Foresight:
        """Say what rows would do, decided as they would be, and store nothing."""
        alone = CommandContext(context.provenance, after=context.after)
        orders = [Order(row, alone) for row in body.rows]
        assumed = _directory(body.assumed)
        outlooks = await desk().foresee(orders, assumed, standing_only=body.standing_only)
        return Foresight(items=[_told(one) for one in outlooks])

    @routes.get("")
    async def list_standing_rows(
        context: Context,
        service_id: Annotated[Identifier, Query()],
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=request.ROWS_MAX)] = request.ROWS_MAX,
    ) -> Page[StandingRow]:
        """List the sender's own rows that stand in a service, those recorded first first."""
        source = context.provenance.source
        return await journal().standing(service_id, source, cursor, limit)

    return routes


def _told(outlook: Outlook) -> ForeseenRow:
    if outlook.foreseen is None:
        return ForeseenRow(stands=outlook.stands)
    outcome = outlook.foreseen.outcome
    if not isinstance(outcome, Answer):
        return ForeseenRow(stands=outlook.stands, problem=problem_of(outcome, MEANINGS))
    told: Mapping[str, Any] = outcome.body
    return ForeseenRow(
        stands=outlook.stands,
        stores=outlook.foreseen.events > 0,
        giver_org=outlook.row and outlook.row.asked.act.giver_org,
        **told,
    )


def _directory(assumed: request.Assumed) -> Directory:
    roles: dict[tuple[str, str], tuple[Role, ...]] = {}
    for one in assumed.roles:
        at = (one.service_id, one.participant_id)
        roles[at] = (*roles.get(at, ()), Role(one.party, one.since, None))
    return Directory(
        services={
            one.service_id: Service(
                one.service_id, one.starts_on, None, frozenset(), _nowhere(REGISTRY_SERVICES)
            )
            for one in assumed.services
        },
        participants={
            one.participant_id: Participant(
                one.participant_id, one.kind, (), _nowhere(REGISTRY_PARTICIPANTS)
            )
            for one in assumed.participants
        },
        roles=roles,
    )


def _nowhere(topic: Topic) -> DirectoryPosition:
    return DirectoryPosition(topic=topic.name, partition=0, position=0)
