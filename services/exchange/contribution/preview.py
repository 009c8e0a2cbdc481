"""What an agency's system may ask about its rows: what would come of them, and which stand."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.exchange.contribution.bodies import ROWS_MAX, SynchroniseContribution
from services.exchange.contribution.queries import ContributionQueries, StandingRow
from services.exchange.contribution.source_rows import Outlook
from services.exchange.contribution.synchronisation import Effect
from services.exchange.directory.answer import DirectoryAnswer, Participant, Role, Service
from shared.contracts.exchange import DirectoryPosition
from shared.contracts.topics import REGISTRY_PARTICIPANTS, REGISTRY_SERVICES, Topic
from shared.contracts.vocabulary import Identifier, ParticipantKind, Party
from shared.eventstore.port import Answer
from shared.http.paging import Cursor, Page
from shared.http.problems import Meanings, Problem, problem_of
from shared.http.strict import StrictModel
from shared.http.submission import Context, Submission, SubmissionContext

ASSUMED_MAX = 100_000


class AssumedService(StrictModel):
    service_id: Identifier
    starts_on: date


class AssumedParticipant(StrictModel):
    participant_id: Identifier
    kind: ParticipantKind


class AssumedRole(StrictModel):
    service_id: Identifier
    participant_id: Identifier
    party: Party
    since: date


class Assumed(StrictModel):
    """What the sender would register first; ids that registry would give may be made up."""

    services: Annotated[tuple[AssumedService, ...], Field(max_length=ASSUMED_MAX)] = ()
    participants: Annotated[tuple[AssumedParticipant, ...], Field(max_length=ASSUMED_MAX)] = ()
    roles: Annotated[tuple[AssumedRole, ...], Field(max_length=ASSUMED_MAX)] = ()


class Preview(StrictModel):
    """Rows, in the order in which they would be sent.

    ``standing_only``: nothing is decided on those that never became a contribution, which is quick.
    """

    rows: Annotated[tuple[SynchroniseContribution, ...], Field(max_length=ROWS_MAX)]
    standing_only: bool = False
    assumed: Assumed = Assumed()


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


class Foresee(Protocol):
    async def __call__(
        self,
        submissions: Sequence[Submission],
        assumed: DirectoryAnswer,
        *,
        standing_only: bool = False,
    ) -> Sequence[Outlook]: ...


def router(
    foresee: Callable[[], Foresee], queries: Callable[[], ContributionQueries], refusals: Meanings
) -> APIRouter:
    routes = APIRouter(prefix="/v1/rows", tags=["rows"])

    @routes.post("/preview", response_model_exclude_none=True)
    async def preview_rows(body: Preview, context: Context) -> Foresight:
        """Say what rows would do, decided as they would be, and store nothing."""
        alone = SubmissionContext(context.provenance, after=context.after)
        submissions = [Submission(row, alone) for row in body.rows]
        assumed = _directory(body.assumed)
        outlooks = await foresee()(submissions, assumed, standing_only=body.standing_only)
        return Foresight(items=[_told(one, refusals) for one in outlooks])

    @routes.get("")
    async def list_standing_rows(
        context: Context,
        service_id: Annotated[Identifier, Query()],
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = ROWS_MAX,
    ) -> Page[StandingRow]:
        """List the sender's own rows that stand in a service, those recorded first first."""
        source = context.provenance.source
        return await queries().standing(service_id, source, cursor, limit)

    return routes


def _told(outlook: Outlook, refusals: Meanings) -> ForeseenRow:
    if outlook.foreseen is None:
        return ForeseenRow(stands=outlook.stands)
    outcome = outlook.foreseen.outcome
    if not isinstance(outcome, Answer):
        return ForeseenRow(stands=outlook.stands, problem=problem_of(outcome, refusals))
    told: Mapping[str, Any] = outcome.body
    return ForeseenRow(
        stands=outlook.stands,
        stores=outlook.foreseen.events > 0,
        giver_org=outlook.row and outlook.row.asked.act.giver_org,
        **told,
    )


def _directory(assumed: Assumed) -> DirectoryAnswer:
    roles: dict[tuple[str, str], tuple[Role, ...]] = {}
    for one in assumed.roles:
        at = (one.service_id, one.participant_id)
        roles[at] = (*roles.get(at, ()), Role(one.party, one.since, None))
    return DirectoryAnswer(
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
