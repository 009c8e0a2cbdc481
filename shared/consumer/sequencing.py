"""Sorts what the log delivers of one partition: next, seen before, broken, unknown, too early."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import msgspec
from pydantic import ValidationError

from shared.contracts import catalogue
from shared.contracts.envelope import BrokenEnvelope, Event, parse, parse_plain
from shared.contracts.vocabulary import Message
from shared.log.port import LogRecord, TopicPartition

NUL_ESCAPED = rb"\u0000"
AT_ONCE = 256  # records; of more the first have left the processor's cache when the last are read
FEW = 16  # records that may go one by one because one of them is bad

T = TypeVar("T")
Decode: TypeAlias = Callable[[Sequence[str], Sequence[bytes]], Sequence[Any]]
"""Reads data by their types; it raises what ``catalogue.decode_all`` raises, for the same data."""


class TooManyBroken(Exception):
    """So many broken records in a row that it is rather this build or its producer that is."""


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a claimed partition stands: what its row says, and the gap that holds it up, if any.

    ``offset`` is the first that is not dealt with; in a gap what follows is read and not taken.
    """

    offset: int
    position: int
    epoch: int
    broken_run: int = 0
    gap_until: int | None = None  # the position that came instead of the next one


@dataclass(frozen=True, slots=True)
class Broken:
    """A record for the quarantine. ``position`` is None when it used none up."""

    record: LogRecord
    reason: str
    detail: str
    position: int | None = None
    type: str | None = None


@dataclass(slots=True)
class Sequencer:
    """What becomes of a partition's records; ``standing`` is how it stands after them."""

    offset: int  # apart, because a new standing for each record costs a third of the whole
    position: int
    epoch: int
    broken_run: int
    gap_until: int | None
    events: list[Event] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    unknown: list[Event] = field(default_factory=list)
    duplicates: int = 0
    longest_broken_run: int = 0

    @property
    def standing(self) -> Checkpoint:
        return Checkpoint(self.offset, self.position, self.epoch, self.broken_run, self.gap_until)


def take(
    standing: Checkpoint,
    records: Iterable[LogRecord],
    deployment: str,
    decode: Decode = catalogue.decode_all,
) -> Sequencer:
    """Sort the records, in their order."""
    intake = Sequencer(
        standing.offset,
        standing.position,
        standing.epoch,
        standing.broken_run,
        standing.gap_until,
    )
    wanted = [record for record in records if record.offset >= standing.offset]
    for run in _runs(wanted, AT_ONCE):
        _add_all(intake, run, deployment, decode)
    return intake


def refuse_bad_deployment(intakes: Mapping[TopicPartition, Sequencer], broken_run_max: int) -> None:
    """Let nothing be quarantined of what looks like a bad release upstream.

    Raises:
        TooManyBroken: more records in a row than are taken for single accidents.
    """
    for at, intake in intakes.items():
        if intake.longest_broken_run > broken_run_max:
            last = intake.broken[-1]
            raise TooManyBroken(
                f"{intake.longest_broken_run} broken records in a row in {at.topic}/"
                f"{at.partition}; the last: {last.reason}: {last.detail}"
            )


def examine(
    record: LogRecord, deployment: str, decode: Decode = catalogue.decode_all
) -> tuple[Event, Any] | Broken:
    """Return the event and its message (None for an unknown type), or the fault."""
    event = _identify(record, deployment)
    if isinstance(event, Broken):
        return event
    message = _understand(record, event, decode)
    return message if isinstance(message, Broken) else (event, message)


def _add_all(
    intake: Sequencer, records: Sequence[LogRecord], deployment: str, decode: Decode
) -> None:
    """Add at once what is plainly sound, and one by one the few records around what is not."""
    events = _identify_all(records, deployment)
    if events is not None:
        _add_events(intake, records, events, decode)
    elif len(records) > FEW:
        for run in _runs(records, FEW):
            _add_all(intake, run, deployment, decode)
    else:
        for record in records:
            _add(intake, record, _identify(record, deployment), decode)


def _add_events(
    intake: Sequencer, records: Sequence[LogRecord], events: Sequence[Event], decode: Decode
) -> None:
    messages = _understand_all(records, events, decode) if _follow(intake, events) else None
    if messages is not None:
        intake.events += events
        intake.messages += messages
        intake.offset, intake.position = records[-1].offset + 1, events[-1].position
        intake.gap_until, intake.broken_run = None, 0
    elif len(records) > FEW:
        for some, of_some in zip(_runs(records, FEW), _runs(events, FEW), strict=True):
            _add_events(intake, some, of_some, decode)
    else:
        for record, event in zip(records, events, strict=True):
            _add(intake, record, event, decode)


def _runs(whole: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    return (whole[start : start + length] for start in range(0, len(whole), length))


def _follow(intake: Sequencer, events: Sequence[Event]) -> bool:
    after = intake.position + 1
    return [event.position for event in events] == list(range(after, after + len(events)))


def _add(intake: Sequencer, record: LogRecord, event: Event | Broken, decode: Decode) -> None:
    if isinstance(event, Broken):
        _quarantine(intake, event)
        _past(intake, record)
    elif event.position <= intake.position:
        intake.duplicates += 1
        _past(intake, record)
    elif event.position > intake.position + 1:
        if intake.gap_until is None:
            intake.gap_until = event.position
    else:
        intake.position, intake.gap_until = event.position, None
        _take_next(intake, record, event, decode)
        _past(intake, record)


def _take_next(intake: Sequencer, record: LogRecord, event: Event, decode: Decode) -> None:
    message = _understand(record, event, decode)
    if isinstance(message, Broken):
        _quarantine(intake, message)
        return
    intake.broken_run = 0
    if message is None:
        intake.unknown.append(event)
    else:
        intake.events.append(event)
        intake.messages.append(message)


def _past(intake: Sequencer, record: LogRecord) -> None:
    # In a gap the offset stays, so that a restart reads again from where the order was last sound.
    if intake.gap_until is None:
        intake.offset = record.offset + 1


def _quarantine(intake: Sequencer, broken: Broken) -> None:
    intake.broken.append(broken)
    intake.broken_run += 1
    intake.longest_broken_run = max(intake.longest_broken_run, intake.broken_run)


def _identify(record: LogRecord, deployment: str) -> Event | Broken:
    """Return whose event this is and which; its position counts only when this can be told."""
    try:
        event = parse(record.topic, record.partition, record.headers, record.value or b"")
    except BrokenEnvelope as broken:
        return Broken(record, "broken_envelope", str(broken))
    if event.position < 1 or event.sequence < 1:
        return Broken(record, "broken_envelope", "positions and sequences count from 1")
    if event.time.tzinfo is None or event.recorded_at.tzinfo is None:
        return Broken(record, "broken_envelope", "a time has no offset from UTC")
    if event.deployment != deployment:
        return Broken(record, "other_deployment", f"of deployment {event.deployment!r}")
    return event


def _identify_all(records: Sequence[LogRecord], deployment: str) -> list[Event] | None:
    """Return what ``_identify`` returns for each; None unless all are plainly events of ours."""
    topic, partition = records[0].topic, records[0].partition
    if any(record.topic != topic or record.partition != partition for record in records):
        return None
    events = parse_plain(
        topic,
        partition,
        [record.headers for record in records],
        [record.value or b"" for record in records],
    )
    if events is None:
        return None
    sound = [
        event.position >= 1
        and event.sequence >= 1
        and event.time.tzinfo is not None
        and event.recorded_at.tzinfo is not None
        and event.deployment == deployment
        for event in events
    ]
    return events if all(sound) else None


def _understand(record: LogRecord, event: Event, decode: Decode) -> Any:
    """Return the message, None for one of an unknown type, or what is ``Broken`` about it."""
    kind = catalogue.BY_NAME.get(event.type)
    if kind is None:
        return None
    if record.value is None:
        detail = "the record has no value; an event topic holds no tombstones"
        return Broken(record, "no_value", detail, event.position, event.type)
    if kind.topic is None or kind.topic.name != record.topic:
        detail = f"events of type {event.type} do not belong into {record.topic}"
        return Broken(record, "wrong_topic", detail, event.position, event.type)
    try:
        (message,) = decode([event.type], [event.data])
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        detail = f"{'.'.join(map(str, first['loc'])) or 'data'}: {first['msg']}"
        return Broken(record, "invalid_data", detail, event.position, event.type)
    if isinstance(message, Message) and _nul_in(message, event.data):
        detail = "a text holds a NUL, which no database can"
        return Broken(record, "invalid_data", detail, event.position, event.type)
    return message


def _understand_all(
    records: Sequence[LogRecord], events: Sequence[Event], decode: Decode
) -> Sequence[Any] | None:
    """Return what ``_understand`` returns for each; None unless all are plainly sound messages."""
    topic = records[0].topic
    kinds = [catalogue.BY_NAME.get(name) for name in {event.type for event in events}]
    if not all(kind and kind.topic and kind.topic.name == topic for kind in kinds):
        return None
    datas = [event.data for event in events]
    if not all(datas):
        return None  # no value
    whole = b"".join(datas)
    if b"\\" in whole and NUL_ESCAPED in whole:  # the one byte is found ten times as fast
        return None  # perhaps a NUL
    try:
        return decode([event.type for event in events], datas)
    except ValidationError:
        return None


def _nul_in(message: Message, data: bytes) -> bool:
    return NUL_ESCAPED in data and _holds_nul(message.model_dump())


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case Mapping():
            return any(map(_holds_nul, value.values()))
        case list() | tuple():
            return any(map(_holds_nul, value))
        case _:
            return False
