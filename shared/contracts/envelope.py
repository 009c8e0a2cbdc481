"""CloudEvents 1.0: one event as Kafka headers (binary mode) and as JSON (structured)."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import orjson

from shared.contracts.catalogue import schema_uri

CONTENT_TYPE = b"application/json"
_ALWAYS = (
    *("content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"),
    *("ce_recordedtime", "ce_sequence", "ce_position", "ce_deployment", "ce_partitionkey"),
    "ce_dataschema",
)
_WRITTEN = (
    (*_ALWAYS, "ce_correlationid"),
    (*_ALWAYS, "ce_correlationid", "ce_causationid"),
    _ALWAYS,
)
"""Names that ``headers`` writes, in its order; it leaves the last out that are None."""


class BrokenEnvelope(ValueError):
    """A record's headers are not those of an event; the record belongs in quarantine."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event with its attributes. ``sequence`` and ``position`` count from 1, without holes."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    recorded_at: datetime
    sequence: int
    topic: str
    partition: int
    position: int
    key: str
    deployment: str
    data: bytes
    correlation_id: str | None = None
    causation_id: str | None = None


def headers(event: Event) -> list[tuple[str, bytes]]:
    """Return the Kafka headers of binary mode, in a fixed order; the value is ``event.data``."""
    found = [
        ("content-type", CONTENT_TYPE),
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_time", _written(event.time)),
        ("ce_recordedtime", _written(event.recorded_at)),
        ("ce_sequence", b"%d" % event.sequence),
        ("ce_position", b"%d" % event.position),
        ("ce_deployment", event.deployment.encode()),
        ("ce_partitionkey", event.key.encode()),
        ("ce_dataschema", schema_uri(event.type).encode()),
    ]
    if event.correlation_id is not None:
        found.append(("ce_correlationid", event.correlation_id.encode()))
    if event.causation_id is not None:
        found.append(("ce_causationid", event.causation_id.encode()))
    return found


def parse(
    topic: str, partition: int, raw: Iterable[tuple[str, bytes | None]], value: bytes | None
) -> Event:
    """Return the event behind one record.

    Raises:
        BrokenEnvelope: an attribute is missing, null, doubled, not UTF-8, with a NUL or not of its
            type, or there is no value; the message names the attribute.
    """
    if value is None:
        raise BrokenEnvelope("the record has no value; an event topic holds no tombstones")
    try:
        if (written := _as_written(raw)) is not None:
            return _event(topic, partition, written, value)
        found = _texts(raw)
        return Event(
            id=found["ce_id"],
            source=found["ce_source"],
            type=found["ce_type"],
            subject=found["ce_subject"],
            time=datetime.fromisoformat(found["ce_time"]),
            recorded_at=datetime.fromisoformat(found["ce_recordedtime"]),
            sequence=int(found["ce_sequence"]),
            topic=topic,
            partition=partition,
            position=int(found["ce_position"]),
            key=found["ce_partitionkey"],
            deployment=found["ce_deployment"],
            data=value,
            correlation_id=found.get("ce_correlationid"),
            causation_id=found.get("ce_causationid"),
        )
    except KeyError as missing:
        raise BrokenEnvelope(f"header {missing.args[0]} is missing") from None
    except ValueError as broken:
        raise BrokenEnvelope(f"a header has a broken value: {broken}") from None


def structured(event: Event) -> bytes:
    """Return the event as one CloudEvents JSON object, data included."""
    attributes = {
        name.removeprefix("ce_"): text.decode()
        for name, text in headers(event)
        if name.startswith("ce_")
    }
    integers = {"sequence": event.sequence, "position": event.position}
    return orjson.dumps(
        {
            **attributes,
            **integers,
            "datacontenttype": CONTENT_TYPE.decode(),
            "data": orjson.Fragment(event.data),
        }
    )


def _as_written(raw: Iterable[tuple[str, bytes | None]]) -> list[str] | None:
    """Return the texts of headers that are plainly ours, at once; None for any others."""
    try:
        names, values = zip(*raw, strict=True)
        whole = b"\n".join(values)
    except (TypeError, ValueError):
        return None
    if names not in _WRITTEN or not whole.isascii() or b"\0" in whole:
        return None
    texts = whole.decode("ascii").split("\n")
    return texts if len(texts) == len(names) else None


def _event(topic: str, partition: int, written: list[str], value: bytes) -> Event:
    return Event(
        written[2],
        written[3],
        written[4],
        written[5],
        datetime.fromisoformat(written[6]),
        datetime.fromisoformat(written[7]),
        int(written[8]),
        topic,
        partition,
        int(written[9]),
        written[11],
        written[10],
        value,
        *written[13:],
    )


def _texts(raw: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        if not name.startswith("ce_"):
            continue  # headers of others, such as traceparent, are none of our business
        if value is None:
            raise BrokenEnvelope(f"header {name} is null")
        if name in found:
            raise BrokenEnvelope(f"header {name} stands twice")
        try:
            found[name] = value.decode()
        except UnicodeDecodeError:
            raise BrokenEnvelope(f"header {name} is not UTF-8") from None
        if "\0" in found[name]:
            raise BrokenEnvelope(f"header {name} holds a NUL, which no text of a database can")
    return found


def _written(moment: datetime) -> bytes:
    return moment.isoformat().replace("+00:00", "Z").encode()
