"""What a write service says to its event store: commands in, answers out, all or nothing.

A command names its stream and brings pure functions; ``shared.eventstore.handling`` runs the loop
load, decide, append, retry once for every aggregate, for one command or for a batch of thousands.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import msgspec

from shared.contracts.topics import Topic
from shared.contracts.vocabulary import Message

if TYPE_CHECKING:
    import asyncpg  # deciders import Rejected from here, and must not drag a driver along

S = TypeVar("S")
EVENTS_MAX = 10_000  # of one aggregate; to read and fold as many takes some two seconds
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Rejected(Exception):
    """A rule refuses the command; ``reason`` is a member of that aggregate's closed list."""

    def __init__(self, reason: StrEnum, **facts: object) -> None:
        super().__init__(f"{reason}: {facts}" if facts else str(reason))
        self.reason = reason
        self.facts = facts


class VersionMismatch(Exception):
    """The caller named a version (``If-Match``) that the stream is no longer at."""

    def __init__(self, stream_id: str, actual: int) -> None:
        super().__init__(f"{stream_id} is at version {actual}, which was not named")
        self.stream_id, self.actual = stream_id, actual


class StreamFull(Exception):
    """So much has happened to the aggregate that nothing more is taken but what ends it."""

    def __init__(self, stream_id: str, events_max: int) -> None:
        super().__init__(f"{stream_id} would have more than {events_max} events")
        self.stream_id, self.events_max = stream_id, events_max


class KeyReused(Exception):
    """An idempotency key came again with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key!r} was used for another request")
        self.key = key


class Stream(msgspec.Struct, frozen=True, gc=False):
    """One aggregate's events; the published ones go to the partition of ``key`` in ``topic``."""

    id: str  # for instance "contribution-0190…"
    subject: str  # the aggregate's id alone
    topic: Topic
    key: str


class Provenance(msgspec.Struct, frozen=True, gc=False):
    """Who sends a command, for which agency and through which system; ``actor`` stays private."""

    agency: str
    system: str
    actor: str
    correlation_id: str | None = None
    causation_id: str | None = None

    @property
    def source(self) -> str:
        return f"/agencies/{self.agency}/systems/{self.system}"


class Idempotency(msgspec.Struct, frozen=True, gc=False):
    """``scope`` is the CloudEvents source of the sender; the same key in two scopes is two keys.

    Keys are compared byte for byte, and remembered for thirty days at least.
    """

    scope: str
    key: str
    request_hash: bytes


class Happened(msgspec.Struct, frozen=True, gc=False):
    """An event that a decision causes, and when that happened (never when it was recorded).

    ``causation_id`` names what caused this one event; None leaves it to the command's provenance.
    """

    event: Message
    time: datetime
    causation_id: str | None = None


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event as stored. ``topic``, ``partition`` and ``position`` are None for a private one.

    ``position`` is also None where a command is answered and read models are projected: it is given
    by the last lock of the transaction, so that its order is the order of commits.
    """

    event: Message
    event_id: str
    stream_id: str
    version: int
    time: datetime
    recorded_at: datetime
    topic: str | None
    partition: int | None
    position: int | None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What an accepted command is told; stored beside its events and given again on a repeat."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}


class Command(msgspec.Struct, Generic[S], frozen=True):
    """One command to one stream; every command to a stream evolves it alike.

    ``decide(state)`` returns what happened (nothing when already in effect) or raises ``Rejected``.
    ``answer(state, version, recorded)`` is called with the state and version after those events.
    ``expected_version`` holds the versions of the caller's ``If-Match``; None means any.
    ``events_max`` bounds the stream, which is read whole by whoever sees it for the first time.
    """

    stream: Stream
    initial: S
    decide: Callable[[S], Sequence[Happened]]
    evolve: Callable[[S, Message], S]
    answer: Callable[[S, int, Sequence[Recorded]], Answer]
    provenance: Provenance
    idempotency: Idempotency | None = None
    expected_version: Container[int] | None = None
    events_max: int | None = None


class Settled(msgspec.Struct, frozen=True, gc=False):
    """A command that a read model shows to be in effect already: its stream is not even read.

    The answer is true of ``version``.
    """

    stream_id: str
    version: int
    answer: Answer
    idempotency: Idempotency | None = None


Refusal: TypeAlias = Rejected | VersionMismatch | StreamFull | KeyReused
Project: TypeAlias = Callable[[Sequence[Recorded]], Sequence[Mapping[str, object]]]
"""Say what the events change in the service's own read models.

Each change goes as JSON to the database's function ``project_<change>``, by what stands in it under
``change``: in their order, in the statement that appends the events."""
