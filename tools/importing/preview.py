"""Asks exchange what an import would do before anything is sent, and finds what may be a mistake.

A file whose ids begin at 1 again, or a file of another service with the same ids, would correct or
move acts that have nothing to do with it. Its sign: exchange already has many of the acts that the
file names, and many of these would change.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from integrations.text import shown
from tools.bulk import Envelope, batches
from tools.importing.command import Commands
from tools.importing.row import Row
from tools.importing.sending import EFFECTS, LANES, ExchangeClient, in_lanes, problem_of
from tools.importing.spool import Gone, Spool

SOME_ROWS = 5  # fewer than so many are never much
PAGE = 1_000
_MOVES = "stands_in_another_service"


def much(changed: int, of: int) -> bool:
    """Tell whether the changed rows are more than a tenth, and at least ``SOME_ROWS``."""
    return changed >= SOME_ROWS and changed * 10 > of


@dataclass
class First:
    """The first row that has an effect; ``changes``: what a correction changes."""

    row: int
    contribution_id: str
    changes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = f"row {self.row}, id {shown(self.contribution_id)}"
        return f"{told}: {', '.join(self.changes)}" if self.changes else told


@dataclass
class PreviewTotals:
    """``standing``: rows that became an act before; ``other_day``: of these, corrected in the day.

    ``first`` has the first row of each effect; ``settled`` counts rows that would add nothing.
    """

    settled: Counter[str] = field(default_factory=Counter)
    effects: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EFFECTS, 0))
    first: dict[str, First] = field(default_factory=dict)
    standing: int = 0
    corrected: int = 0
    moved: int = 0
    other_day: int = 0

    def take(self, row: Row, told: dict[str, Any]) -> None:
        """Count the answer of exchange for one row."""
        moves = told.get("problem", {}).get("reason") == _MOVES or told.get("effect") == "moved"
        effect = "moved" if moves else told.get("effect")
        changes = told.get("changes") or []
        if effect is not None:
            self.effects[effect] += 1
            self._note(effect, First(row.row, str(row.values["contribution_id"]), changes))
            self.settled[effect] += not (moves or told["stores"])
        if told["stands"]:
            self.standing += 1
            self.moved += moves
            self.corrected += effect == "corrected"
            self.other_day += effect == "corrected" and "occurred_at" in changes

    def doubt(self, *, days_stay: bool) -> str | None:
        """Return why this may be the wrong file; None if there is no sign of it.

        ``days_stay``: in files of this kind no act ever gets another day.
        """
        changed = self.corrected + self.moved
        all_days = 1 < self.standing == self.other_day
        if not (much(changed, self.standing) or all_days or (days_stay and self.other_day)):
            return None
        told = [
            f"{count} would be {effect} (first: {self.first[effect]})"
            for effect, count in (("corrected", self.corrected), ("moved", self.moved))
            if count
        ]
        return f"of {self.standing} acts that it names and that stand already " + ", ".join(told)

    def _note(self, effect: str, found: First) -> None:
        first = self.first.get(effect)
        if first is None or found.row < first.row:
            self.first[effect] = found


class Previewer:
    """Asks exchange about the rows of a spool. A refusal becomes a problem of the row."""

    def __init__(self, spool: Spool, exchange: ExchangeClient, commands: Commands) -> None:
        self._spool, self.exchange, self._commands = spool, exchange, commands
        self.totals = PreviewTotals()

    async def preview(
        self, on_progress: Callable[[int], None], *, standing_only: bool = False
    ) -> None:
        """Ask about every good row that has no answer yet.

        With ``standing_only`` exchange answers only for rows that are acts already. Most files
        bring new acts, and these change nothing that stands.
        """
        await in_lanes(partial(self._lane, on_progress, standing_only=standing_only))

    async def ask(
        self, rows: Sequence[Row], *, standing_only: bool = False
    ) -> list[dict[str, Any]]:
        """Return what each of the rows would do, in their order."""
        assumed: dict[str, dict[bytes, Any]] = {}
        for row in rows:
            for kind, data in self._commands.assumed(row):
                assumed.setdefault(kind, {})[orjson.dumps(data)] = data
        question = {
            "rows": [self._commands.data(row) for row in rows],
            "assumed": {kind: list(of_kind.values()) for kind, of_kind in assumed.items()},
            "standing_only": standing_only,
        }
        answer = await self.exchange.service.post(
            "/v1/rows/preview", question, _headers(self.exchange)
        )
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def _lane(
        self, on_progress: Callable[[int], None], lane: int, *, standing_only: bool
    ) -> None:
        for batch in batches(self._pieces(lane)):
            rows: list[Row] = [one.about for one in batch]
            told = await self.ask(rows, standing_only=standing_only)
            for row, of_row in zip(rows, told, strict=True):
                self._take(row, of_row)
            on_progress(len(rows))

    def _take(self, row: Row, told: dict[str, Any]) -> None:
        self.totals.take(row, told)
        if "problem" in told:
            self._spool.add_problems([problem_of(row, told["problem"])])
        elif "effect" in told:
            self._spool.note_previewed(row.row, stores=told["stores"])

    def _pieces(self, lane: int) -> Iterator[Envelope]:
        for row in self._spool.shuffled_rows(lane, LANES, unpreviewed=True):
            # only how large it is counts here
            size = (self._commands.data(row), list(self._commands.assumed(row)))
            yield Envelope(orjson.dumps(size), row)


@dataclass
class Missing:
    """``standing``: acts of the services and scopes of the file; ``gone``: those not in it."""

    standing: int = 0
    gone: int = 0

    @property
    def is_much(self) -> bool:
        return much(self.gone, self.standing)


async def find_missing(spool: Spool, exchange: ExchangeClient) -> Missing:
    """Find the acts in the services of the file whose ids the file lacks; the spool keeps them."""
    missing = Missing()
    for local_id in spool.directory.service_ids():
        service_id = spool.directory.service(local_id).service_id
        if service_id is None:
            continue
        async for page in _standing(exchange, service_id):
            standing = [one for one in page if one["id_scope"] in spool.scopes]
            gone = [
                Gone(local_id, one["id_scope"], one["local_id"], one["occurred_at"][:10])
                for one in standing
                if not spool.names(one["id_scope"], one["local_id"])
            ]
            spool.add_gone(gone)
            missing.standing += len(standing)
            missing.gone += len(gone)
    return missing


async def _standing(
    exchange: ExchangeClient, service_id: str
) -> AsyncIterator[list[dict[str, Any]]]:
    cursor = ""
    while True:
        page = await exchange.service.get(
            f"/v1/rows?service_id={service_id}&limit={PAGE}{cursor}", _headers(exchange)
        )
        yield page["items"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


def _headers(exchange: ExchangeClient) -> dict[str, str]:
    source = exchange.source
    headers = {"coprod-agency": source.agency, "coprod-system": source.system}
    if exchange.after:
        after = (f"{at}:{position}" for at, position in exchange.after.items())
        headers["coprod-after"] = ", ".join(after)
    return headers
