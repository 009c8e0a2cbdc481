"""Who may see a field: its privacy class, declared beside its type and published in every schema.

A field whose type is another model has no class of its own: each field of that model has one.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, Field

EXTENSION = "x-privacy"


class Privacy(StrEnum):
    """From what everybody may see to what needs a person's explicit consent."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SPECIAL = "special"


T = TypeVar("T")
Public: TypeAlias = Annotated[T, Field(json_schema_extra={EXTENSION: Privacy.PUBLIC.value})]
"""An agency, a service, a published aggregate."""
Internal: TypeAlias = Annotated[T, Field(json_schema_extra={EXTENSION: Privacy.INTERNAL.value})]
"""Of the deployment and its services alone: positions, counts of few people."""
Personal: TypeAlias = Annotated[T, Field(json_schema_extra={EXTENSION: Privacy.PERSONAL.value})]
"""Of one person under a pseudonym: ids, parties, days, minutes."""
Special: TypeAlias = Annotated[T, Field(json_schema_extra={EXTENSION: Privacy.SPECIAL.value})]
"""Of a special category (GDPR, articles 9 and 10); such an event needs a topic of its own."""


def classes(model: type[BaseModel]) -> Iterator[tuple[str, Privacy | None]]:
    """Return the path and the class of each field that is no model itself; None: not declared."""
    for name, field in model.model_fields.items():
        nested = [one for one in _types(field.annotation) if issubclass(one, BaseModel)]
        for inner in nested:
            yield from ((f"{name}.{path}", found) for path, found in classes(inner))
        if not nested:
            extra = field.json_schema_extra
            declared = extra.get(EXTENSION) if isinstance(extra, dict) else None
            yield name, None if declared is None else Privacy(str(declared))


def _types(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)
