"""Every way in which a record's headers can be poison is told from a good record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import BrokenEnvelope, Event, headers, parse
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


def test_a_type_newer_than_this_build_still_has_an_envelope() -> None:
    assert parse("t", 0, GOOD, b"{}").position == 7


def test_a_rolled_back_producer_publishes_what_the_newer_one_stored() -> None:
    event = parse("t", 0, GOOD, b"{}")

    published = headers(event)

    assert ("ce_dataschema", b"urn:coprod:schema:org.coprod.unknown.v9") in published
    assert parse("t", 0, published, b"{}") == event


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
    """What is written by ``headers`` is read at once; anything else, header by header."""
    causes = zip(("ce_correlationid", "ce_causationid"), links, strict=False)
    told = dict([*headers(event(1)), *causes])
    told |= {"ce_subject": subject, "ce_time": time, "ce_position": position}

    assert _read(list(told.items())) == _read(list(reversed(told.items())))


def _read(raw: list[tuple[str, bytes | None]]) -> Event | bool:
    try:
        return parse(AT.topic, AT.partition, raw, b"{}")
    except BrokenEnvelope:
        return False
