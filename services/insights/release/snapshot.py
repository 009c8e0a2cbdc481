"""Snapshot: every figure of one service at one moment, as it goes to the log and to every reader.

The record is JSON: ``service`` (what registry says of it), ``as_of``, ``version``, ``windows``
(window -> ``verdict``, and ``metrics`` by id and lens), ``waiting`` (acts that do not count yet)
and ``receipt``; ``ServiceSnapshot`` is its contract. The glance leaves the metrics out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson


class Version(NamedTuple):
    """Orders the snapshots of one service whoever rendered them.

    Positions come before the day: a replica that lost its partitions knows the day but no events.
    """

    incarnation: int  # when the database of insights was made, which may have been lost since
    projection: int
    position: int  # the sum over the partitions that the service's events are in
    day: int  # ordinal of the as-of day
    announced: int  # ordinal of the newest day anything was announced for; 0 for none
    events: int = 0  # that made facts: one taken out of quarantine after all moves no position
    held: int = 0  # the position from which it was found since when classes hold; 0 until it was


@dataclass(frozen=True, slots=True)
class Snapshot:
    service: Mapping[str, Any]
    version: Version
    deployment: str
    body: bytes
    glance: bytes

    @property
    def service_id(self) -> str:
        return str(self.service["service_id"])

    @property
    def local_id(self) -> str | None:
        local_id: str | None = self.service.get("local_id")
        return local_id


def of_record(record: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot of a freshly rendered record."""
    return _snapshot(record, orjson.dumps(record))


def read(body: bytes) -> Snapshot:
    """Return the snapshot behind the value of a record of ``insights.services.v1``.

    Raises:
        ValueError: these are not the bytes of a snapshot.
    """
    record = orjson.loads(body)
    try:
        return _snapshot(record, body)
    except (KeyError, TypeError) as broken:
        raise ValueError(f"not a snapshot: {broken!r}") from broken


def _snapshot(record: Mapping[str, Any], body: bytes) -> Snapshot:
    windows = {name: {"verdict": window["verdict"]} for name, window in record["windows"].items()}
    return Snapshot(
        service=record["service"],
        version=Version(*record["version"]),
        deployment=record["receipt"]["deployment"],
        body=body,
        glance=orjson.dumps({**record, "windows": windows}),
    )
