"""Events of an earlier version keep their bytes, and are read as the newest one everywhere.

The type here is of this test alone: no type of the product has an earlier version yet.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from shared.consumer.sequencing import Checkpoint, Decode, take
from shared.contracts import catalogue, event_type, fast_decode
from shared.contracts.event_type import event
from shared.contracts.privacy import Public
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Count, Identifier, Message, Phase
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Command, Happened, Stream
from shared.eventstore.store import PostgresEventStore
from shared.log.port import LogRecord, TopicPartition
from tests.shared.eventstore.provider import BY_ANN, T0, project_nothing
from tests.support import stream
from tests.support.postgres import DEPLOYMENT

NAME = "exchange.opportunity.opened"
EARLIER = Path(__file__).parent / "earlier"
GOLDENS = sorted(EARLIER.glob("*.json"))
AT = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
SEATS = {f"org.coprod.{NAME}.v1": 2, f"org.coprod.{NAME}.v2": 12}
each_golden = pytest.mark.parametrize("path", GOLDENS, ids=[path.stem for path in GOLDENS])
each_decoder = pytest.mark.parametrize("decode", [catalogue.decode_all, fast_decode.decode_all])


class OpportunityOpenedFirst(Message):
    """Version 1, as the build that stored it had it."""

    opportunity_id: Public[Identifier]
    service_id: Public[Identifier]
    capacity: Public[str]


class OpportunityOpened(Message):
    """Version 3, as the build that reads it has it."""

    opportunity_id: Public[Identifier]
    service_id: Public[Identifier]
    seats: Public[Count]
    phase: Public[Phase]


def _seats(data: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name != "capacity"}
    return {**kept, "seats": {"one": 1, "many": 2}[data["capacity"]]}


def _phase(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "phase": "deliver"}


@pytest.fixture
def declared() -> Iterator[None]:
    event(NAME, EXCHANGE_ACTIVITY, earlier=(_seats, _phase))(OpportunityOpened)
    yield
    _withdraw(OpportunityOpened)


def _withdraw(model: type[Message]) -> None:
    for name in event_type.BY_MODEL.pop(model).versions:
        del event_type.BY_NAME[name]


@pytest.mark.usefixtures("declared")
def test_every_earlier_version_has_a_golden_example() -> None:
    kind = catalogue.BY_MODEL[OpportunityOpened]

    assert kind.name == f"org.coprod.{NAME}.v3"
    assert [path.stem for path in GOLDENS] == list(kind.versions[:-1])


@pytest.mark.usefixtures("declared")
@each_golden
def test_an_earlier_version_is_read_as_the_newest(path: Path) -> None:
    found = catalogue.decode(path.stem, path.read_bytes())

    assert found == OpportunityOpened(
        opportunity_id="o-1", service_id="s-1", seats=SEATS[path.stem], phase=Phase.DELIVER
    )


@pytest.mark.usefixtures("declared")
@each_golden
@each_decoder
def test_a_consumer_takes_an_earlier_version(path: Path, decode: Decode) -> None:
    intake = take(
        Checkpoint(0, 0, 1), [_record(1, path.stem, path.read_bytes())], DEPLOYMENT, decode
    )

    assert intake.messages == [catalogue.decode(path.stem, path.read_bytes())]
    assert [taken.type for taken in intake.events] == [path.stem]
    assert not intake.unknown


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'"x"', b"{}", b'{"capacity": ["many"]}'])
@each_decoder
def test_a_broken_event_of_an_earlier_version_is_quarantined(data: bytes, decode: Decode) -> None:
    type_name = f"org.coprod.{NAME}.v1"
    good = (EARLIER / f"{type_name}.json").read_bytes()
    records = [_record(1, type_name, data), _record(2, type_name, good)]

    intake = take(Checkpoint(0, 0, 1), records, DEPLOYMENT, decode)

    assert [broken.reason for broken in intake.broken] == ["invalid_data"]
    assert len(intake.messages) == 1
    with pytest.raises(ValidationError):
        catalogue.decode(type_name, data)


def test_a_later_version_than_this_build_knows_is_unknown() -> None:
    intake = take(Checkpoint(0, 0, 1), [_record(1, f"org.coprod.{NAME}.v4", b"{}")], DEPLOYMENT)

    assert [passed.type for passed in intake.unknown] == [f"org.coprod.{NAME}.v4"]


@pytest.mark.postgres
async def test_the_store_reads_an_earlier_version_and_keeps_its_bytes(
    store: PostgresEventStore,
) -> None:
    event(NAME, EXCHANGE_ACTIVITY)(OpportunityOpenedFirst)
    opened = OpportunityOpenedFirst(opportunity_id="o-1", service_id="s-1", capacity="one")
    await handle(store, [_command(opened)], project_nothing)
    _withdraw(OpportunityOpenedFirst)
    event(NAME, EXCHANGE_ACTIVITY, earlier=(_seats, _phase))(OpportunityOpened)
    try:
        (read,) = await store.read("opportunity-o-1")
    finally:
        _withdraw(OpportunityOpened)

    assert read.event == OpportunityOpened(
        opportunity_id="o-1", service_id="s-1", seats=1, phase=Phase.DELIVER
    )
    (stored,) = await store.page(EXCHANGE_ACTIVITY.name, read.partition or 0, 0, 10)
    assert (stored.type, stored.data) == (f"org.coprod.{NAME}.v1", catalogue.encode(opened))


def _command(opened: Message) -> Command[None]:
    return Command(
        stream=Stream("opportunity-o-1", "o-1", EXCHANGE_ACTIVITY, "s-1"),
        initial=None,
        decide=lambda _: [Happened(opened, T0)],
        evolve=lambda state, _: state,
        answer=lambda *_: Answer(200, {}),
        provenance=BY_ANN,
    )


def _record(position: int, type_name: str, data: bytes) -> LogRecord:
    sent = stream.record(replace(stream.event(position, AT), type=type_name, data=data))
    return LogRecord(*AT, position, sent.key, sent.value, sent.headers)
