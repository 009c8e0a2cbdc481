"""An agency's office: it imports files and sees what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from integrations.open_repair import OpenRepair
from integrations.polis import Polis
from tests.support.write_side import heads
from tests.tools.importing.files import NOW, feed_of
from tools.bulk import ServiceClient
from tools.importing.feed import Feed, records
from tools.importing.polis import votes
from tools.importing.problem import RowProblem
from tools.importing.registration import Source
from tools.importing.report import Summary
from tools.importing.run import ImportOptions, run
from tools.importing.spool import Spool

FILES = ImportOptions(Source("local", "file"), register_missing=True)


@dataclass(frozen=True, slots=True)
class Imported:
    summary: Summary
    problems: list[RowProblem]

    @property
    def effects(self) -> dict[str, int]:
        """Return the effects that there were."""
        return {name: count for name, count in self.summary.effects.items() if count}

    def told(self) -> set[tuple[int, str]]:
        return {(one.row, one.column) for one in self.problems}


@dataclass(frozen=True, slots=True)
class Office:
    registry: ServiceClient
    exchange: ServiceClient

    async def take(
        self, path: Path, options: ImportOptions = FILES, filled: Mapping[str, str] | None = None
    ) -> Imported:
        return await self._run(feed_of(path, filled), options)

    async def take_polis(self, path: Path, service: str, conversation: str = "c") -> Imported:
        options = replace(FILES, source=Source("local", "polis"))
        return await self._run(votes(path, Polis(service, conversation, NOW)), options)

    async def take_open_repair(self, path: Path, service: str) -> Imported:
        options = replace(FILES, source=Source("local", "open-repair"))
        return await self._run(records(path, OpenRepair(service, NOW)), options)

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

    async def _run(self, feed: Feed, options: ImportOptions) -> Imported:
        with Spool() as spool:
            summary = await run(feed, options, (self.registry, self.exchange), spool)
            return Imported(summary, list(spool.problems()))
