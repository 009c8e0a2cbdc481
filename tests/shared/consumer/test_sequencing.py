"""What becomes of each record, whatever came before it (pure)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.consumer import sequencing as sorting
from shared.consumer.sequencing import Checkpoint, Decode, Sequencer, take
from shared.contracts import catalogue, fast_decode
from shared.contracts.envelope import Event, headers
from shared.contracts.exchange import (
    ConsultationClosed,
    ConsultationOpened,
    ContributionConfirmed,
    ContributionCorrected,
)
from shared.contracts.registry import ServiceDescribed
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message
from shared.log.port import LogRecord, OutgoingRecord, TopicPartition
from tests.support.postgres import DEPLOYMENT
from tests.support.stream import AT, event, record, renamed, spoilt

FRESH = Checkpoint(offset=0, position=0, epoch=1)


def delivered(
    sent: list[OutgoingRecord], start: int = 0, at: TopicPartition = AT
) -> list[LogRecord]:
    return [
        LogRecord(*at, start + n, one.key, one.value, one.headers) for n, one in enumerate(sent)
    ]


def of_type(model: type[Message], data: bytes, at: TopicPartition = AT) -> Event:
    return replace(event(1, at), type=catalogue.BY_MODEL[model].name, data=data)


def test_a_gap_holds_the_offset_where_the_order_was_last_sound() -> None:
    records = delivered([record(event(position)) for position in (1, 2, 5, 6)])

    intake = take(FRESH, records, DEPLOYMENT)

    assert intake.standing == replace(FRESH, offset=2, position=2, gap_until=5)
    assert [taken.position for taken in intake.events] == [1, 2]


def test_a_gap_is_seen_though_the_count_is_right() -> None:
    intake = take(FRESH, delivered([record(event(n)) for n in (1, 3, 3)]), DEPLOYMENT)

    assert intake.standing == replace(FRESH, offset=1, position=1, gap_until=3)


def test_a_gap_that_closes_lets_the_offset_go_on() -> None:
    records = delivered([record(event(position)) for position in (1, 3, 2, 3, 4)])

    intake = take(FRESH, records, DEPLOYMENT)

    assert intake.standing == replace(FRESH, offset=5, position=4)
    assert [taken.position for taken in intake.events] == [1, 2, 3, 4]


def test_a_broken_record_in_a_gap_is_kept_too() -> None:
    records = delivered([record(event(2)), OutgoingRecord(b"", b"", []), record(event(1))])

    intake = take(FRESH, records, DEPLOYMENT)

    assert [broken.record.offset for broken in intake.broken] == [1]
    assert intake.standing == replace(FRESH, offset=3, position=1, broken_run=0)


def test_a_position_that_is_not_next_is_not_looked_into() -> None:
    sound = take(FRESH, delivered([record(event(1))]), DEPLOYMENT).standing

    intake = take(sound, delivered([spoilt(1), spoilt(3)], start=1), DEPLOYMENT)

    assert intake.broken == []
    assert intake.duplicates == 1


def test_a_type_in_a_topic_where_it_does_not_belong_is_broken() -> None:
    records = delivered([renamed(1, "org.coprod.registry.agency.registered.v1")])

    (broken,) = take(FRESH, records, DEPLOYMENT).broken

    assert (broken.reason, broken.position) == ("wrong_topic", 1)


def test_positions_and_times_must_make_sense() -> None:
    never = record(replace(event(1), position=0))
    vague = record(replace(event(1), time=event(1).time.replace(tzinfo=None)))

    intake = take(FRESH, delivered([never, vague]), DEPLOYMENT)

    assert [broken.reason for broken in intake.broken] == ["broken_envelope"] * 2
    assert intake.standing.position == 0


def test_what_no_table_could_hold_is_broken() -> None:
    odd_type = renamed(1, "org.coprod.registry.service\0painted.v1")
    described = (
        ServiceDescribed,
        b'{"service_id": "s", "name": "\\u0000", "starts_on": "2025-03-01"}',
    )

    for sent in (odd_type, record(of_type(*described))):
        intake = take(FRESH, delivered([sent]), DEPLOYMENT)

        assert len(intake.broken) == 1
        assert not intake.events
        assert not intake.unknown


def test_text_that_only_looks_like_a_nul_is_sound() -> None:
    text = b'{"service_id": "s", "name": "\\\\u0000", "starts_on": "2025-03-01"}'

    assert (
        len(take(FRESH, delivered([record(of_type(ServiceDescribed, text))]), DEPLOYMENT).events)
        == 1
    )


def test_a_time_outside_the_calendar_is_broken() -> None:
    at = TopicPartition("exchange.activity.v1", 3)
    closed = b'{"consultation_id": "c", "service_id": "s", "opened_at": "2025-03-01T12:00:00Z", '
    sent = record(
        of_type(ConsultationClosed, closed + b'"closed_at": "0001-01-01T00:00:00+05:00"}', at)
    )

    (broken,) = take(FRESH, delivered([sent], at=at), DEPLOYMENT).broken

    assert (broken.reason, broken.position) == ("invalid_data", 1)


def test_a_run_of_broken_records_ends_with_a_sound_one() -> None:
    records = delivered([spoilt(1), spoilt(2), record(event(3)), spoilt(4)])

    intake = take(FRESH, records, DEPLOYMENT)

    assert intake.longest_broken_run == 2
    assert intake.standing.broken_run == 1


SENT = st.lists(
    st.one_of(
        st.integers(1, 8).map(lambda position: record(event(position))),
        st.integers(1, 8).map(spoilt),
        st.integers(1, 8).map(lambda position: renamed(position, "org.coprod.new.v1")),
        st.just(OutgoingRecord(b"", b"junk", [])),
    ),
    max_size=30,
)


VALUES = st.sampled_from(
    [
        *(None, b"", b"\xff", b"a\0b", b"two\nlines", b"7", b"0", b" +1_0", b"\xd9\xa3", b"x"),
        *("é".encode(), b"other", b"2025-03-01T12:00:00", b"2025-03-01T12:00:00+01:00"),
    ]
)
ACT = (
    b'{"contribution_id":"c","service_id":"s","occurred_at":"2025-03-01T12:00:00Z",'
    b'"giver_id":"g","giver_party":"user","recorded_by":"r"%s}'
)
OPENED = b'{"consultation_id":"c","service_id":"s","opened_at":"2025-03-01T12:00:00Z","title":"%s"}'
DATA = st.sampled_from(
    [
        (ContributionConfirmed, b'{"act":' + ACT % b"" + b',"by":"p"}'),
        (ContributionConfirmed, b'{"act":' + ACT % b',"kind":"care"' + b',"by":"p"}'),
        (ContributionConfirmed, b'{"act":' + ACT % b',"kind":"Care"' + b',"by":"p"}'),
        (ContributionConfirmed, b'{"act":' + ACT % b"" + b',"by":"a b"}'),
        (ContributionConfirmed, b'{"act":' + ACT % b"" + b',"by":"\\u0000"}'),
        (
            ContributionCorrected,
            b'{"before":%s,"after":%s,"by":"p","counted":true}' % (ACT % b"", ACT % b""),
        ),
        (ConsultationOpened, OPENED % b"\\u0000"),
        (ConsultationOpened, OPENED % b"\\\\u0000"),
        (ConsultationOpened, OPENED % b"of all"),
        (ServiceDescribed, b'{"service_id":"s","name":"n","starts_on":"2025-03-01"}'),
        (ContributionConfirmed, None),
        (ContributionConfirmed, b"{}"),
    ]
)
HEADER = st.sampled_from([name for name, _ in headers(event(1))])
ACTIVITY = TopicPartition(EXCHANGE_ACTIVITY.name, 3)


@st.composite
def logs(draw: st.DrawFn) -> list[LogRecord]:
    """Mostly sound records of one partition, in which anything can have gone wrong."""
    found: list[LogRecord] = []
    position = 0
    for offset in range(draw(st.integers(0, 12))):
        position += draw(st.sampled_from([1] * 8 + [0, -1, 2]))
        links = draw(st.sampled_from([(None, None), ("a", None), ("a", "b"), (None, "b")]))
        model, data = draw(st.one_of(*[st.just(SOUND)] * 4, DATA))
        made = replace(
            of_type(model, b"", ACTIVITY),
            position=position,
            sequence=draw(st.sampled_from([1] * 20 + [0])),
            deployment=draw(st.sampled_from([DEPLOYMENT] * 20 + ["other"])),
            correlation_id=links[0],
            causation_id=links[1],
        )
        told: list[tuple[str, bytes | None]] = [*headers(made)]
        if draw(st.integers(0, 7)) == 0:
            told = draw(damaged(told))
        topic = draw(st.sampled_from([ACTIVITY.topic] * 30 + [AT.topic]))
        found.append(
            LogRecord(topic, draw(st.sampled_from([3] * 30 + [4])), offset, b"", data, told)
        )
    return found


SOUND = (ContributionConfirmed, b'{"act":' + ACT % b"" + b',"by":"p"}')


@st.composite
def damaged(
    draw: st.DrawFn, told: list[tuple[str, bytes | None]]
) -> list[tuple[str, bytes | None]]:
    name, value = draw(HEADER), draw(VALUES)
    others = [pair for pair in told if pair[0] != name]
    changed = [(key, value if key == name else was) for key, was in told]
    unknown = [(key, b"org.coprod.new.v1" if key == "ce_type" else was) for key, was in told]
    return draw(st.sampled_from([changed, changed, unknown, others, [*told, (name, value)], []]))


def one_by_one(
    standing: Checkpoint, records: list[LogRecord], deployment: str, decode: Decode
) -> Sequencer:
    """Take the records in batches of one, through nothing that sorts many at once."""
    whole = Sequencer(
        standing.offset, standing.position, 1, standing.broken_run, standing.gap_until
    )
    for one in records:
        if one.offset >= standing.offset:
            sorting._add(whole, one, sorting._identify(one, deployment), decode)
    return whole


@given(
    records=logs(),
    standing=st.builds(
        Checkpoint,
        offset=st.integers(0, 3),
        position=st.integers(0, 2),
        epoch=st.just(1),
        broken_run=st.integers(0, 2),
        gap_until=st.sampled_from([None, None, 5]),
    ),
    lengths=st.tuples(st.integers(1, 8), st.integers(1, 3)),
    decode=st.sampled_from([catalogue.decode_all, fast_decode.decode_all]),
)
@settings(max_examples=500, deadline=None)
def test_many_at_once_come_to_what_they_do_one_by_one(
    records: list[LogRecord], standing: Checkpoint, lengths: tuple[int, int], decode: Decode
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sorting, "AT_ONCE", lengths[0])
        patched.setattr(sorting, "FEW", lengths[1])

        taken = take(standing, records, DEPLOYMENT, decode)

    assert taken == one_by_one(standing, records, DEPLOYMENT, decode)


@given(sent=SENT, cut=st.integers(0, 30))
def test_where_batches_are_cut_changes_nothing(sent: list[OutgoingRecord], cut: int) -> None:
    records = delivered(sent)

    whole = take(FRESH, records, DEPLOYMENT)
    first = take(FRESH, records[:cut], DEPLOYMENT)
    second = take(first.standing, records[cut:], DEPLOYMENT)

    assert second.standing == whole.standing
    assert first.events + second.events == whole.events
    assert first.broken + second.broken == whole.broken


@given(sent=SENT)
def test_each_position_is_used_up_once_and_in_order(sent: list[OutgoingRecord]) -> None:
    intake = take(FRESH, delivered(sent), DEPLOYMENT)

    used = sorted(
        [one.position for one in intake.events]
        + [one.position for one in intake.unknown]
        + [one.position for one in intake.broken if one.position is not None]
    )
    assert used == list(range(1, intake.standing.position + 1))
    positions = [one.position for one in intake.events]
    assert positions == sorted(positions)


@given(sent=SENT, crash=st.integers(0, 30))
def test_reading_again_after_a_crash_takes_nothing_twice(
    sent: list[OutgoingRecord], crash: int
) -> None:
    records = delivered(sent)
    durable = replace(take(FRESH, records[:crash], DEPLOYMENT).standing, gap_until=None)

    again = take(durable, records, DEPLOYMENT)

    assert all(one.position > durable.position for one in again.events)
    assert again.standing.position == take(FRESH, records, DEPLOYMENT).standing.position
