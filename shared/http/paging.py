"""Pages of a list: bounded, and continued by an opaque cursor over the list's own order."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from shared.http.problems import HttpRefusal

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
T = TypeVar("T")
R = TypeVar("R")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=1024)]


class Page(BaseModel, Generic[T]):
    """``next_cursor`` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None


def page_of(
    rows: Sequence[R], limit: int, item: Callable[[R], T], key: Callable[[R], Sequence[str]]
) -> Page[T]:
    """Return a page of rows that were read with ``LIMIT limit + 1``, so that its end is known."""
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(
        items=[item(row) for row in shown],
        next_cursor=encode_cursor(key(shown[-1])) if more else None,
    )


def encode_cursor(key: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(key))).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """Return the key of the last row that was shown.

    Raises:
        HttpRefusal: not a cursor of a list whose order has that many parts.
    """
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        key = None
    sound = isinstance(key, list) and len(key) == parts
    if not sound or not all(isinstance(part, str) and "\0" not in part for part in key):
        raise invalid_cursor()
    return list(key)


def invalid_cursor() -> HttpRefusal:
    return HttpRefusal(
        422,
        "invalid_cursor",
        "This is no cursor of this list.",
        remedy="Start again without a cursor, and send next_cursor unchanged.",
    )
