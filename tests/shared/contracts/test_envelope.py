"""Every way in which a record's headers can be poison is told from a good record."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.contracts.envelope import BrokenEnvelope, Event, headers, parse, parse_plain
from tests.support.stream import AT, event

GOOD: list[tuple[str, bytes | None]] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"/agencies/a/systems/s"),
    ("ce_type", b"org.coprod.unknown.v9"),
    ("ce_subject", b"x"),
    ("ce_time", b"2026-03-02T09:30:00Z"),
    ("ce_recordedtime", b"2026-03-02T09:30:01Z"),
    ("ce_sequence", b"1"),
    ("ce_position", b"7"),
    ("ce_deployment", b"d"),
    ("ce_partitionkey", b"k"),
]


def _ahead(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


def test_a_type_newer_than_this_build_still_has_an_envelope() -> None:
    assert parse("t", 0, GOOD, b"{}").position == 7


def test_a_rolled_back_producer_publishes_what_the_newer_one_stored() -> None:
    event = parse("t", 0, GOOD, b"{}")

    published = headers(event)

    assert ("ce_dataschema", b"urn:coprod:schema:org.coprod.unknown.v9") in published
    assert parse("t", 0, published, b"{}") == event


@given(
    moment=st.datetimes(timezones=st.just(UTC) | st.builds(_ahead, st.integers(-1439, 1439))),
)
def test_a_moment_is_written_as_python_writes_it(moment: datetime) -> None:
    told = dict(headers(replace(event(1), time=moment)))

    assert told["ce_time"] == moment.isoformat().replace("+00:00", "Z").encode()


def test_headers_of_others_do_not_matter() -> None:
    assert parse("t", 0, [*GOOD, ("traceparent", None), ("x", b"\xff")], b"{}").position == 7


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (GOOD[:-1], "ce_partitionkey is missing"),
        ([*GOOD, ("ce_causationid", None)], "ce_causationid is null"),
        ([*GOOD, ("ce_causationid", b"\xff")], "ce_causationid is not UTF-8"),
        ([*GOOD, ("ce_id", b"2")], "ce_id stands twice"),
        ([*GOOD[:8], ("ce_position", b"seven"), *GOOD[9:]], "broken value"),
        ([*GOOD[:5], ("ce_time", b"yesterday"), *GOOD[6:]], "broken value"),
    ],
)
def test_poison_is_named(raw: list[tuple[str, bytes | None]], names: str) -> None:
    with pytest.raises(BrokenEnvelope, match=names):
        parse("t", 0, raw, b"{}")


def test_a_tombstone_on_an_event_topic_is_poison() -> None:
    with pytest.raises(BrokenEnvelope, match="no value"):
        parse("t", 0, GOOD, None)


WORDS = st.one_of(
    st.just(b"plain"), st.just("é".encode()), st.just(b"two\nlines"), st.just(b"a\0b"), st.binary()
)


@given(
    links=st.lists(WORDS, max_size=2),
    subject=WORDS,
    time=st.sampled_from([b"2025-03-01T12:00:00Z", b"2025-03-01T12:00:00", b"noon"]),
    position=st.sampled_from([b"1", b" 7", b"x", b"0"]),
)
def test_the_order_of_headers_says_nothing(
    links: list[bytes], subject: bytes, time: bytes, position: bytes
) -> None:
    causes = zip(("ce_correlationid", "ce_causationid"), links, strict=False)
    told = dict([*headers(event(1)), *causes])
    told |= {"ce_subject": subject, "ce_time": time, "ce_position": position}

    assert _read(list(told.items())) == _read(list(reversed(told.items())))


HEADERS = st.tuples(
    st.sampled_from([None, "a", "é"]),
    st.sampled_from([None, "c"]),
    st.dictionaries(
        st.sampled_from([name for name, _ in headers(event(1))]),
        st.one_of(
            WORDS,
            st.sampled_from([b"7", b"+1", b" 1_0\x1f", b"\xd9\xa3", b"\xc2\xa07", b"9" * 5_000]),
            st.sampled_from([b"2025-03-01", b"20250301T12Z", b"2025-03-01T12:00:00+01:00"]),
            st.none(),
        ),
        max_size=1,
    ),
    st.sampled_from(["as written", "reversed", "doubled", "missing", "more"]),
).map(lambda made: _odd(*made))
PLAIN = st.sampled_from([(None, None), ("a", None), ("a", "c")]).map(lambda links: _odd(*links))


def _odd(
    cause: str | None,
    link: str | None,
    values: dict[str, bytes | None] | None = None,
    order: str = "as written",
) -> list[tuple[str, bytes | None]]:
    told = headers(replace(event(1), correlation_id=cause, causation_id=link))
    changed = [(name, (values or {}).get(name, value)) for name, value in told]
    match order:
        case "reversed":
            return changed[::-1]
        case "doubled":
            return [*changed, changed[2]]
        case "missing":
            return changed[:4] + changed[5:]
        case "more":
            return [*changed, ("traceparent", None)]
    return changed


@given(told=st.lists(st.one_of(PLAIN, PLAIN, PLAIN, HEADERS), min_size=1, max_size=4))
def test_many_read_at_once_are_what_they_are_one_by_one(
    told: list[list[tuple[str, bytes | None]]],
) -> None:
    values = [b"%d" % number for number in range(len(told))]

    at_once = parse_plain(AT.topic, AT.partition, told, values)

    if at_once is not None:
        one_by_one = zip(told, values, strict=True)
        assert at_once == [parse(AT.topic, AT.partition, raw, value) for raw, value in one_by_one]


@given(told=st.lists(PLAIN, min_size=1, max_size=4))
def test_what_is_written_is_read_at_once(told: list[list[tuple[str, bytes | None]]]) -> None:
    assert parse_plain(AT.topic, AT.partition, told, [b"{}"] * len(told)) is not None


def _read(raw: list[tuple[str, bytes | None]]) -> Event | bool:
    try:
        return parse(AT.topic, AT.partition, raw, b"{}")
    except BrokenEnvelope:
        return False
