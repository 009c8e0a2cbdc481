"""HTTP: what a service has in quarantine, and what is to become of it."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel

from shared.consumer import quarantine
from shared.consumer.consumer import Consumer
from shared.consumer.quarantine import NotHeld, Pool, QuarantinedRecord, RetryRefused
from shared.http.paging import (
    LIMIT_DEFAULT,
    Cursor,
    Key,
    Limit,
    Page,
    decode_cursor,
    page_of,
)
from shared.http.problems import HttpRefusal
from shared.http.strict import StrictModel
from shared.http.submission import Actor

Status = Literal["held", "retried", "discarded"]
REMEDIES = {
    "still_broken": "Upgrade to a build that understands it, or discard it.",
    "held_elsewhere": "Ask the replica that holds the partition, or wait until one does.",
    "no_position": "Rewind the relay of the service that wrote it, then discard this record.",
    "log_unreadable": "Try again as soon as the log can be read.",
    "not_applicable": "Discard it, or rebuild.",
}


NUMBER_MAX = 2**63 - 1
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX)]


class RecordsKey(Key, frozen=True, tag="quarantine"):
    number: Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]


class Settling(StrictModel):
    """Says nothing; that there is a body tells it from what a link or a form could send."""


class QuarantineEntry(BaseModel):
    """``position`` is the one that the record used up, null for none."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    position: int | None
    type: str | None
    reason: str
    detail: str
    status: Status
    first_seen: datetime
    mirrored_at: datetime | None
    settled_at: datetime | None
    settled_by: str | None


class RecordHeader(BaseModel):
    """``text`` is null for a null value and for one that is not UTF-8."""

    name: str
    text: str | None
    base64: str | None


class WholeEntry(QuarantineEntry):
    """With the record as it came: bytes in base64, and as text where they are text.

    Of one that was retried or discarded the hash of its value is left, in hexadecimal digits.
    """

    headers: list[RecordHeader]
    key_base64: str | None
    value_base64: str | None
    value_text: str | None
    value_sha256: str | None


def router(pool: Callable[[], Pool], consumers: Callable[[], Sequence[Consumer]]) -> APIRouter:
    """Both are asked on each request, so that routes can be made before there is a database."""
    routes = APIRouter(prefix="/v1/quarantine", tags=["operation"])

    @routes.get("")
    async def quarantined(
        status: Annotated[Status | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> Page[QuarantineEntry]:
        rows = await quarantine.listed(pool(), _after(cursor), status, limit + 1)
        return page_of(rows, limit, _entry, lambda held: RecordsKey(held.id))

    @routes.get("/{number}")
    async def quarantined_record(number: Number) -> WholeEntry:
        return _whole(await _found(pool(), number))

    @routes.post("/{number}/retry")
    async def retry_record(
        number: Number, _: Settling, coprod_actor: Annotated[Actor, Header()] = "anonymous"
    ) -> QuarantineEntry:
        held = await _found(pool(), number)
        for consumer in consumers():
            if consumer.name == held.consumer:
                await _refusing(consumer.retry(number, coprod_actor))
                return _entry(await _found(pool(), number))
        raise HttpRefusal(409, "held_elsewhere", f"{held.consumer} does not run in this process.")

    @routes.post("/{number}/discard")
    async def discard_record(
        number: Number, _: Settling, coprod_actor: Annotated[Actor, Header()] = "anonymous"
    ) -> QuarantineEntry:
        await _refusing(quarantine.discard(pool(), number, coprod_actor))
        return _entry(await _found(pool(), number))

    return routes


async def _refusing(action: Awaitable[None]) -> None:
    try:
        await action
    except NotHeld as not_held:
        if not_held.status is None:
            raise _unknown(not_held.number) from None
        detail = f"It was {not_held.status} before."
        raise HttpRefusal(409, "already_settled", detail) from None
    except RetryRefused as refused:
        remedy = REMEDIES[refused.reason]
        raise HttpRefusal(409, refused.reason, str(refused), remedy=remedy) from None


async def _found(pool: Pool, number: int) -> QuarantinedRecord:
    held = await quarantine.shown(pool, number)
    if held is None:
        raise _unknown(number)
    return held


def _unknown(number: int) -> HttpRefusal:
    return HttpRefusal(404, "not_found", f"There is no record {number} in quarantine.")


def _after(cursor: str | None) -> int:
    return 0 if cursor is None else decode_cursor(cursor, RecordsKey).number


def _entry(held: QuarantinedRecord) -> QuarantineEntry:
    return QuarantineEntry(**_fields(held))


def _whole(held: QuarantinedRecord) -> WholeEntry:
    record = held.record
    return WholeEntry(
        **_fields(held),
        headers=[
            RecordHeader(name=name, text=_text(value), base64=_base64(value))
            for name, value in record.headers
        ],
        key_base64=_base64(record.key),
        value_base64=_base64(record.value),
        value_text=_text(record.value),
        value_sha256=held.value_sha256 and held.value_sha256.hex(),
    )


def _fields(held: QuarantinedRecord) -> dict[str, Any]:
    record = held.record
    same = ("id", "consumer", "position", "type", "reason", "detail", "status", "first_seen")
    later = ("mirrored_at", "settled_at", "settled_by")
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        **{name: getattr(held, name) for name in (*same, *later)},
    }


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
