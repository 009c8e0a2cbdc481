"""Packing: facts as MessagePack columns, which is how they are kept."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import astuple

from services.insights.facts.fact import (
    ActFact,
    AllocationFact,
    AnswerFact,
    ChangeFact,
    ConsultationFact,
    DecisionFact,
    Fact,
    FeedbackFact,
    ProviderFact,
    RoleFact,
    WaitingFact,
)

FORMAT_VERSION = 2
# Position is the tag in packed facts: append only.
TYPES: tuple[type[Fact], ...] = (
    ActFact,
    RoleFact,
    DecisionFact,
    AllocationFact,
    FeedbackFact,
    AnswerFact,
    ChangeFact,
    ConsultationFact,
    WaitingFact,
    ProviderFact,
)
_TAGS = {sort: tag for tag, sort in enumerate(TYPES)}


class UnknownFormat(ValueError):
    """Packed facts of a format this build does not read; only a rebuild helps."""


def pack(facts: Sequence[Fact]) -> bytes:
    """Return the facts, in their order, as MessagePack columns; a constant column is one value."""
    tags = [_TAGS[type(fact)] for fact in facts]
    tables = {
        tag: list(
            zip(*(astuple(f) for f, of in zip(facts, tags, strict=True) if of == tag), strict=True)
        )
        for tag in sorted(set(tags))
    }
    try:
        return _encoded(tags, tables, _written)
    except OverflowError:  # an amount may be any integer; MessagePack's are not
        return _encoded(tags, tables, _written_large)


def _encoded(
    tags: list[int],
    tables: dict[int, list[tuple[Any, ...]]],
    written: Callable[[Sequence[Any]], Any],
) -> bytes:
    packed = {tag: [written(column) for column in columns] for tag, columns in tables.items()}
    return msgspec.msgpack.encode([FORMAT_VERSION, len(tags), _written(tags), packed])


def unpack(packed: bytes) -> list[Fact]:
    """Return the facts behind ``pack``'s bytes.

    Raises:
        UnknownFormat: the bytes are of another format version.
    """
    tags, tables = opened(packed)
    rows = {
        tag: zip(*(read_column(column, tags.count(tag)) for column in columns), strict=True)
        for tag, columns in tables.items()
    }
    facts: list[Any] = [TYPES[tag](*next(rows[tag])) for tag in tags]
    return facts


def opened(packed: bytes) -> tuple[list[int], dict[int, list[Any]]]:
    """Return the tag of each fact, and tag -> its columns; ``read_column`` reads one of them.

    Raises:
        UnknownFormat: the bytes are of another format version.
    """
    version, count, tags, tables = msgspec.msgpack.decode(packed, strict=False)
    if version != FORMAT_VERSION:
        raise UnknownFormat(
            f"packed facts have format {version}; this build reads {FORMAT_VERSION}"
        )
    return read_column(tags, count), tables


def _written(column: Sequence[Any]) -> Any:
    if not column:
        return []
    if isinstance(column[0], tuple):
        return [list(chain.from_iterable(pairs)) for pairs in column]
    return column[0] if column.count(column[0]) == len(column) else column


def _written_large(column: Sequence[Any]) -> Any:
    if isinstance(column[0], int) and not -(2**63) <= min(column) <= max(column) < 2**63:
        return [str(value) for value in column]
    return _written(column)


def read_column(column: Any, count: int) -> list[Any]:
    if not isinstance(column, list):
        return [column] * count
    if column and isinstance(column[0], str):
        return [int(value) for value in column]
    if column and isinstance(column[0], list):
        return [tuple(zip(flat[::2], flat[1::2], strict=True)) for flat in column]
    return column
