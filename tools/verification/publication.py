"""Holds the log against the store: same events, same order, same bytes."""

from collections.abc import AsyncIterator

from shared.contracts.envelope import BrokenEnvelope, Event, headers, parse
from shared.log.port import LogRecord, TopicPartition
from tools.verification.report import Report

CHECK = "the log equals the store"


async def check_partition(
    partition: TopicPartition,
    stored: AsyncIterator[Event],
    published: AsyncIterator[LogRecord],
    report: Report,
) -> int:
    """Compare one partition and return the last position that the log holds.

    A position that was seen before is a repeat: it is counted and dropped, as every consumer does.
    """
    last = repeats = strangers = 0
    async for record in published:
        report.compared["records of the log"] += 1
        event = _event(record)
        if event is None:
            strangers += 1
        elif event.position <= last:
            repeats += 1
        elif (problem := await _difference(record, event, last, stored)) is not None:
            report.problem(CHECK, f"{_name(partition)} {problem}")
            break
        else:
            last = event.position
            report.compared["events equal in log and store"] += 1
    report.compared["repeats in the log"] += repeats
    if strangers:
        report.note(f"{_name(partition)} holds {strangers} records that are no events of ours")
    return last


async def _difference(
    record: LogRecord, event: Event, last: int, stored: AsyncIterator[Event]
) -> str | None:
    if event.position != last + 1:
        return f"goes from position {last} to {event.position} at offset {record.offset}"
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


def _event(record: LogRecord) -> Event | None:
    try:
        return parse(record.topic, record.partition, record.headers, record.value)
    except BrokenEnvelope:
        return None  # the consumers quarantine it; whether one still is held is another check


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"
