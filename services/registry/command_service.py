"""Prepares registry's commands: what each needs to be known, and what no event will say."""

from collections.abc import Iterable, Sequence

import asyncpg

from services.registry.aggregates import AGGREGATES, CHANGES
from services.registry.context import RegistryContext, RegistryNeeds
from services.registry.lookup import independent_runs, look_up, needs_of
from services.registry.participant.read_model import naming
from services.registry.projection import Columns, project
from shared.commands.plan import refusal
from shared.commands.service import CommandService, Prepared
from shared.eventstore.port import Command, Recorded, Rejected
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http.submission import Submission

ONE_PARTICIPANT = "participant_external_id_pkey"


class RegistryCommands(CommandService[RegistryNeeds]):
    """Single commands are not gathered: a batch of them may take several transactions."""

    def __init__(self, pool: Pool, store: PostgresEventStore) -> None:
        super().__init__(store, AGGREGATES)
        self._pool = pool

    def _runs(self, submissions: Sequence[Submission]) -> Iterable[Sequence[Submission]]:
        return independent_runs(submissions)

    def _is_outdated(self, failure: Exception) -> bool:
        """Whether another request registered the same local id since: now it is known."""
        return (
            isinstance(failure, asyncpg.UniqueViolationError)
            and failure.constraint_name == ONE_PARTICIPANT
        )

    async def _prepare(
        self, submissions: Sequence[Submission], *, patient: bool, last: bool
    ) -> Prepared:
        del patient, last  # registry asks nobody else, and nothing of it moves
        known = await look_up(self._pool, submissions)
        now = self._store.clock.now()
        built = [self.build(RegistryContext(one, now, known)) for one in submissions]
        commands: list[Command[object]] = [
            refusal(one, submission) if isinstance(one, Rejected) else one
            for one, submission in zip(built, submissions, strict=True)
        ]
        unsaid = _unsaid(submissions, commands)

        def projected(recorded: Sequence[Recorded]) -> Sequence[Columns]:
            changes = project(recorded, CHANGES, unsaid)
            return [*changes, *naming(changes)]

        return Prepared(commands, range(len(commands)), projected)


def _unsaid(
    submissions: Sequence[Submission], commands: Sequence[Command[object]]
) -> dict[str, Columns]:
    """Return by stream the columns that no event says."""
    unsaid: dict[str, Columns] = {}
    for submission, command in zip(submissions, commands, strict=True):
        sender = submission.context.provenance
        for group in needs_of(submission).unsaid(submission.body, sender):
            known = unsaid.setdefault(command.stream.id, {})
            if not group.keys() & known.keys():
                unsaid[command.stream.id] = {**known, **group}
    return unsaid
