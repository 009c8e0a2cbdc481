"""What integrators read of the log: AsyncAPI 3 documents and JSON Schemas from the models."""

from collections.abc import Sequence
from typing import Any

from shared.contracts import snapshot_document, topics
from shared.contracts.catalogue import EVENT_TYPES, PUBLISHED, EventType, schema_uri
from shared.contracts.snapshot_document import SNAPSHOT_TYPE

Document = dict[str, Any]
SERVICES = ("registry", "exchange", "insights")
_DUTIES = {
    "registry": "Who and what: agencies, services, participants and their parties.",
    "exchange": "What happens: contributions and their life, feedback, decisions, consultations.",
    "insights": "What it amounts to: live figures and an explained verdict for each service.",
}
_TEXT = {"type": "string"}
_HEADERS: Document = {
    "type": "object",
    "required": [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_recordedtime",
        "ce_sequence",
        "ce_position",
        "ce_deployment",
        "ce_partitionkey",
        "ce_dataschema",
    ],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {**_TEXT, "description": "UUIDv7; with ce_source it names the event once"},
        "ce_source": {**_TEXT, "description": "/agencies/{agency}/systems/{system}"},
        "ce_type": _TEXT,
        "ce_subject": {**_TEXT, "description": "id of the aggregate"},
        "ce_time": {**_TEXT, "format": "date-time", "description": "when it happened"},
        "ce_recordedtime": {**_TEXT, "format": "date-time", "description": "when it was recorded"},
        "ce_sequence": {**_TEXT, "description": "version in the aggregate's stream, from 1"},
        "ce_position": {
            **_TEXT,
            "description": "dense number in this topic and partition, from 1: drop what you have "
            "seen, and take nothing past a hole",
        },
        "ce_deployment": {**_TEXT, "description": "refuse records of another deployment"},
        "ce_partitionkey": _TEXT,
        "ce_dataschema": {**_TEXT, "format": "uri"},
        "ce_correlationid": _TEXT,
        "ce_causationid": _TEXT,
    },
}


def json_schema(event_type: EventType) -> Document:
    """Return the JSON Schema (2020-12) of an event's data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(event_type.name),
        **event_type.model.model_json_schema(mode="serialization"),
    }


def asyncapi(service: str) -> Document:
    """Return the AsyncAPI 3 document of one service: what it sends and what it receives."""
    sent = [topic for topic in topics.TOPICS if topic.producer == service]
    received = [topic for topic in topics.TOPICS if service in topic.consumers]
    known = [topic for topic in topics.TOPICS if topic in sent or topic in received]
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:coprod:service:{service}",
        "info": {
            "title": f"coprod {service}",
            "version": "1.0.0",
            "description": _DUTIES[service]
            + " Records are CloudEvents 1.0 in binary mode; the key is hashed by murmur2.",
        },
        "defaultContentType": "application/json",
        "channels": {
            **{topic.name: _channel(topic) for topic in known},
            **(snapshot_document.channels() if service == "insights" else {}),
        },
        "operations": {
            **{f"send {topic.name}": _operation("send", topic) for topic in sent},
            **{f"receive {topic.name}": _operation("receive", topic) for topic in received},
            **(snapshot_document.operations() if service == "insights" else {}),
        },
        "components": {
            "messages": {
                **{kind.name: _message(kind) for kind in _types_of(known)},
                **(snapshot_document.messages() if service == "insights" else {}),
            },
            **({"schemas": snapshot_document.schemas()} if service == "insights" else {}),
        },
    }


def _types_of(known: Sequence[topics.Topic]) -> list[EventType]:
    return [kind for kind in PUBLISHED if kind.topic in known]


def _messages(topic: topics.Topic) -> list[str]:
    if topic.compacted:
        return [SNAPSHOT_TYPE]
    return [kind.name for kind in EVENT_TYPES if kind.topic == topic]


def _channel(topic: topics.Topic) -> Document:
    return {
        "address": topic.name,
        "description": f"Keyed by {topic.key}. A deployment may put a prefix before the name.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "bindingVersion": "0.5.0",
                "topicConfiguration": {
                    "cleanup.policy": [topic.config["cleanup.policy"]],
                    **(
                        {"retention.ms": int(topic.config["retention.ms"])}
                        if "retention.ms" in topic.config
                        else {}
                    ),
                },
            }
        },
    }


def _operation(action: str, topic: topics.Topic) -> Document:
    channel = f"#/channels/{topic.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _messages(topic)],
    }


def _message(kind: EventType) -> Document:
    payload = json_schema(kind)
    definitions = payload.pop("$defs", {})
    for keyword in ("$schema", "$id"):
        payload.pop(keyword)
    return {
        "name": kind.name,
        "title": kind.model.__name__,
        "summary": (kind.model.__doc__ or kind.model.__name__).strip().splitlines()[0],
        "contentType": "application/json",
        "headers": _HEADERS,
        "payload": _inlined(payload, definitions),
        "bindings": {"kafka": {"key": _TEXT, "bindingVersion": "0.5.0"}},
    }


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """Replace references into ``$defs``: AsyncAPI resolves references from its own root."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = definitions[str(node["$ref"]).removeprefix("#/$defs/")] | node
    return {name: _inlined(value, definitions) for name, value in node.items() if name != "$ref"}
