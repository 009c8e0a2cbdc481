"""Every way in which a record's headers can be poison is told from a good record."""

import pytest

from shared.contracts.envelope import BrokenEnvelope, headers, parse

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
    ("headers", "names"),
    [
        (GOOD[:-1], "ce_partitionkey is missing"),
        ([*GOOD, ("ce_causationid", None)], "ce_causationid is null"),
        ([*GOOD, ("ce_causationid", b"\xff")], "ce_causationid is not UTF-8"),
        ([*GOOD, ("ce_id", b"2")], "ce_id stands twice"),
        ([*GOOD[:8], ("ce_position", b"seven"), *GOOD[9:]], "broken value"),
        ([*GOOD[:5], ("ce_time", b"yesterday"), *GOOD[6:]], "broken value"),
    ],
)
def test_poison_is_named(headers: list[tuple[str, bytes | None]], names: str) -> None:
    with pytest.raises(BrokenEnvelope, match=names):
        parse("t", 0, headers, b"{}")


def test_a_tombstone_on_an_event_topic_is_poison() -> None:
    with pytest.raises(BrokenEnvelope, match="no value"):
        parse("t", 0, GOOD, None)
