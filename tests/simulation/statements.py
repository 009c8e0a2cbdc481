"""What the statements of the event store, the relay and the consumer do, on the stand-in.

A condition that compares columns is read from the statement itself (``matches``), so that whoever
leaves one out of the SQL leaves it out here too. ``test_stand_ins`` runs all of them on both.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import asyncpg

from shared.consumer import checkpoint as positions
from shared.consumer import quarantine
from shared.eventstore import appending, store
from shared.outbox import relay
from tests.simulation.postgres import STATEMENTS, Row, Session, statement

__all__ = ["STATEMENTS"]

CONDITION = re.compile(r"(?:\w+\.)?(\w+) (=|>=) (?:\$(\d+)|a\.(\w+))")
MOMENT = datetime(2025, 3, 1, tzinfo=UTC)
LOCK_SECONDS, IDLE_SECONDS = 1.0, 2.0
HEAD = ("topic", "partition", "position")
EVENT = (
    *("stream_id", "version", "topic", "partition", "event_id", "source", "type", "subject"),
    *("key", "time", "recorded_at", "correlation_id", "causation_id", "actor", "data"),
)
PAGE = (
    *("event_id", "source", "type", "subject", "time", "recorded_at", "version", "topic"),
    *("partition", "position", "key", "correlation_id", "causation_id", "data"),
)
HISTORY = (
    *("stream_id", "version", "event_id", "type", "time", "recorded_at", "topic", "partition"),
    *("position", "data"),
)
ANSWER = ("scope", "key", "request_hash", "status", "body", "headers", "positions")
STANDING = ("topic", "partition", "next_offset", "position", "epoch", "broken_run")
HELD = tuple(name.strip() for name in quarantine.COLUMNS.split(","))


@cache
def conditions(text: str) -> Sequence[tuple[str, str, int | str]]:
    """Return (column, operator, argument number or field) of each comparison after WHERE."""
    where = text.partition("WHERE")[2].partition("RETURNING")[0]
    return [
        (column, operator, int(number) if number else name)
        for column, operator, number, name in CONDITION.findall(where)
    ]


def matches(
    text: str, row: Mapping[str, Any], args: Sequence[Any], fields: Mapping[str, Any] | None = None
) -> bool:
    for column, operator, operand in conditions(text):
        wanted = args[operand - 1] if isinstance(operand, int) else (fields or {})[operand]
        if not (row[column] == wanted if operator == "=" else row[column] >= wanted):
            return False
    return True


def rows(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [Row(names, [row[name] for name in names]) for row in found]


# --- event store


@statement(store.TIMEOUTS)
async def timeouts(session: Session) -> Sequence[Row]:
    session.lock_timeout, session.idle_timeout = LOCK_SECONDS, IDLE_SECONDS
    return []


@statement(store.LOCK_STREAMS)
async def lock_streams(session: Session, stream_ids: Sequence[str]) -> Sequence[Row]:
    locked = []
    for stream_id in sorted(set(stream_ids)):
        if session.get("stream", (stream_id,)) is not None:
            await session.lock("stream", (stream_id,))
            locked.append(Row((), ()))
    return locked


@statement(store.KNOWN)
async def known(
    session: Session,
    stream_ids: Sequence[str],
    scopes: Sequence[str],
    keys: Sequence[str],
    *later: Any,
) -> Sequence[Row]:
    later_ids, versions, limit = later
    first = dict.fromkeys(stream_ids, 1) | dict(zip(later_ids, versions, strict=True))
    events = [
        row
        for _, row in session.scan("event")
        if (from_ := first.get(row["stream_id"])) and 0 <= row["version"] - from_ < limit
    ]
    answers = []
    for asked in zip(scopes, keys, strict=True):
        promise = session.get("idempotency", asked)
        if promise is None:
            continue
        places = [
            f"{event['topic']}/{event['partition']}:{event['position']}"
            for version in range(promise["after_version"] + 1, promise["last_version"] + 1)
            if (event := session.get("event", (promise["stream_id"], version)))
            and event["topic"] is not None
        ]
        answers.append({**promise, "positions": ",".join(places) or None})
    return [
        *_padded(sorted(events, key=lambda row: (row["stream_id"], row["version"])), HISTORY),
        *_padded(answers, ANSWER),
    ]


def _padded(found: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Row]:
    """Return rows of both kinds of columns, where those of the other kind are empty."""
    both = (*HISTORY, *ANSWER)
    return [Row(both, [row[one] if one in names else None for one in both]) for row in found]


@statement(store.HASH_KEY)
async def secret(_session: Session) -> Sequence[Row]:
    return [Row(("secret",), (b"secret",))]


@statement(appending.APPEND_ONE)
async def append_one(session: Session, *values: Any) -> Sequence[Row]:
    promise, (at, stream_id, read, topic, partition, key, read_models) = values[:9], values[9:16]
    published, event_id, source, kind, subject, *rest = values[16:]
    place = (topic, partition) if published else (None, None)
    event = (stream_id, read + 1, *place, event_id, source, kind, subject, key, *rest)
    promises = [[value] for value in promise] if promise[0] is not None else [[]] * 9
    moves = [(stream_id, read, read + 1, topic, partition, key)]
    (given,) = await _append(session, at, promises, moves, read_models, [event])
    return [Row(("append_one",), (given,))]


@statement(appending.APPEND_MANY)
async def append_many(session: Session, *columns: Any) -> Sequence[Row]:
    heads = list(zip(*columns[17:19], strict=True))
    incoming = list(zip(*columns[20:], strict=True))
    events = [
        (*event[:2], *(heads[event[2] - 1] if event[2] else (None, None)), *event[4:])
        for event in incoming
    ]
    moves = sorted(zip(*columns[10:16], strict=True))
    given = await _append(session, columns[9], columns[:9], moves, columns[16], events)
    bases = [0] * len(heads)
    for position, (_, _, head, nth, *_) in zip(given, incoming, strict=True):
        if position is not None:
            bases[head - 1] = position - nth
    return [Row(("append_many",), (bases,))]


async def _append(
    session: Session,
    at: Any,
    promises: Sequence[Any],
    moves: Sequence[Any],
    read_models: Any,
    events: Sequence[Any],
) -> list[int | None]:
    session.lock_timeout = LOCK_SECONDS
    if read_models is not None:
        raise AssertionError("there are no read models here")
    await _remember(session, promises)
    if await _moved(session, moves) != len(moves):
        raise asyncpg.SerializationError("a stream was moved by others")
    return await _stored(session, at, events)


async def _remember(session: Session, columns: Sequence[Any]) -> None:
    names = (
        *("scope", "key", "request_hash", "status", "body", "headers"),
        *("stream_id", "after_version", "last_version"),
    )
    promises = [dict(zip(names, one, strict=True)) for one in zip(*columns, strict=True)]
    for promise in sorted(promises, key=lambda one: (one["scope"], one["key"])):
        key = (promise["scope"], promise["key"])
        await session.lock("idempotency", key)
        if session.get("idempotency", key) is not None:
            raise asyncpg.SerializationError("an idempotency key was used meanwhile")
        session.put("idempotency", key, promise)


async def _moved(session: Session, moves: Sequence[Sequence[Any]]) -> int:
    moved = 0
    for stream_id, read, *_ in moves:
        stream = session.get("stream", (stream_id,))
        if stream is not None and stream["version"] == read:
            await session.lock("stream", (stream_id,))
    for stream_id, read, version, *_ in moves:
        stream = session.get("stream", (stream_id,))
        if stream is not None and stream["version"] == read:
            session.put("stream", (stream_id,), {"version": version})
            moved += 1
    for stream_id, read, version, *_ in moves:
        if read == 0:
            await session.lock("stream", (stream_id,))
            if session.get("stream", (stream_id,)) is None:
                session.put("stream", (stream_id,), {"version": version})
                moved += 1
    return moved


async def _stored(session: Session, at: Any, incoming: Sequence[Any]) -> list[int | None]:
    counted: defaultdict[tuple[str, int], int] = defaultdict(int)
    for event in incoming:
        if event[2] is not None:
            counted[event[2], event[3]] += 1
    following = {}
    for place, events in sorted(counted.items()):
        await session.lock("head", place)
        head = session.get("head", place)
        following[place] = head["position"] + 1 if head else 1
        position = following[place] + events - 1
        session.put("head", place, dict(zip(HEAD, (*place, position), strict=True)))
    given: list[int | None] = []
    for event in incoming:
        position = None
        if event[2] is not None:
            position = following[event[2], event[3]]
            following[event[2], event[3]] += 1
        row = dict(zip(EVENT, (*event[:10], at, *event[10:]), strict=True))
        if session.get("event", event[:2]) is not None:
            raise asyncpg.UniqueViolationError(f"{event[:2]} is stored already")
        session.put("event", event[:2], {**row, "position": position})
        given.append(position)
    return given


@statement(store.HEADS)
async def heads(session: Session) -> Sequence[Row]:
    return rows(HEAD, [row for _, row in session.scan("head")])


@statement(store.PAGES)
async def pages(session: Session, *args: Any) -> Sequence[Row]:
    *columns, limit, bytes_max = args
    asked = sorted(zip(*columns, strict=True))
    return [row for one in asked for row in _page(session, *one, limit, bytes_max)]


def _page(
    session: Session, topic: str, partition: int, after: int, limit: int, bytes_max: int
) -> Sequence[Row]:
    placed = sorted(
        (row for _, row in session.scan("event") if row["topic"] == topic),
        key=lambda row: row["position"],
    )
    found, size = [], 0
    for row in placed:
        if row["partition"] != partition or row["position"] <= after:
            continue
        if len(found) == limit or size >= bytes_max:
            break
        found.append(row)
        size += len(row["data"])
    return rows(PAGE, found)


# --- relay


@statement(relay.BEHIND)
async def behind(session: Session) -> Sequence[Row]:
    relayed = dict(session.scan("relay"))
    nothing = {"position": 0, "epoch": 0}
    return [
        Row(("topic", "partition", "epoch"), (*key, relayed.get(key, nothing)["epoch"]))
        for key, head in session.scan("head")
        if head["position"] > relayed.get(key, nothing)["position"]
    ]


@statement(relay.POSITIONS)
async def relay_positions(session: Session) -> Sequence[Row]:
    relayed = dict(session.scan("relay"))
    names = ("topic", "partition", "head", "relayed")
    return [
        Row(names, (*key, head["position"], relayed[key]["position"] if key in relayed else 0))
        for key, head in session.scan("head")
    ]


@statement(relay.TAKE)
async def relay_take(session: Session, topic: str, partition: int) -> Sequence[Row]:
    key = ("relay", topic, partition)
    taken = session.database.advisory.setdefault(key, session) is session
    return [Row(("taken",), (taken,))]


@statement(relay.END_SILENT)
async def end_silent(session: Session, topic: str, seconds: float) -> Sequence[Row]:
    silent_since = session.database.loop.time() - seconds
    holders = {
        holder
        for (kind, of, _), holder in session.database.advisory.items()
        if (kind, of) == ("relay", topic) and holder.active_at < silent_since
    }
    for holder in holders:
        holder.end()
    return [Row(("pid", "ended"), (number, True)) for number in range(len(holders))]


@statement(relay.CLAIM)
async def relay_claim(session: Session, topic: str, partition: int, owner: str) -> Sequence[Row]:
    key = (topic, partition)
    await session.lock("relay", key)
    held = session.get("relay", key) or {"position": 0, "epoch": 0}
    row = {
        **dict(zip(HEAD, (*key, held["position"]), strict=True)),
        "epoch": held["epoch"] + 1,
        "owner": owner,
    }
    session.put("relay", key, row)
    return rows(("position", "epoch"), [row])


async def _move(session: Session, text: str, args: Sequence[Any], **changes: Any) -> list[Row]:
    """Update the relay's row where the statement's conditions hold, before and after waiting."""
    key = (args[0], args[1])
    row = session.get("relay", key)
    if row is None or not matches(text, row, args):
        return []
    await session.lock("relay", key)
    row = session.get("relay", key)
    if not matches(text, row, args):
        return []
    epoch = row["epoch"] + changes.pop("epochs", 0)
    session.put("relay", key, {**row, **changes, "epoch": epoch})
    return [Row(("moved",), (True,))]


@statement(relay.ADVANCE)
async def relay_advance(session: Session, *columns: Any) -> Sequence[Row]:
    names = ("topic", "partition", "epoch", "base", "position")
    return await _advanced(session, ("relay", relay.ADVANCE), (), names, columns)


async def _advanced(
    session: Session,
    told: tuple[str, str],
    args: Sequence[Any],
    names: Sequence[str],
    columns: Sequence[Sequence[Any]],
) -> Sequence[Row]:
    """Update rows where the statement's conditions hold, before and after waiting for each.

    ``told``: the table, and the statement's text. What comes after the base in ``names`` is set.
    """
    table, text = told
    moved = []
    for move in zip(*columns, strict=True):
        fields = dict(zip(names, move, strict=True))
        key = (*args, fields["topic"], fields["partition"])
        held = session.get(table, key)
        if held is None or not matches(text, held, args, fields):
            continue
        await session.lock(table, key)
        held = session.get(table, key)
        if not matches(text, held, args, fields):
            continue
        changes = {name: fields[name] for name in names[names.index("base") + 1 :]}
        session.put(table, key, {**held, **changes})
        moved.append(fields)
    return rows(("topic", "partition"), moved)


@statement(relay.REWIND)
async def relay_rewind(session: Session, *args: Any) -> Sequence[Row]:
    return await _move(session, relay.REWIND, args, position=args[2], epochs=1)


# --- consumer


@statement(positions.CLAIM)
async def claim(
    session: Session, consumer: str, topics: Sequence[str], partitions: Sequence[int], owner: str
) -> Sequence[Row]:
    claimed = []
    for topic, partition in sorted(zip(topics, partitions, strict=True)):
        key = (consumer, topic, partition)
        await session.lock("consumer_position", key)
        held = session.get("consumer_position", key)
        fresh = dict(zip(STANDING, (topic, partition, 0, 0, 0, 0), strict=True))
        row = {**(held or fresh), "consumer": consumer, "owner": owner}
        row["epoch"] += 1
        session.put("consumer_position", key, row)
        claimed.append(row)
    return rows(STANDING, claimed)


@statement(positions.ADVANCE)
async def advance(session: Session, consumer: str, *columns: Any) -> Sequence[Row]:
    names = ("topic", "partition", "epoch", "base", "next_offset", "position", "broken_run")
    told = ("consumer_position", positions.ADVANCE)
    return await _advanced(session, told, (consumer,), names, columns)


@statement(positions.STANDING)
async def standing(session: Session, consumer: str) -> Sequence[Row]:
    found = [row for key, row in session.scan("consumer_position") if key[0] == consumer]
    return rows(STANDING, found)


@statement(positions.RESET)
async def reset(session: Session, topic: str, partition: int | None, oldest: int) -> Sequence[Row]:
    found = []
    for key, _ in sorted(session.scan("consumer_position")):
        if key[1] == topic and partition in (None, key[2]):
            await session.lock("consumer_position", key)
            row = session.get("consumer_position", key)
            changes = {"next_offset": oldest, "epoch": row["epoch"] + 1}
            session.put("consumer_position", key, {**row, **changes})
            found.append({**row, **changes})
    return rows(("consumer", "partition"), found)


@statement(positions.HOLD)
async def hold(session: Session, *key: Any) -> Sequence[Row]:
    if session.get("consumer_position", key) is None:
        return []
    await session.lock("consumer_position", key)
    return rows(("epoch",), [session.get("consumer_position", key)])


@statement(positions.ADD_UNKNOWN)
async def add_unknown(session: Session, *values: Any) -> Sequence[Row]:
    await session.lock("unknown_event", values[:4])  # who inserts the same waits for the end
    if session.get("unknown_event", values[:4]) is not None:
        raise asyncpg.UniqueViolationError(f"{values[:4]} is noted already")
    session.put("unknown_event", values[:4], {"type": values[4]})
    return []


@statement(positions.UNKNOWN_TYPES)
async def unknown_types(session: Session, consumer: str) -> Sequence[Row]:
    types = {row["type"] for key, row in session.scan("unknown_event") if key[0] == consumer}
    return [Row(("type",), (name,)) for name in sorted(types)]


# --- quarantine


@statement(quarantine.ADD)
async def quarantine_add(session: Session, *values: Any) -> Sequence[Row]:
    once = (*values[:4], values[9])
    await session.lock("quarantine_once", once)
    if session.get("quarantine_once", once) is not None:
        return []
    number = session.database.number()
    row = dict(zip(HELD, (number, *values), strict=False))
    row["value_sha256"] = sha256(values[9] or b"").digest()
    rest = {"first_seen": MOMENT, "mirrored_at": None, "status": "held"}
    settled = {"settled_at": None, "settled_by": None}
    session.put("quarantine", (number,), {**row, **rest, **settled})
    session.put("quarantine_once", once, {})
    return []


@statement(quarantine.UNMIRRORED)
async def unmirrored(session: Session, consumer: str, limit: int) -> Sequence[Row]:
    found: list[Mapping[str, Any]] = []
    for key, row in sorted(session.scan("quarantine")):
        waits = row["consumer"] == consumer and row["mirrored_at"] is None
        waits = waits and row["status"] == "held"
        if waits and len(found) < limit and await session.lock("quarantine", key, wait=False):
            found.append(session.get("quarantine", key))
    return rows(HELD, found)


@statement(quarantine.MIRRORED)
async def mirrored(session: Session, numbers: Sequence[int]) -> Sequence[Row]:
    for number in numbers:
        row = session.get("quarantine", (number,))
        session.put("quarantine", (number,), {**row, "mirrored_at": MOMENT})
    return []
