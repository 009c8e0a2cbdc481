"""CloudEvents 1.0: one event as Kafka headers (binary mode) and as JSON (structured)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from itertools import chain, repeat
from typing import Any, TypeAlias

import msgspec
import orjson

from shared.contracts.catalogue import schema_uri

CONTENT_TYPE = b"application/json"
_ALWAYS = (
    *("content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"),
    *("ce_recordedtime", "ce_sequence", "ce_position", "ce_deployment", "ce_partitionkey"),
    "ce_dataschema",
)
_LINKED = (*_ALWAYS, "ce_correlationid", "ce_causationid")
_WRITTEN = {width: _LINKED[:width] for width in range(len(_ALWAYS), len(_LINKED) + 1)}
"""Names that ``headers`` writes, in its order, by their number: the last are left out if None."""

_CONTENT_TYPE = ("content-type", CONTENT_TYPE)
_VERSION = ("ce_specversion", b"1.0")
_FEW = 1024  # sources, types and deployments there are; each is written once
_QUOTED: Callable[[datetime], bytes] = msgspec.json.Encoder().encode

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


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
        _CONTENT_TYPE,
        _VERSION,
        ("ce_id", event.id.encode()),
        _repeated("ce_source", event.source),
        _repeated("ce_type", event.type),
        ("ce_subject", event.subject.encode()),
        ("ce_time", _written(event.time)),
        ("ce_recordedtime", _written(event.recorded_at)),
        ("ce_sequence", b"%d" % event.sequence),
        ("ce_position", b"%d" % event.position),
        _repeated("ce_deployment", event.deployment),
        ("ce_partitionkey", event.key.encode()),
        _repeated("ce_dataschema", schema_uri(event.type)),
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


def parse_plain(
    topic: str, partition: int, raw: Sequence[Headers], values: Sequence[bytes]
) -> list[Event] | None:
    """Return what ``parse`` returns for each record; None unless all are plainly ours.

    Plain is ASCII in the headers that ``headers`` writes. By columns, a record costs half.
    """
    places: dict[int, list[int]] = {}
    for place, width in enumerate(map(len, raw)):
        places.setdefault(width, []).append(place)
    if len(places) == 1:
        return _by_columns(topic, partition, raw, values)
    found: dict[int, Event] = {}
    for some in places.values():
        events = _by_columns(
            topic, partition, [raw[place] for place in some], [values[place] for place in some]
        )
        if events is None:
            return None
        found.update(zip(some, events, strict=True))
    return [found[place] for place in range(len(raw))]


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


def _by_columns(
    topic: str, partition: int, raw: Sequence[Headers], values: Sequence[bytes]
) -> list[Event] | None:
    text = partial(map, bytes.decode)
    try:
        columns = [tuple(zip(*column, strict=True)) for column in zip(*raw, strict=True)]
        names, said = zip(*columns, strict=True)
        whole = b"".join(chain.from_iterable(said))
        if not _as_written(names) or not whole.isascii() or b"\0" in whole:
            return None
        _, _, ids, sources, types, subjects, times, recorded = said[:8]
        sequences, positions, deployments, keys, _, *links = said[8:]
        attributes: list[Iterable[Any]] = [
            *map(text, (ids, sources, types, subjects)),
            map(datetime.fromisoformat, text(times)),
            map(datetime.fromisoformat, text(recorded)),
            map(int, sequences),
            repeat(topic),
            repeat(partition),
            map(int, positions),
            *map(text, (keys, deployments)),
            values,
            *map(text, links),
        ]
        return list(map(Event, *attributes))
    except (TypeError, ValueError):
        return None


def _as_written(columns: Sequence[Sequence[str]]) -> bool:
    names = _WRITTEN.get(len(columns), ())
    return columns == tuple((name,) * len(columns[0]) for name in names)


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


@lru_cache(_FEW)
def _repeated(name: str, value: str) -> tuple[str, bytes]:
    return name, value.encode()


def _written(moment: datetime) -> bytes:
    """Return it as ``isoformat`` has it, with Z for UTC; a ninth of the time."""
    return _QUOTED(moment)[1:-1]
