"""The loop load, decide, append, retry, once for every aggregate, for one command or many."""

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
import orjson
from uuid_utils import uuid7

from shared.contracts import catalogue
from shared.eventstore.appending import Append, Pending, Promise
from shared.eventstore.folding import Fold, Folded
from shared.eventstore.port import (
    Answer,
    Command,
    Happened,
    Idempotency,
    KeyReused,
    Project,
    Recorded,
    Refusal,
    Rejected,
    Settled,
    StreamFull,
    VersionMismatch,
)
from shared.eventstore.store import (
    POSITION_HEADER,
    Conflict,
    PostgresEventStore,
    Remembered,
    Session,
)
from shared.log.partitioner import partition_of

ATTEMPTS_MAX = 12
LOST_RACES = (Conflict, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)


async def handle(
    store: PostgresEventStore, commands: Sequence[Command[Any] | Settled], project: Project
) -> list[Answer | Refusal]:
    """Run the commands in order, in one transaction; return an answer or a refusal for each.

    A refused command changes nothing and stops no other. Each sees what those before it did. One
    whose idempotency key was answered before gets that answer again, whatever the state is now.

    Raises:
        Conflict: others kept winning the race for the same streams.
    """
    locked: Collection[str] = ()
    secret = await store.secret()
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            async with store.session(locked) as session:
                batch = await _read(session, Append(at=store.clock.now()), commands, secret)
                return await _attempt(session, batch, commands, project)
        except LOST_RACES as lost:
            if attempt == ATTEMPTS_MAX:
                raise Conflict(f"gave up after {attempt} attempts: {lost}") from lost
            # a batch of many streams could lose for ever to many small ones: now it stands in line
            locked = set(_streams(commands))
    raise AssertionError("unreachable: the last attempt returns or raises")


class Foreseen(msgspec.Struct, frozen=True, gc=False):
    """``outcome`` is what a command would be told; ``events``: how many it would add."""

    outcome: Answer | Refusal
    events: int = 0


async def foresee(
    store: PostgresEventStore, commands: Sequence[Command[Any] | Settled]
) -> list[Foreseen]:
    """Return what ``handle`` would do at this moment with commands without a key; store nothing.

    No position is taken, so none is told.
    """
    async with store.session() as session:
        known = await session.known(_streams(commands))
    batch = _Batch(Append(at=store.clock.now()), known.streams, {}, secret=b"")
    decided = [batch.run(command) for command in commands]
    return [
        Foreseen(one.answer, one.last - one.first) if isinstance(one, _Accepted) else Foreseen(one)
        for one in decided
    ]


async def _read(
    session: Session, append: Append, commands: Sequence[Command[Any] | Settled], secret: bytes
) -> "_Batch":
    keys = [i for i in (command.idempotency for command in commands) if i is not None]
    known = await session.known(_streams(commands), [(i.scope, i.key) for i in keys])
    return _Batch(append, known.streams, known.remembered, secret)


async def _attempt(
    session: Session,
    batch: "_Batch",
    commands: Sequence[Command[Any] | Settled],
    project: Project,
) -> list[Answer | Refusal]:
    decided = [batch.run(command) for command in commands]
    positions: Sequence[int | None] = ()
    if batch.append.events:
        positions = await session.append(batch.append, project)
        for stream_id in batch.append.read:
            session.kept.keep(stream_id, batch.streams[stream_id])
    return [
        _placed(outcome, batch.append.events, positions)
        if isinstance(outcome, _Accepted)
        else outcome
        for outcome in decided
    ]


def _streams(commands: Sequence[Command[Any] | Settled]) -> dict[str, Fold]:
    return {
        command.stream.id: Fold(command.initial, command.evolve)
        for command in commands
        if isinstance(command, Command)
    }


class _Accepted(msgspec.Struct, frozen=True, gc=False):
    """An accepted command whose events are ``first`` to ``last`` (half-open) of the batch."""

    answer: Answer
    first: int
    last: int


@dataclass(slots=True)
class _Batch:
    """Decides commands in memory, in order, and gathers what is to be appended.

    ``streams`` are as the commands before have left them.
    """

    append: Append
    streams: dict[str, Folded]
    remembered: dict[tuple[str, str], Remembered]
    secret: bytes
    accepted: dict[tuple[str, str], tuple[bytes, _Accepted]] = field(default_factory=dict)

    def run(self, command: Command[Any] | Settled) -> Answer | Refusal | _Accepted:
        try:
            return self._repeated(command) or self._taken(command)
        except (Rejected, VersionMismatch, StreamFull, KeyReused) as refusal:
            return refusal

    def _repeated(self, command: Command[Any] | Settled) -> Answer | _Accepted | None:
        asked = command.idempotency
        if asked is None:
            return None
        before: tuple[bytes, Answer | _Accepted] | None = self.accepted.get(
            (asked.scope, asked.key)
        )
        if before is None and (known := self.remembered.get((asked.scope, asked.key))):
            before = (known.request_hash, known.answer)
        if before is None:
            return None
        if before[0] != self._keyed(asked).request_hash:
            raise KeyReused(asked.key)
        return before[1]

    def _taken(self, command: Command[Any] | Settled) -> _Accepted:
        if isinstance(command, Settled):
            placed = (command.stream_id, command.version, command.version)
            return self._accept(command, command.answer, placed, len(self.append.events))
        return self._decide(command)

    def _decide(self, command: Command[Any]) -> _Accepted:
        stream_id = command.stream.id
        before = self.streams[stream_id]
        expected = command.expected_version
        if expected is not None and before.version not in expected:
            raise VersionMismatch(stream_id, before.version)
        happened = command.decide(before.state)
        first, added = len(self.append.events), self._pending(command, happened, before)
        after = before.after([pending.recorded for pending in added])
        if added and command.events_max is not None and after.version > command.events_max:
            raise StreamFull(stream_id, command.events_max)
        if added:
            self.append.events += added
            self.append.read.setdefault(stream_id, before.version)
            self.streams[stream_id] = after
        answer = command.answer(after.state, after.version, [one.recorded for one in added])
        return self._accept(command, answer, (stream_id, before.version, after.version), first)

    def _accept(
        self,
        command: Command[Any] | Settled,
        answer: Answer,
        placed: tuple[str, int, int],
        first: int,
    ) -> _Accepted:
        """Promise the answer; ``placed``: its stream, and the versions before and after.

        What changed nothing is not remembered beyond the batch: a repeat changes nothing either.
        """
        accepted = _Accepted(_stored_form(answer), first, len(self.append.events))
        if command.idempotency is not None:
            asked = self._keyed(command.idempotency)
            self.accepted[asked.scope, asked.key] = (asked.request_hash, accepted)
            if accepted.last > first:
                self.append.promises.append(Promise(asked, accepted.answer, *placed))
        return accepted

    def _keyed(self, asked: Idempotency) -> Idempotency:
        """Return it with a hash from which nobody can try out what was asked."""
        return Idempotency(
            asked.scope, asked.key, hmac.digest(self.secret, asked.request_hash, "sha256")
        )

    def _pending(
        self, command: Command[Any], happened: Sequence[Happened], before: Folded
    ) -> list[Pending]:
        """Return the events that are added to the stream as it was ``before``."""
        stream = command.stream
        partition = before.partition
        if partition is None:
            # a stream stays in the partition it began in, should the topic ever get more of them
            partition = partition_of(stream.key, stream.topic.partitions)
        return [
            self._added(command, one, before.version + number, partition)
            for number, one in enumerate(happened, start=1)
        ]

    def _added(
        self, command: Command[Any], happened: Happened, version: int, partition: int
    ) -> Pending:
        stream, kind = command.stream, catalogue.BY_MODEL[type(happened.event)]
        if kind.topic not in (None, stream.topic):
            raise ValueError(f"{kind.name} does not belong into {stream.topic.name}")
        recorded = Recorded(
            event=happened.event,
            event_id=str(uuid7()),
            stream_id=stream.id,
            version=version,
            time=happened.time,
            recorded_at=self.append.at,
            topic=stream.topic.name if kind.topic else None,
            partition=partition if kind.topic else None,
            position=None,
        )
        provenance = command.provenance
        return Pending(
            recorded,
            stream,
            partition,
            provenance,
            happened.causation_id or provenance.causation_id,
            catalogue.encode(happened.event),
        )


def _stored_form(answer: Answer) -> Answer:
    """Return the answer as a repeat of its command will read it back."""
    body = orjson.loads(orjson.dumps(answer.body))
    return Answer(answer.status, body, dict(answer.headers))


def _placed(
    accepted: _Accepted, events: Sequence[Pending], positions: Sequence[int | None]
) -> Answer:
    """Return the answer with the positions that its command's events took."""
    answer, places = accepted.answer, []
    for at in range(accepted.first, accepted.last):
        recorded = events[at].recorded
        if recorded.topic is not None:
            places.append(f"{recorded.topic}/{recorded.partition}:{positions[at]}")
    if not places:
        return answer
    headers = {**answer.headers, POSITION_HEADER: ",".join(places)}
    return Answer(answer.status, answer.body, headers)
