"""Snapshots as the tests of readers need them: a service, a version, and little else."""

from typing import Any

from services.insights.release.snapshot import Snapshot, Version, of_record


def a_record(service_id: str = "s-1", position: int = 1, **fields: Any) -> dict[str, Any]:
    version = Version(incarnation=1, projection=1, position=position, day=739000, announced=0)
    return {
        "service": {
            "service_id": service_id,
            "local_id": f"local-{service_id}",
            "name": service_id,
        },
        "receipt": {"deployment": "d"},
        "as_of": "2026-03-01",
        "version": list(version),
        "waiting": {"recorded": 0, "disputed": 0},
        "windows": {"90d": {"verdict": {"class": "co_production"}, "metrics": {}}},
        **fields,
    }


def a_snapshot(service_id: str = "s-1", position: int = 1, **changes: Any) -> Snapshot:
    record = a_record(service_id, position)
    return of_record({**record, "service": {**record["service"], **changes}})
