"""Structs made from models: the same fields, defaults and limits, for a decoder that is faster.

A decoder of structs leaves three things open, which whoever decodes has to look at: in which zone
a moment is, whether a word matches its pattern, and whether a text is printable ASCII.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AwareDatetime, BaseModel, Strict, StringConstraints
from pydantic.fields import FieldInfo

from shared.contracts.vocabulary import Identifier

Get: TypeAlias = Callable[[Any], Any]
_LIMITS = ("ge", "le", "min_length", "max_length")
_TRANSLATED = (Ge, Le, MaxLen, MinLen, Strict, StringConstraints)
_PRINTABLE = get_args(Identifier)[1].pattern


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is to be looked at in a struct, each by what reads it; a value can be None."""

    moments: list[Get] = field(default_factory=list)
    words: list[tuple[Get, Callable[[str], object]]] = field(default_factory=list)
    structs: list[tuple[Get, type[msgspec.Struct]]] = field(default_factory=list)


STRUCTS: dict[type[BaseModel], type[msgspec.Struct]] = {}
OPEN: dict[type[Any], Inspection] = {}


def struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """Return the struct of a model, always the same one.

    Raises:
        TypeError: a field has a type or a limit that is not translated.
    """
    if model not in STRUCTS:
        fields: list[Any] = []
        left_open = Inspection()
        for name, declared in model.model_fields.items():
            kind = _type(declared.annotation, declared.metadata)
            fields.append((name, kind, *(() if declared.is_required() else (declared.default,))))
            for leaf, limits in _leaves(declared.annotation, declared.metadata):
                _leave_open(left_open, attrgetter(name), leaf, limits)
        struct = msgspec.defstruct(
            model.__name__, fields, module=__name__, frozen=True, gc=False, kw_only=True
        )
        STRUCTS[model], OPEN[struct] = struct, left_open
    return STRUCTS[model]


def _type(annotation: Any, limits: Sequence[Any] = ()) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        return Union[tuple(map(_type, arguments))]  # noqa: UP007 - of as many as there are
    if annotation is AwareDatetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    kind = annotation
    if origin is tuple:
        kind = tuple[_type(arguments[0]), ...]  # type: ignore[misc]
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kind = struct_of(annotation)
    found = {name: value for one in _flat(limits) for name, value in _limits_of(one)}
    return Annotated[kind, msgspec.Meta(**found)] if found else kind


def _leaves(annotation: Any, limits: Sequence[Any]) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Return the types that a value of the field may have, with the limits of each."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _leaves(arguments[0], arguments[1:])
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from _leaves(argument, ())
    else:
        yield annotation, limits


def _leave_open(left_open: Inspection, get: Get, leaf: Any, limits: Sequence[Any]) -> None:
    patterns = {str(one.pattern) for one in limits if getattr(one, "pattern", None)}
    if leaf is AwareDatetime:
        left_open.moments.append(get)
    elif leaf in STRUCTS and OPEN[STRUCTS[leaf]] != Inspection():
        left_open.structs.append((get, STRUCTS[leaf]))
    for pattern in patterns - {_PRINTABLE}:
        left_open.words.append((get, re.compile(pattern).fullmatch))
    for item, of_item in (one for inner in get_args(leaf) for one in _leaves(inner, ())):
        within = Inspection()
        _leave_open(within, get, item, of_item)
        if within != Inspection():
            raise TypeError(f"{leaf}: what a list holds is not looked at")


def _flat(limits: Sequence[Any]) -> Iterator[Any]:
    for limit in limits:
        yield from _flat(limit.metadata) if isinstance(limit, FieldInfo) else (limit,)


def _limits_of(limit: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(limit, _TRANSLATED):
        raise TypeError(f"{limit!r} is not translated")
    found = ((name, getattr(limit, name, None)) for name in _LIMITS)
    return ((name, value) for name, value in found if value is not None)
