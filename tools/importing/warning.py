"""Warnings of an import: rows that are taken, but lack what figures and verdicts need."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

from integrations.text import shown
from tools.bulk import ServiceClient
from tools.importing.directory import DirectoryPlan
from tools.importing.preview import Previewer
from tools.importing.problem import RowProblem
from tools.importing.row import Row

_FEW = 5  # one row in so many without a kind changes no verdict
_NAMED_MAX = 100  # a file in which more organisations are named than that names something else
_FILLS = {"phase": "--set phase=deliver", "mode": "--set mode=act"}


class RowStatistics:
    """Counts over the rows of a file, for its warnings."""

    def __init__(self) -> None:
        self.rows = 0
        self.without: Counter[str] = Counter()
        self.staff: dict[tuple[str, str], Row] = {}  # of an organisation in a service, the first

    def take(self, row: Row) -> None:
        values = row.values
        if row.problems:
            return
        self.rows += 1
        mode = values.get("mode")
        self.without["mode"] += mode is None
        self.without["phase"] += "phase" not in values and mode != "opinion"  # which needs none
        if "organisation_id" in values and values["giver_party"] == "professional":
            named = (values["service_id"], values["organisation_id"])
            if named not in self.staff and len(self.staff) < _NAMED_MAX:
                self.staff[named] = row


async def warnings(
    said: RowStatistics, directory: DirectoryPlan, registry: ServiceClient, previewer: Previewer
) -> list[RowProblem]:
    """Return the columns that too many rows lack, and the organisations that nobody linked."""
    return [
        *_kinds(said),
        *[one async for one in _organisations(said, directory, registry, previewer)],
    ]


def _kinds(said: RowStatistics) -> Iterator[RowProblem]:
    lacking = [name for name in _FILLS if said.without[name] * _FEW > said.rows]
    if lacking:
        most = max(said.without[name] for name in lacking)
        yield RowProblem(
            1,
            ", ".join(lacking),
            "",
            f"{most} of {said.rows} rows do not say their {' and '.join(lacking)}: what they "
            "count for stays unknown, and no verdict can follow",
            "fill it in the file, or, where it is the same for all rows, import again with "
            + " ".join(_FILLS[name] for name in lacking)
            + " (phase: commission, design, deliver or assess; mode: act or opinion)",
        )


async def _organisations(
    said: RowStatistics, directory: DirectoryPlan, registry: ServiceClient, previewer: Previewer
) -> AsyncIterator[RowProblem]:
    for (service, name), row in said.staff.items():
        service_id = directory.service(service).service_id
        found = service_id and await registry.get(f"/v1/services/{service_id}")
        if not found or len(found["providers"]) > 1:
            continue
        (told,) = await previewer.ask([row])
        organisation = told.get("giver_org")
        if organisation is not None and organisation not in found["providers"]:
            yield RowProblem(
                1,
                "organisation_id",
                shown(name),
                f"professionals of {service} are of it, and nobody linked it: who gives from "
                "outside the service stays unknown (N1, N2, N3)",
                f"if it provides the service, link it: POST {registry.url}/v1/services/"
                f'{service_id}/providers {{"organisation_id": "{organisation}"}}',
            )
