"""What an import would do, as exchange says before anything is sent, and whether that is meant.

Numbers that begin anew, or a file of another service under the same ids, would correct or move acts
that it knows nothing of. It looks like this: much of what the file names stands already, and
would change.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from tools.bulk import Envelope, batches
from tools.importing.command import Commands
from tools.importing.problem import shown
from tools.importing.row import Row
from tools.importing.sending import EFFECTS, Exchange, problem_of
from tools.importing.spool import Gone, Spool

SOME_ROWS = 5  # fewer than so many are never much
PAGE = 1_000
_MOVES = "stands_in_another_service"


def much(changed: int, of: int) -> bool:
    """Whether it is more than a tenth, and no fewer than five."""
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
class Foresight:
    """``standing``: rows that became an act before; ``other_day``: of these, corrected in the day.

    ``first`` has the first row of each effect; ``settled`` counts rows that would add nothing.
    ``without``: how many of the ``rows`` that exchange would take lack a phase or a mode.
    ``organisations``: by service, those that professionals name, each with its id in the log.
    """

    rows: int = 0
    without: Counter[str] = field(default_factory=Counter)
    organisations: dict[str, dict[str, str]] = field(default_factory=dict)
    settled: Counter[str] = field(default_factory=Counter)
    effects: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EFFECTS, 0))
    first: dict[str, First] = field(default_factory=dict)
    standing: int = 0
    corrected: int = 0
    moved: int = 0
    other_day: int = 0

    def take(self, row: Row, told: dict[str, Any]) -> None:
        """Take in what exchange says that one row would do."""
        moves = told.get("problem", {}).get("reason") == _MOVES or told.get("effect") == "moved"
        effect = "moved" if moves else told.get("effect")
        changes = told.get("changes") or []
        if "problem" not in told:
            self._describe(row.values, told)
        if effect is not None:
            self.effects[effect] += 1
            self._note(effect, First(row.row, str(row.values["contribution_id"]), changes))
        if told["stands"]:
            self.standing += 1
            self.moved += moves
            self.corrected += effect == "corrected"
            self.other_day += effect == "corrected" and "occurred_at" in changes

    def doubt(self, *, days_stay: bool) -> str | None:
        """Return why the file may be another than it was taken for; None where nothing says so.

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

    def _describe(self, values: dict[str, Any], told: dict[str, Any]) -> None:
        self.rows += 1
        mode = values.get("mode")
        self.without["mode"] += mode is None
        self.without["phase"] += "phase" not in values and mode != "opinion"  # which has none
        if not told["stores"]:
            self.settled[told["effect"]] += 1
        name, organisation = values.get("organisation_id"), told.get("giver_org")
        if name and organisation and values["giver_party"] == "professional":
            self.organisations.setdefault(values["service_id"], {})[name] = organisation

    def _note(self, effect: str, found: First) -> None:
        first = self.first.get(effect)
        if first is None or found.row < first.row:
            self.first[effect] = found


async def foresee(
    spool: Spool,
    exchange: Exchange,
    commands: Commands,
    foresight: Foresight,
    on_progress: Callable[[int], None],
) -> None:
    """Ask exchange what every good row would do; what it would refuse becomes a problem of its row.

    Rows that would change nothing are settled, and left out from then on.
    """
    for batch in batches(_pieces(spool, commands)):
        assumed: dict[str, dict[bytes, Any]] = {}
        for one in batch:
            for kind, data in one.about[2]:
                assumed.setdefault(kind, {})[orjson.dumps(data)] = data
        question = {
            "rows": [one.about[1] for one in batch],
            "assumed": {kind: list(of_kind.values()) for kind, of_kind in assumed.items()},
        }
        answer = await exchange.service.post("/v1/rows/preview", question, _headers(exchange))
        settled = []
        for one, told in zip(batch, answer["items"], strict=True):
            row: Row = one.about[0]
            foresight.take(row, told)
            if "problem" in told:
                spool.add_problems([problem_of(row, told["problem"])])
            elif not told["stores"]:
                settled.append(row.row)
        spool.settle(settled)
        on_progress(len(batch))


def _pieces(spool: Spool, commands: Commands) -> Iterator[Envelope]:
    for row in spool.shuffled_rows(0, 1):
        data, assumed = commands.data(row), list(commands.assumed(row))
        yield Envelope(orjson.dumps((data, assumed)), (row, data, assumed))


@dataclass
class Missing:
    """``standing``: acts of the services and scopes of the file; ``gone``: those not in it."""

    standing: int = 0
    gone: int = 0

    @property
    def is_much(self) -> bool:
        return much(self.gone, self.standing)


async def find_missing(spool: Spool, exchange: Exchange) -> Missing:
    """Find what stands in the services of the file under ids that it lacks; the spool keeps it."""
    missing = Missing()
    for local_id in spool.known.service_ids():
        service_id = spool.known.service(local_id).service_id
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


async def _standing(exchange: Exchange, service_id: str) -> AsyncIterator[list[dict[str, Any]]]:
    cursor = ""
    while True:
        page = await exchange.service.get(
            f"/v1/rows?service_id={service_id}&limit={PAGE}{cursor}", _headers(exchange)
        )
        yield page["items"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


def _headers(exchange: Exchange) -> dict[str, str]:
    source = exchange.source
    headers = {"coprod-agency": source.agency, "coprod-system": source.system}
    if exchange.after:
        after = (f"{at}:{position}" for at, position in exchange.after.items())
        headers["coprod-after"] = ", ".join(after)
    return headers
