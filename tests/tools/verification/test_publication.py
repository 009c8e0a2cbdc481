"""A log that is not the store's is found out; a log that repeats it is not blamed."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from shared.contracts.envelope import Event, headers
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.port import LogRecord, TopicPartition
from tools.verification.publication import EventOrigin, check_partition
from tools.verification.report import Report

HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
THEN = datetime(2026, 3, 1, tzinfo=UTC)


def event(position: int) -> Event:
    return Event(
        id=f"id-{position}",
        source="/agencies/a/systems/s",
        type="org.coprod.exchange.contribution.recorded.v1",
        subject="c",
        time=THEN,
        recorded_at=THEN,
        sequence=position,
        topic=HERE.topic,
        partition=HERE.partition,
        position=position,
        key="service",
        deployment="d",
        data=b"{}",
    )


def record(published: Event, offset: int) -> LogRecord:
    return LogRecord(
        *HERE, offset, published.key.encode(), published.data, list(headers(published))
    )


async def check(stored: Sequence[Event], published: Sequence[LogRecord]) -> tuple[int, Report]:
    async def events() -> AsyncIterator[Event]:
        for each in stored:
            yield each

    async def records() -> AsyncIterator[LogRecord]:
        for each in published:
            yield each

    report = Report()
    reading = await check_partition(EventOrigin(HERE, "d"), events(), records(), report)
    return reading.last, report


def log_of(positions: Sequence[int]) -> list[LogRecord]:
    return [record(event(position), offset) for offset, position in enumerate(positions)]


STORE = [event(position) for position in range(1, 6)]


async def test_the_same_events_in_order_are_clean() -> None:
    last, report = await check(STORE, log_of([1, 2, 3, 4, 5]))

    assert (last, report.clean) == (5, True)
    assert report.compared["events equal in log and store"] == 5


async def test_what_is_not_published_yet_is_no_problem() -> None:
    last, report = await check(STORE, log_of([1, 2]))

    assert (last, report.clean) == (2, True)


async def test_repeats_are_counted_and_are_no_problem() -> None:
    last, report = await check(STORE, log_of([1, 2, 3, 2, 3, 4, 5, 1]))

    assert (last, report.clean) == (5, True)
    assert report.compared["repeats in the log"] == 3


@pytest.mark.parametrize(
    "positions",
    [
        [1, 2, 3, 4, 1, 2, 5],  # a rewound relay, and the front goes on beside it
        [1, 2, 3, 4, 2, 3, 1, 4, 5],  # two that took turns
        [1, 2, 3, 3, 3, 4],
    ],
)
async def test_ranges_sent_again_are_whole_whoever_sent_them(positions: list[int]) -> None:
    _, report = await check(STORE, log_of(positions))

    assert report.clean, report.problems


@pytest.mark.parametrize("positions", [[1, 2, 3, 4, 1, 3], [1, 2, 3, 4, 5, 2, 5]])
async def test_a_hole_within_what_was_sent_again_is_found(positions: list[int]) -> None:
    last, report = await check(STORE, log_of(positions))

    assert not report.clean
    assert last == max(positions)


async def test_what_came_before_a_lost_beginning_was_sent_again_is_in_place_at_last() -> None:
    last, report = await check(STORE, log_of([4, 5, 1, 2, 3, 4, 5]))

    assert (last, report.clean) == (5, True)
    assert report.compared["repeats in the log"] == 0


async def test_what_came_early_has_to_be_what_comes_in_its_turn() -> None:
    forged = record(replace(event(3), data=b'{"a":1}'), 0)

    _, report = await check(STORE, [forged, *log_of([0, 1, 2, 3, 4, 5])[1:]])

    assert report.counts["the log equals the store"] == 1


async def test_a_repeat_with_another_content_is_found() -> None:
    forged = record(replace(event(1), data=b'{"a":1}'), 2)
    published = [*log_of([1, 2]), forged, *log_of([1, 2, 3])[2:]]

    last, report = await check(STORE, published)

    assert report.counts["the log equals the store"] == 1
    assert last == 3


@pytest.mark.parametrize("positions", [[1, 3], [2], [1, 2, 5], [1, 2, 3, 4, 5, 6]])
async def test_a_gap_or_a_stranger_position_is_found(positions: list[int]) -> None:
    _, report = await check(STORE, log_of(positions))

    assert not report.clean


@pytest.mark.parametrize("change", [{"data": b'{"a":1}'}, {"key": "other"}, {"id": "other"}])
async def test_another_content_at_a_position_is_found(change: dict[str, object]) -> None:
    published = [record(event(1), 0), record(replace(event(2), **change), 1)]  # type: ignore[arg-type]

    _, report = await check(STORE, published)

    assert not report.clean


async def test_headers_of_others_are_none_of_our_business() -> None:
    traced = record(event(1), 0)
    traced = replace(traced, headers=[*traced.headers, ("traceparent", b"00-1")])

    _, report = await check(STORE[:1], [traced])

    assert report.clean


async def test_a_record_that_is_no_event_is_noted() -> None:
    stranger = LogRecord(*HERE, 1, b"k", b"\x00", [])

    last, report = await check(STORE, [record(event(1), 0), stranger, record(event(2), 2)])

    assert (last, report.clean) == (2, True)
    assert report.notes


async def test_events_of_another_deployment_are_noted_and_take_no_position() -> None:
    foreign = record(replace(event(2), deployment="other"), 1)

    last, report = await check(STORE, [record(event(1), 0), foreign, record(event(2), 2)])

    assert (last, report.clean) == (2, True)
    assert report.notes
