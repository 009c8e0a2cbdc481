"""Many commands in one request: bounds, formats, one answer for each."""

import time
from typing import Any

import httpx
import orjson
import pytest

from shared.http import bulk
from tests.shared.http.sample import Sample


def event(number: int, name: str = "a", **changes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/agencies/town/systems/import",
        "type": "org.coprod.sample.name",
        "data": {"name": name},
    } | changes


async def send(http: httpx.AsyncClient, content: bytes, media_type: str) -> httpx.Response:
    return await http.post("/v1/commands", content=content, headers={"Content-Type": media_type})


@pytest.mark.parametrize("media_type", [bulk.BATCH, bulk.LINES])
async def test_each_item_is_answered_in_its_place(http: httpx.AsyncClient, media_type: str) -> None:
    events = [event(1), event(2, "taken"), event(3, ""), event(4, type="x"), {"id": "5"}, event(6)]
    lines = [orjson.dumps(one) for one in events]
    content = orjson.dumps(events) if media_type == bulk.BATCH else b"\r\n".join(lines)

    items = (await send(http, content, media_type)).json()["items"]

    assert [item["id"] for item in items] == ["1", "2", "3", "4", "5", "6"]
    assert [item["status"] for item in items] == [201, 409, 422, 422, 422, 201]
    assert items[0]["body"] == {"name": "a", "day": None}
    assert items[0]["position"] == "t/0:1"
    assert items[1]["problem"]["reason"] == "name_taken"
    assert items[2]["problem"]["errors"][0]["pointer"] == "/data/name"


async def test_the_senders_source_and_id_are_the_key(
    http: httpx.AsyncClient, sample: Sample
) -> None:
    events = [event(1, actor="clerk-7", subject="x", time="2026-01-01T00:00:00Z")]

    await send(http, orjson.dumps(events), bulk.BATCH)

    context = sample.batches[0][0].context
    assert context.idempotency is not None
    assert (context.idempotency.scope, context.idempotency.key) == (
        "/agencies/town/systems/import",
        "1",
    )
    assert context.provenance.actor == "clerk-7"
    assert context.provenance.causation_id is None, "a sender's id could name a person"


async def test_a_thousand_items_are_decided_in_several_transactions(
    http: httpx.AsyncClient, sample: Sample
) -> None:
    content = orjson.dumps([event(number) for number in range(bulk.ITEMS_MAX)])

    items = (await send(http, content, bulk.BATCH)).json()["items"]

    assert [item["id"] for item in items] == [str(number) for number in range(bulk.ITEMS_MAX)]
    transactions = bulk.ITEMS_MAX // bulk.TRANSACTION_ITEMS_MAX
    assert transactions > 1
    assert [len(batch) for batch in sample.batches] == [bulk.TRANSACTION_ITEMS_MAX] * transactions


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"[]", "application/json", 415),
        (b"[]", "", 415),
        (b"{}", bulk.BATCH, 422),
        (b"[", bulk.BATCH, 400),
        (b"[" + b",".join([b"0"] * (bulk.ITEMS_MAX + 1)) + b"]", bulk.BATCH, 413),
        (b"0\n" * (bulk.ITEMS_MAX + 1), bulk.LINES, 413),
        (b" " * (bulk.BYTES_MAX + 1), bulk.BATCH, 413),
    ],
)
async def test_what_is_no_batch_is_refused_whole(
    http: httpx.AsyncClient, sample: Sample, content: bytes, media_type: str, status: int
) -> None:
    answer = await send(http, content, media_type)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not sample.batches


async def test_lines_beyond_the_most_are_not_even_read(http: httpx.AsyncClient) -> None:
    content = b"x\n" * (bulk.BYTES_MAX // 2)
    started = time.process_time()

    answer = await send(http, content, bulk.LINES)

    assert answer.json()["reason"] == "too_many_items"
    assert time.process_time() - started < 1


async def test_of_very_many_errors_only_the_first_are_told(http: httpx.AsyncClient) -> None:
    data = {f"colour{number}": 1 for number in range(50_000)} | {"x" * 100_000: 1}

    (item,) = (await send(http, orjson.dumps([event(1, data=data)]), bulk.BATCH)).json()["items"]

    assert item["problem"]["reason"] == "invalid_request"
    assert "of 50002 errors" in item["problem"]["errors"][-1]["detail"]
    assert len(orjson.dumps(item)) < 10_000


@pytest.mark.parametrize("content", [b"[]", b"[0]", b"[null]", b'[{"id": 7}]', b"[[]]"])
async def test_items_that_are_no_events_are_refused_one_by_one(
    http: httpx.AsyncClient, content: bytes
) -> None:
    items = (await send(http, content, bulk.BATCH)).json()["items"]

    assert all(item["status"] == 422 and item["id"] is None for item in items)


async def test_a_broken_line_spoils_no_other(http: httpx.AsyncClient) -> None:
    content = b"\n".join([orjson.dumps(event(1)), b"not json", b"", orjson.dumps(event(2))])

    items = (await send(http, content, bulk.LINES)).json()["items"]

    assert [(item["id"], item["status"]) for item in items] == [("1", 201), (None, 400), ("2", 201)]
