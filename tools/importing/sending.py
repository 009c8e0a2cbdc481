"""Sends good rows to exchange: a few requests in flight, the rows of one contribution in order."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from tools.bulk import Envelope, Outcome, Service, batches, command
from tools.failure import Failure
from tools.importing.problem import Problem, shown
from tools.importing.registration import Source
from tools.importing.row import Row
from tools.importing.spool import Spool

SYNCHRONISE = "org.coprod.exchange.synchronise-contribution"
LANES = 3
EFFECTS = ("recorded", "corrected", "unchanged", "stale", "voided", "moved", "status_changed")

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


class Sender:
    """One run's sending. Rows of one contribution go through one lane, one request at a time."""

    def __init__(
        self, spool: Spool, exchange: Service, source: Source, after: dict[str, int]
    ) -> None:
        """``after``: the registry positions that exchange has to know before it decides."""
        self._spool, self._exchange, self._source, self._after = spool, exchange, source, after
        self.effects = dict.fromkeys(EFFECTS, 0)

    async def send(self, on_progress: Callable[[int], None]) -> None:
        """Send every good row; what exchange refuses becomes a problem of its row.

        Raises:
            Failure: exchange stays away; what it took until then stands.
        """
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as lanes:
                for lane in range(LANES):
                    lanes.create_task(self._lane(lane, on_progress))
        except* Failure as failures:  # the lanes have one and the same trouble: tell it once
            failure = failures.exceptions[0]
        if failure is not None:
            raise failure

    async def _lane(self, lane: int, on_progress: Callable[[int], None]) -> None:
        for batch in batches(self._envelopes(lane)):
            for outcome in await self._exchange.commands(batch, self._after):
                self._take(outcome)
            on_progress(len(batch))

    def _envelopes(self, lane: int) -> Iterator[Envelope]:
        for row in self._spool.shuffled_rows(lane, LANES):
            # The key is new: a row that says what it said before last is news. And it is no number
            # of a row: keys are kept, and would tell the order of the file.
            line = command(self._source.path, uuid4().hex, SYNCHRONISE, self._data(row))
            yield Envelope(line, row)

    def _data(self, row: Row) -> dict[str, Any]:
        values = dict(row.values)
        giver = values["giver_id"]
        receivers = [one for one in values.pop("receiver_ids", ()) if one != giver]
        values["local_id"] = values.pop("contribution_id")
        values["service_id"] = self._spool.known.service(values["service_id"]).service_id
        values["giver_id"] = self._spool.known.person(giver).participant_id
        values["receivers"] = [self._spool.known.person(one).participant_id for one in receivers]
        if "episode_id" in values:
            values["episode_local_id"] = values.pop("episode_id")
        values.setdefault("status", "confirmed")
        return values

    def _take(self, outcome: Outcome) -> None:
        if outcome.problem is None:
            self.effects[outcome.body["effect"]] += 1
            return
        self._spool.add_problems([_problem(outcome.about, outcome.problem)])


def _problem(row: Row, told: dict[str, Any]) -> Problem:
    errors = told.get("errors") or [{}]
    named = errors[0].get("pointer", "").rsplit("/", 1)[-1]
    column = _COLUMN_OF_FIELD.get(named, "")
    sentence = errors[0].get("detail") or told.get("detail") or told.get("title") or "refused"
    value = shown(str(row.values.get(column, ""))) if column else ""
    remedy = told.get("remedy") or "correct the row and import the file again"
    return Problem(row.row, column, value, f"{sentence} ({told.get('reason', '')})", remedy)
