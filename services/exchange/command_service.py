"""Prepares exchange's commands: what each needs to be known, and where its rows stand."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from services.exchange.aggregates import AGGREGATES
from services.exchange.context import ExchangeContext, ExchangeNeeds
from services.exchange.contribution import enrichment
from services.exchange.contribution.read_model import Projection
from services.exchange.contribution.source_rows import Outlook, Placement, SourceRow, stands
from services.exchange.directory import admission
from services.exchange.directory.answer import DirectoryAnswer
from services.exchange.directory.lookup import DirectoryLookup, DirectoryNeeds
from services.exchange.feedback.commands import GiveFeedback
from services.exchange.feedback.read_model import words_of
from services.exchange.identity import Identity
from services.exchange.lookback import Lookback, RelatedStreams
from shared.commands.plan import refusal
from shared.commands.service import CommandService, Prepared
from shared.eventstore.handling import foresee
from shared.eventstore.port import Command, Recorded, Rejected, Settled
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http.submission import Submission

LOOK_AGAIN_SECONDS = 1.0
POLL_SECONDS = 0.02
UNKNOWN_FOR_NOW = {*admission.UNKNOWN_FOR_NOW, enrichment.Reason.UNKNOWN_RECEIVER}
Built: TypeAlias = Command[Any] | SourceRow | Rejected


class ExchangeCommands(CommandService[ExchangeNeeds]):
    attempts_max = 6  # for rows that other requests move at the same time
    batches_at_once = 2  # one is decided while PostgreSQL stores the other

    def __init__(
        self,
        pool: Pool,
        store: PostgresEventStore,
        identity: Identity,
        look_again_seconds: float = LOOK_AGAIN_SECONDS,
    ) -> None:
        super().__init__(store, AGGREGATES)
        self._identity = identity
        self._lookup = DirectoryLookup(pool)
        self._lookback = Lookback(pool, store, identity)
        self._look_again_seconds = look_again_seconds

    async def foresee(
        self,
        submissions: Sequence[Submission],
        assumed: DirectoryAnswer,
        *,
        standing_only: bool = False,
    ) -> list[Outlook]:
        """Return what ``submit`` would do if registry knew ``assumed`` too, and store nothing.

        With ``standing_only`` nothing is said on rows that never became a contribution.
        """
        related = await self._related(submissions)
        outlooks = [Outlook(stands(submission, related)) for submission in submissions]
        asked = [at for at, one in enumerate(outlooks) if one.stands or not standing_only]
        if asked:
            some = [submissions[at] for at in asked]
            built = await self._build(some, related, self._look_again_seconds, assumed)
            placement = Placement(dict(related.places), last=True)
            commands, answers = _commands(some, built, placement)
            foreseen = await foresee(self._store, commands)
            for at, one, of in zip(asked, built, answers, strict=True):
                row = one if isinstance(one, SourceRow) else None
                outlooks[at] = Outlook(outlooks[at].stands, foreseen[of], row)
        return outlooks

    async def _reach(self, after: Mapping[tuple[str, int], int]) -> None:
        await self._lookup.reach(after)

    def _may_be_known_soon(self, rejected: Rejected) -> bool:
        return rejected.reason in UNKNOWN_FOR_NOW

    async def _prepare(
        self, submissions: Sequence[Submission], *, patient: bool, last: bool
    ) -> Prepared:
        related = await self._related(submissions)
        built = await self._build(submissions, related, self._look_again_seconds if patient else 0)
        placement = Placement(dict(related.places), last=last)
        repeated = await self._repeated(submissions, built, placement)
        commands, answers = _commands(submissions, built, placement, repeated)
        words = _words(submissions, built)

        def project(recorded: Sequence[Recorded]) -> Sequence[Mapping[str, object]]:
            contributions = Projection(placement.moved, placement.origins)(recorded)
            return [*contributions, *words_of(recorded, words)]

        return Prepared(commands, answers, project)

    async def _related(self, submissions: Sequence[Submission]) -> RelatedStreams:
        needs = [(self._needs(one), one) for one in submissions]
        streams = [need.stream(one.body) for need, one in needs]
        rows = [(one.context.provenance, need.row(one.body)) for need, one in needs]
        return await self._lookback.related(
            dict(found for found in streams if found is not None),
            [(sender, row) for sender, row in rows if row is not None],
        )

    async def _build(
        self,
        submissions: Sequence[Submission],
        related: RelatedStreams,
        look_again_seconds: float,
        assumed: DirectoryAnswer | None = None,
    ) -> list[Built]:
        """Build every command; look again for a while where the replica may be a moment behind."""
        now = self._store.clock.now()
        answer = await self._directory(submissions, related, assumed)
        built = [
            self.build(ExchangeContext(one, now, related, answer, self._identity))
            for one in submissions
        ]
        deadline = time.monotonic() + look_again_seconds
        while time.monotonic() < deadline and (unknown := _unknown_for_now(submissions, built)):
            await asyncio.sleep(POLL_SECONDS)
            again = [submissions[at] for at in unknown]
            answer = await self._directory(again, related, assumed)
            for at, one in zip(unknown, again, strict=True):
                built[at] = self.build(ExchangeContext(one, now, related, answer, self._identity))
        return built

    async def _directory(
        self,
        submissions: Iterable[Submission],
        related: RelatedStreams,
        assumed: DirectoryAnswer | None,
    ) -> DirectoryAnswer:
        asked = DirectoryNeeds()
        for submission in submissions:
            self._needs(submission).directory(asked, submission.body, related)
        answer = await self._lookup.answer(asked)
        return answer if assumed is None else answer.assuming(assumed)

    def _needs(self, submission: Submission) -> ExchangeNeeds:
        return self._aggregates.type_of(submission.body).needs

    async def _repeated(
        self, submissions: Sequence[Submission], built: Sequence[Built], placement: Placement
    ) -> set[int]:
        """Return rows that become anew and were answered before: they must not do so once more."""
        keys = {
            at: (key.scope, key.key)
            for at, (submission, one) in enumerate(zip(submissions, built, strict=True))
            if isinstance(one, SourceRow) and placement.anew(one)
            if (key := submission.context.idempotency) is not None
        }
        known = await self._store.remembered(list(keys.values()))
        return {at for at, key in keys.items() if key in known}


def _commands(
    submissions: Sequence[Submission],
    built: Sequence[Built],
    placement: Placement,
    repeated: Collection[int] = (),
) -> tuple[list[Command[Any] | Settled], list[int]]:
    """Return the commands, and of each submission the one whose outcome is the submission's."""
    commands: list[Command[Any] | Settled] = []
    answers: list[int] = []
    for at, (submission, one) in enumerate(zip(submissions, built, strict=True)):
        match one:
            case Rejected():
                commands.append(refusal(one, submission))
            case SourceRow() if at in repeated:
                commands.append(placement.repeat(one))
            case SourceRow():
                settled = placement.settled(one)
                commands += placement.commands(one) if settled is None else [settled]
            case _:
                placement.touched.add(one.stream.id)
                commands.append(one)
        answers.append(len(commands) - 1)
    return commands, answers


def _unknown_for_now(submissions: Sequence[Submission], built: Sequence[Built]) -> list[int]:
    """Return the submissions on what exchange may only not have heard of yet.

    Of many submissions those that come with positions are not among them: who sends a file names
    all the positions that it needs, and each bad row would hold up the good ones.
    """
    alone = len(submissions) == 1
    return [
        at
        for at, (submission, one) in enumerate(zip(submissions, built, strict=True))
        if isinstance(one, Rejected) and one.reason in UNKNOWN_FOR_NOW
        if alone or not submission.context.after
    ]


def _words(submissions: Sequence[Submission], built: Sequence[Built]) -> dict[str, str]:
    return {
        one.stream.subject: submission.body.words
        for submission, one in zip(submissions, built, strict=True)
        if isinstance(submission.body, GiveFeedback)
        if submission.body.words is not None and isinstance(one, Command)
    }
