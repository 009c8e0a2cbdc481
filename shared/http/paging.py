"""Pages of a list: bounded, and continued by an opaque cursor over the list's own order."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from shared.http.problems import HttpRefusal

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K", bound="Key")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
KeyText = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


class Key(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a row stands in its list; each list has a key of its own, with the list's ``tag``."""


Cursor = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=1024)]


class Page(BaseModel, Generic[T]):
    """``next_cursor`` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None


def page_of(
    rows: Sequence[R], limit: int, item: Callable[[R], T], key: Callable[[R], Key]
) -> Page[T]:
    """Return a page of rows that were read with ``LIMIT limit + 1``, so that its end is known."""
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(
        items=[item(row) for row in shown],
        next_cursor=encode_cursor(key(shown[-1])) if more else None,
    )


def encode_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, kind: type[K]) -> K:
    """Return the key of the last row that was shown.

    Raises:
        HttpRefusal: not a cursor of this list.
    """
    try:
        sent = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(sent, type=kind)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise invalid_cursor() from None


def invalid_cursor() -> HttpRefusal:
    return HttpRefusal(
        422,
        "invalid_cursor",
        "This is no cursor of this list.",
        remedy="Start again without a cursor, and send next_cursor unchanged.",
    )
