"""What follows from the one declaration of each event type."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.contracts import catalogue, documents, privacy
from shared.contracts.event_type import EventType
from shared.contracts.insights import ServiceClassificationChanged
from shared.contracts.vocabulary import Message
from tests.shared.contracts.test_goldens import EXAMPLES, each_golden

NOW = datetime(2030, 1, 1, tzinfo=UTC)
each_type = pytest.mark.parametrize(
    "kind", catalogue.EVENT_TYPES, ids=[kind.name for kind in catalogue.EVENT_TYPES]
)


@each_type
def test_every_field_has_a_privacy_class(kind: EventType) -> None:
    assert [path for path, found in privacy.classes(kind.model) if found is None] == []


@each_type
def test_what_is_special_shares_no_topic_with_what_is_not(kind: EventType) -> None:
    special = privacy.Privacy.SPECIAL
    beside = [other for other in catalogue.PUBLISHED if other.topic is kind.topic]

    if special in dict(privacy.classes(kind.model)).values():
        assert all(special in dict(privacy.classes(one.model)).values() for one in beside)


@pytest.mark.parametrize(
    ("name", "place"),
    [("recorded", "act"), ("corrected", "before"), ("corrected", "after")],
)
def test_the_class_of_a_field_stands_in_schema_and_asyncapi(name: str, place: str) -> None:
    kind = catalogue.BY_NAME[f"org.coprod.exchange.contribution.{name}.v1"]

    schema = documents.json_schema(kind)
    message = documents.asyncapi("exchange")["components"]["messages"][kind.name]

    inlined = message["payload"]["properties"][place]["properties"]
    for field, said in schema["$defs"]["Act"]["properties"].items():
        assert inlined[field].get("x-privacy") == said.get("x-privacy")
    assert (inlined["giver_party"]["x-privacy"], inlined["giver_party"]["type"]) == (
        "personal",
        "string",
    )
    assert inlined["service_id"]["x-privacy"] == "public"


@each_golden
def test_the_key_is_that_of_the_event(path: Path) -> None:
    document, event = _read(path)
    data, kind = document["data"], catalogue.BY_MODEL[type(event)]

    assert (kind.key_of is None) == (kind.topic is None)
    if kind.key_of is not None and kind.topic is not None:
        said = {**data, **data.get("act", {}), **data.get("after", {})}
        assert kind.key_of(event) == said[kind.topic.key]


@pytest.mark.parametrize(
    ("name", "happened"),
    [
        ("registry.service.registered", NOW),
        ("registry.role.assumed", "since"),
        ("registry.affiliation.ended", "until"),
        ("exchange.contribution.recorded", "occurred_at"),
        ("exchange.contribution.confirmed", NOW),
        ("exchange.change.implemented", "implemented_at"),
    ],
)
def test_an_event_happened_when_its_field_says_or_now(name: str, happened: str | datetime) -> None:
    document, event = _read(EXAMPLES / f"org.coprod.{name}.v1" / "001.json")
    data = document["data"]

    found = catalogue.BY_MODEL[type(event)].happened_at(event, NOW)

    if isinstance(happened, str):
        said = datetime.fromisoformat({**data, **data.get("act", {})}[happened])
        assert found == (said if said.tzinfo else said.replace(tzinfo=UTC))
    else:
        assert found == NOW


def test_a_verdict_is_announced_when_the_day_it_is_of_has_ended() -> None:
    _, event = _read(EXAMPLES / "org.coprod.insights.service.classification-changed.v1/001.json")
    assert isinstance(event, ServiceClassificationChanged)

    found = catalogue.BY_MODEL[type(event)].happened_at(event, NOW)

    assert found == datetime.combine(event.evaluated_on + timedelta(days=1), time(), UTC)


def _read(path: Path) -> tuple[dict[str, Any], Message]:
    document: dict[str, Any] = orjson.loads(path.read_bytes())
    return document, catalogue.decode(document["type"], orjson.dumps(document["data"]))
