"""What is in quarantine can be looked at, taken after all, or given up, and it stays on record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, cast

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from shared.consumer import Batch, Consumer, quarantine
from shared.consumer.api import router
from shared.consumer.sequencing import Broken
from shared.contracts.topics import MESSAGE_BYTES_MAX, dead_letter
from shared.eventstore.port import Connection
from shared.http.application import application
from shared.log.port import LogRecord, OutgoingRecord, TopicPartition
from tests.shared.consumer.conftest import Readers
from tests.support.ledger import Ledger
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually
from tests.support.stream import AT, event, publish, record, spoilt

pytestmark = pytest.mark.postgres


@asynccontextmanager
async def _idle(_app: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
async def consumer(readers: Readers) -> Consumer:
    return await readers.start(Ledger())


@pytest.fixture
async def http(readers: Readers, consumer: Consumer) -> AsyncIterator[httpx.AsyncClient]:
    app = application("test", CollectorRegistry(), {}, _idle)
    app.include_router(router(lambda: readers.pool, lambda: [consumer]))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def _spoil(readers: Readers, log: MemoryLog, consumer: Consumer) -> int:
    """Let positions 1 to 3 pass, the second of them broken; return its number in quarantine."""
    await publish(log, [1])
    await log.publish(*AT, [spoilt(2)])
    await publish(log, [3])
    await eventually(lambda: consumer._standings.get(AT) and consumer._standings[AT].position == 3)
    return int(await readers.pool.fetchval("SELECT id FROM quarantine"))


async def _mend(readers: Readers, number: int) -> None:
    """Do to the row what a build does that understands the data: make them valid."""
    await readers.pool.execute(
        "UPDATE quarantine SET value = $2 WHERE id = $1", number, record(event(2)).value
    )


async def test_it_is_listed_and_shown_whole(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)

    listed = (await http.get("/v1/quarantine", params={"status": "held"})).json()
    shown = (await http.get(f"/v1/quarantine/{number}")).json()

    (item,) = listed["items"]
    assert (item["id"], item["topic"], item["partition"]) == (number, *AT)
    assert (item["position"], item["reason"], item["status"]) == (2, "invalid_data", "held")
    assert shown["value_text"] == '{"service_id": 7}'
    assert {"name": "ce_position", "text": "2", "base64": "Mg=="} in shown["headers"]


async def test_pages_follow_each_other(
    log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    await log.publish(*AT, [spoilt(position) for position in range(1, 6)])
    await eventually(lambda: consumer._standings.get(AT) and consumer._standings[AT].position == 5)

    first = (await http.get("/v1/quarantine", params={"limit": 3})).json()
    query = {"limit": 3, "cursor": first["next_cursor"]}
    second = (await http.get("/v1/quarantine", params=query)).json()

    assert [item["position"] for item in first["items"]] == [1, 2, 3]
    assert [item["position"] for item in second["items"]] == [4, 5]
    assert second["next_cursor"] is None


async def test_a_record_too_large_for_the_dead_letters_is_named_there_and_holds_up_no_other(
    readers: Readers, log: MemoryLog
) -> None:
    await readers.start(Ledger())
    large = b"x" * MESSAGE_BYTES_MAX
    await log.publish(*AT, [OutgoingRecord(b"k", large, [("h", b"1")]), spoilt(1)])

    letters = log.partitions[TopicPartition(dead_letter(AT.topic), 0)]
    await eventually(lambda: len(letters) == 2)

    named, whole = letters
    assert named.value == b""
    left_out = b"1048579 bytes, which are in quarantine under 1"
    assert dict(named.headers)["coprod-left-out"] == left_out
    assert whole.value == spoilt(1).value
    assert await readers.pool.fetchval("SELECT value FROM quarantine WHERE id = 1") == large


async def test_a_retry_takes_the_event_after_all(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)
    await _mend(readers, number)

    answer = await http.post(
        f"/v1/quarantine/{number}/retry", json={}, headers={"Coprod-Actor": "ann"}
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "retried")
    assert answer.json()["settled_by"] == "ann"
    assert await readers.applied() == [1, 3, 2]
    assert await readers.position() == 3


async def test_a_retry_of_what_is_still_broken_says_why(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)

    answer = await http.post(f"/v1/quarantine/{number}/retry", json={})

    assert _problem(answer) == (409, "still_broken")
    assert "invalid_data" in answer.json()["detail"]
    assert await readers.applied() == [1, 3]


async def test_a_retry_that_the_handler_cannot_apply_changes_nothing(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)
    await _mend(readers, number)
    handler: Any = consumer._handler
    handler.failures = [ValueError("no such service")]

    answer = await http.post(f"/v1/quarantine/{number}/retry", json={})

    assert _problem(answer) == (409, "not_applicable")
    assert await readers.applied() == [1, 3]
    held = (await http.get(f"/v1/quarantine/{number}")).json()
    assert held["status"] == "held"


class _LosesTheConnection(Ledger):
    """Loses it, once it is told to, so that nobody can say whether the commit happened."""

    loses = False

    async def apply(self, conn: Connection, batch: Batch) -> None:
        await super().apply(conn, batch)
        if self.loses:
            self.loses = False
            conn.terminate()


async def test_after_a_retry_of_which_nobody_knows_the_memory_is_made_anew(
    readers: Readers, log: MemoryLog
) -> None:
    handler = _LosesTheConnection()
    consumer = await readers.start(handler, taking_back_seconds=0.1)
    number = await _spoil(readers, log, consumer)
    await _mend(readers, number)
    handler.claims.clear()
    handler.loses = True

    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await consumer.retry(number, "somebody")

    await eventually(lambda: handler.claims)
    assert handler.forgotten == [AT]
    await publish(log, [4])
    await eventually(lambda: handler.reached == {AT: 4})


async def test_a_retry_under_a_passed_epoch_is_refused(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)
    await _mend(readers, number)
    await readers.pool.execute("UPDATE consumer_position SET epoch = epoch + 1")

    assert _problem(await http.post(f"/v1/quarantine/{number}/retry", json={})) == (
        409,
        "held_elsewhere",
    )
    assert await readers.applied() == [1, 3]


async def test_a_discarded_record_stays_on_record_and_is_settled_once(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)

    discarded = await http.post(
        f"/v1/quarantine/{number}/discard", json={}, headers={"Coprod-Actor": "ann"}
    )
    again = await http.post(f"/v1/quarantine/{number}/discard", json={})
    retried = await http.post(f"/v1/quarantine/{number}/retry", json={})

    assert discarded.json()["status"] == "discarded"
    assert _problem(again) == _problem(retried) == (409, "already_settled")
    assert (await http.get("/v1/quarantine", params={"status": "held"})).json()["items"] == []
    assert (await http.get("/v1/quarantine")).json()["items"][0]["settled_by"] == "ann"


async def test_a_record_that_used_no_position_up_cannot_be_retried(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)
    await _mend(readers, number)
    await readers.pool.execute("UPDATE quarantine SET position = NULL")

    assert _problem(await http.post(f"/v1/quarantine/{number}/retry", json={})) == (
        409,
        "no_position",
    )


@pytest.mark.parametrize("number", ["7", "0", "99999999999999999999", "x"])
async def test_an_unknown_record_is_refused(http: httpx.AsyncClient, number: str) -> None:
    expected = (404, "not_found") if number == "7" else (422, "invalid_request")

    for action in ("retry", "discard"):
        assert _problem(await http.post(f"/v1/quarantine/{number}/{action}", json={})) == expected
    assert _problem(await http.get(f"/v1/quarantine/{number}")) == expected


def _problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


async def test_of_what_is_discarded_the_hash_is_left_and_it_does_not_come_back(
    readers: Readers, log: MemoryLog, consumer: Consumer, http: httpx.AsyncClient
) -> None:
    number = await _spoil(readers, log, consumer)
    value = spoilt(2).value
    assert value is not None

    await http.post(f"/v1/quarantine/{number}/discard", json={})

    shown = (await http.get(f"/v1/quarantine/{number}")).json()
    assert (shown["position"], shown["reason"], shown["status"]) == (2, "invalid_data", "discarded")
    assert (shown["key_base64"], shown["value_base64"], shown["headers"]) == (None, None, [])
    assert shown["value_sha256"] == sha256(value).hexdigest()
    for (kept,) in await readers.pool.fetch("SELECT q::text FROM quarantine AS q"):
        assert value.hex() not in kept
    assert await _quarantined_again(readers) == 0


async def _quarantined_again(readers: Readers) -> int:
    """Quarantine what came a second time, as after a rewind, and return how many are new."""
    before = int(await readers.pool.fetchval("SELECT count(*) FROM quarantine"))
    at = await readers.pool.fetchrow("SELECT consumer, log_offset FROM quarantine")
    come = LogRecord(*AT, at["log_offset"], b"k", spoilt(2).value, [])
    async with readers.pool.acquire() as connection:
        broken = [Broken(come, "invalid_data", "", 2, None)]
        await quarantine.add(cast("Connection", connection), at["consumer"], broken)
    return int(await readers.pool.fetchval("SELECT count(*) FROM quarantine")) - before
