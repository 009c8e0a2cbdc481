"""The way of every command: look up what its rules need, build it, decide and store with others."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from shared.commands.aggregate import Aggregates
from shared.commands.context import CommandContext
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Command, Project, Refusal, Rejected, Settled
from shared.eventstore.store import Conflict, PostgresEventStore
from shared.http import bulk
from shared.http.strict import StrictModel
from shared.http.submission import Submission, SubmissionContext, reply
from shared.runtime.micro_batch import Gathering
from shared.runtime.retry import is_transient

N = TypeVar("N")


class Prepared(msgspec.Struct, frozen=True):
    """``answers``: of each submission, the place of the command whose outcome is the submission's.

    ``project`` returns what the events change in the service's read models.
    """

    commands: Sequence[Command[Any] | Settled]
    answers: Sequence[int]
    project: Project


class Outdated(Exception):
    """What was looked up before a decision no longer holds; it is looked up once more."""


class CommandService(ABC, Generic[N]):
    """Decides submissions. A service says how it prepares them; the rest is the same for all.

    ``batches_at_once``: how many batches of single commands are under way at the same time; none
    where single commands are not gathered.
    """

    attempts_max: int = 12
    batches_at_once: int = 0

    def __init__(self, store: PostgresEventStore, aggregates: Aggregates[N]) -> None:
        self._store = store
        self._aggregates = aggregates
        self._batches: Gathering[Submission, Answer | Refusal] = Gathering(
            partial(self._decided, patient=False),
            bulk.TRANSACTION_ITEMS_MAX,
            _strikes_all,
            self.batches_at_once,
        )

    async def take(self, submission: Submission) -> Answer | Refusal:
        """Decide one submission, together with others that come at the same time.

        Raises:
            HttpRefusal: as ``submit``.
        """
        if not self.batches_at_once:
            (outcome,) = await self.submit([submission])
            return outcome
        await self._reach(submission.context.after)
        outcome = await self._batches.take(submission)
        if isinstance(outcome, Rejected) and self._may_be_known_soon(outcome):
            # it changed nothing; what it waits for must not hold up those beside it
            (outcome,) = await self._decided([submission], patient=True)
        return outcome

    async def submit(self, submissions: Sequence[Submission]) -> list[Answer | Refusal]:
        """Decide the submissions in turn; each may build on those before it.

        Raises:
            HttpRefusal: a sender was told more than this service has heard of yet.
        """
        after: dict[tuple[str, int], int] = {}
        for submission in submissions:
            for at, position in submission.context.after.items():
                after[at] = max(after.get(at, 0), position)
        await self._reach(after)
        outcomes: list[Answer | Refusal] = []
        for run in self._runs(submissions):
            outcomes += await self._decided(run, patient=True)
        return outcomes

    def build(self, context: CommandContext) -> Any:
        """Return the command of a submission, or why it is refused."""
        body = context.submission.body
        try:
            return self._aggregates.type_of(body).build(body, context)
        except Rejected as rejected:
            return rejected

    @abstractmethod
    async def _prepare(
        self, submissions: Sequence[Submission], *, patient: bool, last: bool
    ) -> Prepared:
        """Look up what the submissions need and build their commands.

        ``patient``: wait a moment for what is not known yet. ``last``: this is the last attempt.

        Raises:
            Outdated: what was looked up no longer holds.
        """

    async def _reach(self, after: Mapping[tuple[str, int], int]) -> None:
        """Wait until this service knows what stands at these positions."""

    def _runs(self, submissions: Sequence[Submission]) -> Iterable[Sequence[Submission]]:
        """Split where a submission asks about something that one before it may change."""
        return [submissions]

    def _may_be_known_soon(self, _rejected: Rejected) -> bool:
        return False

    def _is_outdated(self, failure: Exception) -> bool:
        return isinstance(failure, Outdated)

    async def _decided(
        self, submissions: Sequence[Submission], *, patient: bool
    ) -> list[Answer | Refusal]:
        for attempt in range(1, self.attempts_max + 1):
            try:
                last = attempt == self.attempts_max
                prepared = await self._prepare(submissions, patient=patient, last=last)
                outcomes = await handle(self._store, prepared.commands, prepared.project)
                return [outcomes[at] for at in prepared.answers]
            except Exception as failure:
                if not self._is_outdated(failure):
                    raise
        raise Conflict(f"what was looked up changed {self.attempts_max} times meanwhile")


def routers(service: Callable[[], CommandService[N]], aggregates: Aggregates[N]) -> list[APIRouter]:
    """Return the routes of every command, alone and in bulk.

    ``service`` raises a 503 while the service is not open.
    """

    async def submit(submissions: Sequence[Submission]) -> Sequence[Answer | Refusal]:
        return await service().submit(submissions)

    async def decide(body: StrictModel, context: SubmissionContext) -> Response:
        return reply(await service().take(Submission(body, context)))

    intake = bulk.BulkIntake(aggregates.kinds, submit, aggregates.refusals)
    return [*aggregates.routers(decide), bulk.router(intake)]


def _strikes_all(failure: Exception) -> bool:
    """Whether it says nothing about single submissions, so that none is tried again alone.

    When the database went away it isn't known whether they were stored; and where others hold a
    batch up, each of it would wait as long again.
    """
    return is_transient(failure) or isinstance(failure, Conflict)
