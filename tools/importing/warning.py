"""What an import warns of: rows are taken as they are, and figures or verdicts can't follow."""

from collections.abc import AsyncIterator, Collection, Iterator

from tools.bulk import Service
from tools.importing.foresight import Foresight
from tools.importing.known import Known
from tools.importing.problem import Problem, shown

KINDS = ("phase", "mode")
_FEW = 5  # fewer than one row in so many without a kind change no verdict


async def warnings(
    foresight: Foresight, columns: Collection[str], known: Known, registry: Service
) -> list[Problem]:
    """Return what the rows leave unsaid, and the organisations that nobody linked."""
    return [
        *_kinds(foresight, columns),
        *[one async for one in _organisations(foresight, known, registry)],
    ]


def _kinds(foresight: Foresight, columns: Collection[str]) -> Iterator[Problem]:
    lacking = {
        name: foresight.rows if name not in columns else foresight.without[name]
        for name in KINDS
        if foresight.without[name] * _FEW > foresight.rows
    }
    if lacking:
        names = " and ".join(lacking)
        fill = {"phase": "--set phase=deliver", "mode": "--set mode=act"}
        yield Problem(
            1,
            ", ".join(lacking),
            "",
            f"{max(lacking.values())} of {foresight.rows} rows do not say their {names}: "
            "what they count for stays unknown, and no verdict can follow",
            "add it, or, where it is the same for all rows, import again with "
            + " ".join(fill[name] for name in lacking)
            + " (phase: commission, design, deliver or assess; mode: act or opinion)",
        )


async def _organisations(
    foresight: Foresight, known: Known, registry: Service
) -> AsyncIterator[Problem]:
    for local_id, named in foresight.organisations.items():
        service_id = known.service(local_id).service_id
        found = service_id and await registry.get(f"/v1/services/{service_id}")
        if not found or len(found["providers"]) > 1:
            continue
        for name, organisation in named.items():
            if organisation not in found["providers"]:
                yield Problem(
                    1,
                    "organisation_id",
                    shown(name),
                    f"professionals of {local_id} are of it, and nobody linked it: what the "
                    "service gives and takes outside its providers stays unknown (N1, N2, N3)",
                    f"if it provides the service, link it: POST {registry.url}/v1/services/"
                    f'{service_id}/providers {{"organisation_id": "{organisation}"}}',
                )
