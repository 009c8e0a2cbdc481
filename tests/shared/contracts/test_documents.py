"""AsyncAPI documents and schemas are made from the models, checked in, and only ever grow."""

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from shared.contracts import catalogue, documents, topics
from shared.contracts.compatibility import breaking_changes
from tools.commands import contracts

RECORDED = catalogue.BY_NAME["org.coprod.exchange.contribution.recorded.v1"]


def test_what_is_checked_in_is_what_the_models_say() -> None:
    stale = [
        str(path)
        for path, document in contracts.rendered().items()
        if orjson.loads((contracts.ROOT / path).read_bytes()) != document
    ]

    assert stale == []  # run: make contracts


@pytest.mark.parametrize("service", documents.SERVICES)
def test_the_document_is_asyncapi_3(service: str) -> None:
    ApplicationSchema.model_validate(documents.asyncapi(service))


@pytest.mark.parametrize("service", documents.SERVICES)
def test_every_reference_leads_somewhere(service: str) -> None:
    document = documents.asyncapi(service)

    for reference in _references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_topic_is_written_by_one_service_and_documented_there() -> None:
    for topic in topics.TOPICS:
        assert f"send {topic.name}" in documents.asyncapi(topic.producer)["operations"]


def test_an_optional_field_may_be_added() -> None:
    schema = documents.json_schema(RECORDED)
    grown = copy.deepcopy(schema)
    grown["properties"]["weather"] = {"type": "string"}

    assert breaking_changes(schema, grown) == []


def test_a_field_may_be_classed_and_classed_more_strictly() -> None:
    schema = documents.json_schema(RECORDED)
    unclassed, stricter = copy.deepcopy(schema), copy.deepcopy(schema)
    del unclassed["$defs"]["Act"]["properties"]["giver_party"]["x-privacy"]
    stricter["$defs"]["Act"]["properties"]["giver_party"]["x-privacy"] = "special"

    assert breaking_changes(unclassed, schema) == breaking_changes(schema, stricter) == []


def _break_by_removal(act: dict[str, Any]) -> None:
    del act["properties"]["minutes"]


def _break_by_requirement(act: dict[str, Any]) -> None:
    act["required"].append("minutes")


def _break_by_retyping(act: dict[str, Any]) -> None:
    act["properties"]["giver_id"]["type"] = "integer"


def _break_by_loosening(act: dict[str, Any]) -> None:
    act["properties"]["giver_party"]["x-privacy"] = "internal"


@pytest.mark.parametrize(
    "change",
    [_break_by_removal, _break_by_requirement, _break_by_retyping, _break_by_loosening],
)
def test_anything_else_breaks(change: Any) -> None:
    schema = documents.json_schema(RECORDED)
    broken = copy.deepcopy(schema)
    change(broken["$defs"]["Act"])

    assert breaking_changes(schema, broken) != []


def test_a_breaking_change_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    contracts.write(tmp_path)
    path = tmp_path / "schemas" / f"{RECORDED.name}.json"
    published = orjson.loads(path.read_bytes())
    published["$defs"]["Act"]["properties"]["shoe_size"] = {"type": "integer"}
    path.write_bytes(orjson.dumps(published))

    with pytest.raises(contracts.BreakingChange, match="shoe_size"):
        contracts.write(tmp_path)

    assert orjson.loads(path.read_bytes()) == published


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in _references(value)]
