"""Every event type that may be stored or published: its name, its model, its topic and its key."""

from collections.abc import Iterable

import orjson
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.contracts import exchange, insights, registry
from shared.contracts.event_type import BY_MODEL, BY_NAME, EventType
from shared.contracts.vocabulary import Message

__all__ = ["BY_MODEL", "BY_NAME", "EVENT_TYPES", "PUBLISHED", "EventType", "decode", "encode"]

EVENT_TYPES: tuple[EventType, ...] = tuple(
    BY_MODEL[declared]
    for context in (registry, exchange, insights)
    for declared in vars(context).values()
    if isinstance(declared, type) and declared in BY_MODEL
)
PUBLISHED: tuple[EventType, ...] = tuple(kind for kind in EVENT_TYPES if kind.topic is not None)


def schema_uri(type_name: str) -> str:
    """Return where a type's schema is named; also of a type that this build does not know."""
    return f"urn:coprod:schema:{type_name}"


def encode(event: Message) -> bytes:
    """Return the event's data as JSON; these bytes are stored, published and never rewritten."""
    # what model_dump_json does, without making text of the bytes in between
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def decode(type_name: str, data: bytes) -> Message:
    """Return the event behind stored or consumed bytes, in the newest version of its type.

    Raises:
        KeyError: this build does not know the type.
        pydantic.ValidationError: a known type with broken data.
    """
    kind = BY_NAME[type_name]
    if kind.name != type_name:
        data = _upcast(kind, type_name, data)
    return kind.model.model_validate_json(data)


def decode_all(type_names: Iterable[str], datas: Iterable[bytes]) -> list[Message]:
    """Return what ``decode`` returns for each; raise what it raises for the first that fails."""
    return list(map(decode, type_names, datas))


def _upcast(kind: EventType, type_name: str, data: bytes) -> bytes:
    try:
        return orjson.dumps(kind.upcast(type_name, orjson.loads(data)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as broken:
        # broken data are to be quarantined, and not to end the process that reads them
        fault = PydanticCustomError("earlier_version", "is no sound {name}", {"name": type_name})
        line = InitErrorDetails(type=fault, loc=("data",), input=None)
        raise ValidationError.from_exception_data(type_name, [line]) from broken
