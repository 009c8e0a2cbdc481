"""Holds the log against the store: same events, same order, same bytes, repeats included."""

from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from shared.contracts.envelope import BrokenEnvelope, Event, headers, parse
from shared.log.port import LogRecord, TopicPartition
from tools.verification.log import UnreadableLog
from tools.verification.report import Report

CHECK = "the log equals the store"


class EventOrigin(NamedTuple):
    """A partition, and whose events belong there."""

    partition: TopicPartition
    deployment: str

    @property
    def name(self) -> str:
        return f"{self.partition.topic}/{self.partition.partition}"


@dataclass(slots=True)
class LogReading:
    """What was read of a partition: ``digests`` has eight bytes for each position from 1.

    ``ends`` are where ranges of positions without a hole ended. A relay that goes back sends what
    follows without a hole again; where a second one was slower, either goes on where it ended.
    ``early``: position -> digest of what stands before its turn, as after a lost beginning was
    published again; consumers wait for what is missing. ``strangers`` are the offsets of records
    that are no events of this deployment.
    """

    digests: "array[int]" = field(default_factory=lambda: array("Q"))
    ends: set[int] = field(default_factory=set)
    previous: int = 0
    repeats: int = 0
    early: dict[int, int] = field(default_factory=dict)
    strangers: list[int] = field(default_factory=list)

    @property
    def last(self) -> int:
        return len(self.digests)

    def repeat(self, record: LogRecord, position: int) -> str | None:
        """Return what is wrong with a record whose position was there before."""
        self.repeats += 1
        before, self.previous = self.previous, position
        if self.digests[position - 1] != _digest(record):
            return f"repeats position {position} with another content at offset {record.offset}"
        if position == before + 1:
            return None
        resumes = position - 1 in self.ends  # two relays took turns, and this one goes on
        self.ends.add(before)
        if position <= before or resumes:
            return None
        return f"repeats position {position} after {before}, and not what is in between"

    def new(self, record: LogRecord) -> str | None:
        """Return what is wrong with a record that equals the store, if it stood here before."""
        if self.previous != self.last:
            self.ends.add(self.previous)
        self.digests.append(_digest(record))
        self.previous = self.last
        if self.early.pop(self.last, self.digests[-1]) != self.digests[-1]:
            return f"holds position {self.last} early, with another content"
        return None


async def check_partition(
    at: EventOrigin,
    stored: AsyncIterator[Event],
    published: AsyncIterator[LogRecord],
    report: Report,
) -> LogReading:
    """Compare one partition.

    A position that was seen before is a repeat, which every consumer drops: it has to be the same
    record, within a whole range that was sent again.
    """
    reading = LogReading()
    try:
        await _compare(at, stored, published, reading, report)
    except UnreadableLog as unreadable:
        report.problem(CHECK, f"{at.name} {unreadable}")
    if reading.early:
        missing, found = reading.last + 1, min(reading.early)
        report.problem(CHECK, f"{at.name} lacks position {missing}, and goes on with {found}")
    report.compared["repeats in the log"] += reading.repeats
    if reading.strangers:
        strangers = len(reading.strangers)
        report.note(f"{at.name} holds {strangers} records that are no events of this deployment")
    return reading


async def _compare(
    at: EventOrigin,
    stored: AsyncIterator[Event],
    published: AsyncIterator[LogRecord],
    reading: LogReading,
    report: Report,
) -> None:
    async for record in published:
        report.compared["records of the log"] += 1
        event = _event(record, at.deployment)
        problem: str | None = None
        if event is None:
            reading.strangers.append(record.offset)
        elif event.position > reading.last + 1:
            reading.early[event.position] = _digest(record)
        elif event.position <= reading.last:
            problem = reading.repeat(record, event.position)
        else:
            problem = await _difference(record, event, stored)
            if problem is not None:
                report.problem(CHECK, f"{at.name} {problem}")
                return  # whatever follows differs for the same cause
            report.compared["events equal in log and store"] += 1
            problem = reading.new(record)
        if problem is not None:
            report.problem(CHECK, f"{at.name} {problem}")


async def _difference(record: LogRecord, event: Event, stored: AsyncIterator[Event]) -> str | None:
    original = await anext(stored, None)
    if original is None or original.position != event.position:
        return f"holds position {event.position}, which the store does not"
    unequal = [
        what
        for what, same in (
            ("bytes", record.value == original.data),
            ("key", record.key == original.key.encode()),
            ("attributes", set(headers(original)) <= set(record.headers)),
        )
        if not same
    ]
    if unequal:
        return f"differs from the store in {' and '.join(unequal)} at position {event.position}"
    return None


def _digest(record: LogRecord) -> int:
    digest = blake2b(digest_size=8)
    ours = sorted(
        (name.encode(), value or b"")
        for name, value in record.headers
        if name.startswith("ce_") or name == "content-type"
    )
    for part in (record.key or b"", record.value or b"", *(x for pair in ours for x in pair)):
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return int.from_bytes(digest.digest(), "big")


def _event(record: LogRecord, deployment: str) -> Event | None:
    """Return the event; None for what the consumers quarantine without using up a position."""
    try:
        # as consumers read it: without a value it still uses up its position
        event = parse(record.topic, record.partition, record.headers, record.value or b"")
    except BrokenEnvelope:
        return None
    ours = event.deployment == deployment and event.position >= 1 and event.sequence >= 1
    return event if ours else None
