"""What AsyncAPI says of snapshots: the records of the compacted topic and the live stream's frames.

Both carry the same bytes. A frame is one server-sent event: its ``event`` and ``id`` stand in the
message's headers here, its ``data`` is the payload.
"""

from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from shared.contracts.snapshot import ServiceGlance, ServiceSnapshot

Document = dict[str, Any]
SNAPSHOT_TYPE = "org.coprod.insights.service.snapshot.v1"
STREAM = "live stream"
SCHEMAS = "#/components/schemas/"
MODE: Literal["serialization"] = "serialization"
_TEXT = {"type": "string"}
_QUERY = {
    "type": "object",
    "properties": {
        "service": {
            "type": "array",
            "items": _TEXT,
            "maxItems": 200,
            "description": "ids, or agencies' own ids, of the services to follow; all without it",
        },
        "view": {
            "enum": ["full", "glance"],
            "default": "full",
            "description": "glance: the verdicts without the figures",
        },
    },
}
_SUMMARIES = {
    "snapshot": "The first frame of a service on this connection: it replaces what is known of it.",
    "change": "A later frame of a service: whole as well, and newer.",
    "heartbeat": "Nothing was new for 15 s. After twice as long without any frame, connect again.",
}


def messages() -> dict[str, Document]:
    """Return the record of the compacted topic, and every kind of frame by the name of its event.

    The record is whole and takes the place of the one before; it has no position of its own.
    """
    whole, glance = (
        {"$ref": SCHEMAS + model.__name__} for model in (ServiceSnapshot, ServiceGlance)
    )
    frames: dict[str, Document] = {
        "snapshot": {"anyOf": [whole, glance]},
        "change": {"anyOf": [whole, glance]},
        "heartbeat": {"type": "object", "maxProperties": 0},
    }
    record = {
        "name": SNAPSHOT_TYPE,
        "title": ServiceSnapshot.__name__,
        "contentType": "application/json",
        "payload": whole,
        "bindings": {"kafka": {"key": _TEXT, "bindingVersion": "0.5.0"}},
    }
    return {
        SNAPSHOT_TYPE: record,
        **{kind: _frame(kind, payload) for kind, payload in frames.items()},
    }


def channels() -> dict[str, Document]:
    description = (
        "Server-sent events over HTTP. A client that comes back sends the id of its newest frame "
        "as Last-Event-ID, and is sent what is newer."
    )
    frames = {kind: {"$ref": f"#/components/messages/{kind}"} for kind in _SUMMARIES}
    return {STREAM: {"address": "/v1/stream", "description": description, "messages": frames}}


def operations() -> dict[str, Document]:
    channel = f"#/channels/{STREAM}"
    sending = {
        "action": "send",
        "channel": {"$ref": channel},
        "bindings": {"http": {"method": "GET", "query": _QUERY, "bindingVersion": "0.3.0"}},
        "messages": [{"$ref": f"{channel}/messages/{kind}"} for kind in _SUMMARIES],
    }
    return {f"send {STREAM}": sending}


def schemas() -> dict[str, Document]:
    """Return the schema of both records, and of every part of them, by the name of its model."""
    models = [(model, MODE) for model in (ServiceSnapshot, ServiceGlance)]
    _, defined = models_json_schema(models, ref_template=f"{SCHEMAS}{{model}}")
    return dict(defined["$defs"])


def _frame(kind: str, payload: Document) -> Document:
    headers: Document = {"event": {"const": kind}}
    if kind != "heartbeat":
        headers["id"] = {**_TEXT, "description": "the process, a dash, and a number that rises"}
    return {
        "name": kind,
        "summary": _SUMMARIES[kind],
        "contentType": "application/json",
        "headers": {"type": "object", "required": list(headers), "properties": headers},
        "payload": payload,
    }
