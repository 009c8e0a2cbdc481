"""An agency's office: it imports files and sees what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.write_side import heads
from tests.tools.importing.files import NOW
from tools.bulk import Service
from tools.importing import open_repair, polis
from tools.importing.columns import COLUMNS
from tools.importing.problem import Problem
from tools.importing.registration import Source
from tools.importing.report import Summary
from tools.importing.row import RowReader, check_header, rows_of
from tools.importing.run import Feed, Options, run
from tools.importing.spool import Spool
from tools.importing.table import Table

FILES = Options(Source("local", "file"), register_missing=True)


@dataclass(frozen=True, slots=True)
class Imported:
    summary: Summary
    problems: list[Problem]

    @property
    def effects(self) -> dict[str, int]:
        """Return the effects that there were."""
        return {name: count for name, count in self.summary.effects.items() if count}

    def told(self) -> set[tuple[int, str]]:
        return {(one.row, one.column) for one in self.problems}


@dataclass(frozen=True, slots=True)
class Office:
    registry: Service
    exchange: Service

    async def take(
        self, path: Path, options: Options = FILES, filled: Mapping[str, str] | None = None
    ) -> Imported:
        table = Table(path, COLUMNS)
        checked = check_header(table.header, filled or {})
        reader = RowReader(filled or {}, ZoneInfo("UTC"), NOW, checked.required)
        rows = rows_of(table, table.header, reader)
        columns = frozenset({*table.header, *(filled or {})})
        feed = Feed(table, rows, columns, tuple(checked.notices), tuple(checked.blocking))
        return await self._run(feed, options)

    async def take_polis(self, path: Path, service: str, conversation: str = "c") -> Imported:
        reader = RowReader({**polis.FILLED, "service_id": service}, ZoneInfo("UTC"), NOW)
        options = replace(FILES, source=Source("local", polis.SYSTEM))
        return await self._run(polis.votes(path, reader, conversation), options)

    async def take_open_repair(self, path: Path, service: str) -> Imported:
        reader = RowReader({**open_repair.FILLED, "service_id": service}, ZoneInfo("UTC"), NOW)
        options = replace(FILES, source=Source("local", open_repair.SYSTEM))
        return await self._run(open_repair.items(path, reader), options)

    async def contributions(self, service: str, agency: str = "local") -> list[dict[str, Any]]:
        """Return the contributions to a service, each with its act whole."""
        found = await self.registry.get(f"/v1/services?agency_id={agency}&local_id={service}")
        service_id = found["items"][0]["service_id"]
        page = await self.exchange.get(f"/v1/contributions?service_id={service_id}")
        return [
            await self.exchange.get(f"/v1/contributions/{one['contribution_id']}")
            for one in page["items"]
        ]

    async def heads(self) -> dict[str, int]:
        return await heads((self.registry, self.exchange))

    async def _run(self, feed: Feed, options: Options) -> Imported:
        with Spool() as spool:
            summary = await run(feed, options, (self.registry, self.exchange), spool)
            return Imported(summary, list(spool.problems()))
