"""What one transaction adds to the event store, and the statement that adds it.

There are two, which lock and refuse the same: one event of one stream, as most commands add, goes
as plain values, which costs the database and this process half; everything else as columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import msgspec
import orjson

from shared.contracts import catalogue
from shared.contracts.topics import MESSAGE_BYTES_MAX
from shared.eventstore.port import Answer, Connection, Idempotency, Provenance, Recorded, Stream

APPEND_SECONDS_MAX = 5.0
DATA_BYTES_MAX = MESSAGE_BYTES_MAX * 8 // 10  # leaves room for headers and the batch around it

Values: TypeAlias = Sequence[object]
Changes: TypeAlias = Sequence[Mapping[str, object]]

APPEND_ONE = f"SELECT append_one({', '.join(f'${n}' for n in range(1, 27))})"
APPEND_MANY = f"SELECT append_many({', '.join(f'${n}' for n in range(1, 35))})"
NO_PROMISE = (None,) * 9


class Pending(msgspec.Struct, frozen=True, gc=False):
    """An event about to be stored. ``recorded.position`` is None until then.

    ``partition`` is its stream's, also for a private event, which has none itself.
    """

    recorded: Recorded
    stream: Stream
    partition: int
    provenance: Provenance
    causation_id: str | None
    data: bytes


class Promise(msgspec.Struct, frozen=True, gc=False):
    """An answer about to be stored, with the versions of the stream that its command added."""

    idempotency: Idempotency
    answer: Answer
    stream_id: str
    after_version: int
    last_version: int


@dataclass(slots=True)
class Append:
    """Everything that one transaction adds. ``read`` maps stream id -> version it was read at."""

    at: datetime
    events: list[Pending] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)


async def run(connection: Connection, append: Append, changes: Changes) -> list[int | None]:
    """Store it all; return the events' positions, None of private ones.

    ``changes`` is what ``change_read_models`` is given.

    Raises:
        asyncpg.SerializationError: a stream was moved, or a key used, since they were read.
    """
    alone = len(append.events) == 1 and len(append.promises) <= 1
    return await (run_one if alone else run_many)(connection, append, changes)


async def run_one(connection: Connection, append: Append, changes: Changes) -> list[int | None]:
    """Store one event, with one answer at most."""
    (pending,) = append.events
    stream = pending.stream
    promised = _promise_row(append.promises[0]) if append.promises else NO_PROMISE
    moved = (stream.id, append.read[stream.id], stream.topic.name, pending.partition, stream.key)
    published = pending.recorded.topic is not None
    added = (published, *_event_row(pending))
    arguments = (*promised, append.at, *moved, _json(changes), *added)
    return [await connection.fetchval(APPEND_ONE, *arguments, timeout=APPEND_SECONDS_MAX)]


async def run_many(connection: Connection, append: Append, changes: Changes) -> list[int | None]:
    """Store any number of events, streams and answers."""
    last = {pending.stream.id: pending for pending in append.events}
    heads: dict[tuple[str, int], int] = {}  # in the order in which the statement names them
    places = [_place(pending.recorded, heads) for pending in append.events]
    numbers = {at: number for number, at in enumerate(heads, 1)}
    rows = [
        _stored_row(pending, place and (numbers[place[0]], place[1]))
        for pending, place in zip(append.events, places, strict=True)
    ]
    bases = await connection.fetchval(
        APPEND_MANY,
        *_columns(9, [_promise_row(promise) for promise in append.promises]),
        append.at,
        *_columns(6, [_stream_row(pending, append.read) for pending in last.values()]),
        _json(changes),
        *_columns(3, [(*at, events) for at, events in heads.items()]),
        *_columns(14, rows),
        timeout=APPEND_SECONDS_MAX,
    )
    return [place and bases[numbers[place[0]] - 1] + place[1] for place in places]


Place: TypeAlias = tuple[tuple[str, int], int] | None
"""(topic, partition) of a published event, and which of the new ones there it is, from 1."""


def _place(recorded: Recorded, heads: dict[tuple[str, int], int]) -> Place:
    if recorded.topic is None or recorded.partition is None:
        return None
    at = (recorded.topic, recorded.partition)
    heads[at] = heads.get(at, 0) + 1
    return at, heads[at]


def _json(changes: Changes) -> str | None:
    return orjson.dumps(changes).decode() if changes else None


def _columns(width: int, rows: Sequence[Values]) -> Sequence[Values]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _promise_row(promise: Promise) -> Values:
    return (
        promise.idempotency.scope,
        promise.idempotency.key,
        promise.idempotency.request_hash,
        promise.answer.status,
        orjson.dumps(promise.answer.body),
        orjson.dumps(promise.answer.headers),
        promise.stream_id,
        promise.after_version,
        promise.last_version,
    )


def _stream_row(pending: Pending, read: Mapping[str, int]) -> Values:
    stream = pending.stream
    return (
        stream.id,
        read[stream.id],
        pending.recorded.version,
        stream.topic.name,
        pending.partition,
        stream.key,
    )


def _stored_row(pending: Pending, placed: tuple[int, int] | None) -> Values:
    recorded, event = pending.recorded, _event_row(pending)
    head, nth = placed or (None, None)
    return (
        recorded.stream_id,
        recorded.version,
        head,
        nth,
        *event[:4],
        pending.stream.key,
        *event[4:],
    )


def _event_row(pending: Pending) -> Values:
    recorded, provenance = pending.recorded, pending.provenance
    if len(pending.data) > DATA_BYTES_MAX:
        # it would be refused by the log for ever, and everything behind it would wait
        raise ValueError(f"event {recorded.event_id} has {len(pending.data)} bytes of data")
    return (
        recorded.event_id,
        provenance.source,
        catalogue.BY_MODEL[type(recorded.event)].name,
        pending.stream.subject,
        recorded.time,
        provenance.correlation_id,
        pending.causation_id,
        provenance.actor,
        pending.data,
    )
