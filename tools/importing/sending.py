"""Sends good rows to exchange: a few requests in flight, the rows of one contribution in order."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from integrations.text import shown
from tools.bulk import CommandOutcome, Envelope, ServiceClient, batches, command
from tools.importing.command import Commands
from tools.importing.problem import RowProblem
from tools.importing.registration import Source
from tools.importing.row import Row
from tools.importing.spool import Spool
from tools.terminal.failure import Failure

COMMAND = "org.coprod.exchange."
LANES = 3
EFFECTS = (
    "recorded",
    "corrected",
    "unchanged",
    "stale",
    "voided",
    "moved",
    "restored",
    "status_changed",
)

# What exchange says of a command that is about one column of the row.
_COLUMN_OF_FIELD = {
    "service_id": "service_id",
    "giver_id": "giver_id",
    "giver_party": "giver_party",
    "occurred_at": "occurred_at",
    "receivers": "receiver_ids",
    "minutes": "minutes",
    "status": "status",
    "revised_at": "revised_at",
}
_COLUMN_OF_REASON = {
    "stands_in_another_service": "service_id",
    "stands_without_scope": "contribution_id",
    "status_unreachable": "status",
    "receiver_party_differs": "receiver_party",
}
_REMEDIES = {
    "stands_in_another_service": "a row never moves by itself: import with --replace to move it, "
    "or with --ids-unique-in service if each service numbers its own rows",
    "stands_without_scope": "import this file as before, without --ids-unique-in; with it, "
    "the row would be another act",
    "status_unreachable": "people decided otherwise about it: leave the status as it was, or, if "
    "it was real after all, give the row an id of its own",
}


@dataclass(frozen=True, slots=True)
class ExchangeClient:
    """The exchange as one import uses it; ``after``: the registry positions it must have read."""

    service: ServiceClient
    source: Source
    after: dict[str, int]


async def in_lanes(work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Run the work of all lanes at once.

    Raises:
        Failure: one lane failed; the others were cancelled.
    """
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as lanes:
            for lane in range(LANES):
                lanes.create_task(work(lane))
    except* Failure as failures:  # the lanes have one and the same trouble: tell it once
        failure = failures.exceptions[0]
    if failure is not None:
        raise failure


class Sender:
    """One run's sending. Rows of one contribution go through one lane, one request at a time."""

    def __init__(self, spool: Spool, exchange: ExchangeClient, commands: Commands) -> None:
        self._spool, self._exchange, self._commands = spool, exchange, commands
        self.effects = dict.fromkeys(EFFECTS, 0)

    async def send(self, on_progress: Callable[[int], None]) -> None:
        """Send every good row; a refusal of exchange becomes a problem of the row.

        Raises:
            Failure: exchange does not answer; the rows that it took stay.
        """
        await in_lanes(lambda lane: self._lane(self._rows(lane), on_progress))

    async def retract(self, on_progress: Callable[[int], None]) -> None:
        """Void the acts that the file lacks.

        Raises:
            Failure: exchange does not answer, or refuses; the commands that it took stay.
        """
        await self._lane(self._gone(), on_progress)

    async def _lane(
        self, envelopes: Iterable[Envelope], on_progress: Callable[[int], None]
    ) -> None:
        for batch in batches(envelopes):
            for outcome in await self._exchange.service.commands(batch, self._exchange.after):
                self._take(outcome)
            on_progress(len(batch))

    def _rows(self, lane: int) -> Iterator[Envelope]:
        for row in self._spool.shuffled_rows(lane, LANES):
            yield self._envelope("synchronise-contribution", self._commands.data(row), row)

    def _gone(self) -> Iterator[Envelope]:
        for gone in self._spool.gone():
            data = {"local_id": gone.local_id, "id_scope": gone.id_scope}
            yield self._envelope("retract-contribution", data, None)

    def _envelope(self, kind: str, data: dict[str, Any], about: Row | None) -> Envelope:
        # The key is new: a row that says what it said before last is news. And it is no number
        # of a row: keys are kept, and would tell the order of the file.
        line = command(self._exchange.source.path, uuid4().hex, COMMAND + kind, data)
        return Envelope(line, about)

    def _take(self, outcome: CommandOutcome) -> None:
        if outcome.problem is None:
            self.effects[outcome.body["effect"]] += 1
        elif outcome.about is None:
            raise Failure(f"exchange refused to void a row: {outcome.problem.get('detail')}")
        else:
            self._spool.add_problems([problem_of(outcome.about, outcome.problem)])


def problem_of(row: Row, told: dict[str, Any]) -> RowProblem:
    """Return a refusal of exchange as a problem of the row and, if it names one, a column."""
    errors = told.get("errors") or [{}]
    reason = told.get("reason", "")
    named = errors[0].get("pointer", "").rsplit("/", 1)[-1]
    column = _COLUMN_OF_REASON.get(reason) or _COLUMN_OF_FIELD.get(named, "")
    sentence = errors[0].get("detail") or told.get("detail") or told.get("title") or "refused"
    value = shown(str(row.values.get(column, ""))) if column else ""
    remedy = _REMEDIES.get(reason) or told.get("remedy") or "correct the row"
    return RowProblem(row.row, column, value, f"{sentence} ({reason})", remedy)
