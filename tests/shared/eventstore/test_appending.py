"""An append as values is the append as columns, and each goes on beside the other."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeAlias, cast
from uuid import uuid4

import asyncpg
import pytest

from shared.contracts.exchange import ContributionRevisionSeen
from shared.contracts.registry import ServiceProviderLinked
from shared.eventstore import appending
from shared.eventstore.appending import Append, Pending, Promise
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Connection, Idempotency, Recorded
from shared.eventstore.store import Pool, PostgresEventStore
from tests.shared.eventstore.provider import BY_ANN, T0, link, project_agency, project_nothing

Run: TypeAlias = Callable[[Connection, Append, object], Awaitable[list[int | None]]]

pytestmark = pytest.mark.postgres
TABLES = {
    "event": "stream_id, version",
    "stream": "stream_id",
    "head": "topic, partition",
    "idempotency": "key",
    "agency": "agency_id",
}


def one_event(dice: Random, versions: dict[str, int]) -> Append:
    """Return an append of one event, private or not, with a key or without; some are conflicts."""
    name = f"s{dice.randrange(4)}"
    command, private = link(name, "o"), dice.random() < 0.2
    event = (
        ContributionRevisionSeen(contribution_id="c", revised_at=T0)
        if private
        else ServiceProviderLinked(service_id=name, organisation_id="o")
    )
    stream = command.stream
    read = max(0, versions.get(stream.id, 0) + dice.choice((0, 0, 0, 0, 1, -1)))
    partition = dice.randrange(3)
    place = (None, None) if private else (stream.topic.name, partition)
    recorded = Recorded(event, str(uuid4()), stream.id, read + 1, T0, T0, *place, None)
    cause = dice.choice((None, "cause"))
    append = Append(T0, [Pending(recorded, stream, partition, BY_ANN, cause, b"{}")])
    append.read[stream.id] = read
    if dice.random() < 0.5:
        asked = Idempotency("scope", f"k{dice.randrange(30)}", b"hash")
        append.promises.append(Promise(asked, Answer(200, {}), stream.id, read, read + 1))
    return append


async def outcome(run: Run, pool: Pool, append: Append) -> object:
    changes = project_agency([append.events[0].recorded])
    async with pool.acquire() as connection:
        try:
            return await run(cast("Connection", connection), append, changes)
        except asyncpg.SerializationError as lost:
            return str(lost)


async def contents(pool: Pool) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: [tuple(row) for row in await pool.fetch(f"SELECT * FROM {table} ORDER BY {order}")]
        for table, order in TABLES.items()
    }


@pytest.mark.parametrize("seed", range(3))
async def test_one_event_alone_is_stored_as_among_many(
    fresh_database: Callable[[str], str], seed: int
) -> None:
    dice, versions, said = Random(seed), Counter[str](), Counter[str]()
    async with (
        asyncpg.create_pool(fresh_database("registry"), min_size=1, max_size=1) as alone,
        asyncpg.create_pool(fresh_database("registry"), min_size=1, max_size=1) as among_many,
    ):
        for _ in range(80):
            append = one_event(dice, versions)

            one = await outcome(appending.run_one, alone, append)

            assert one == await outcome(appending.run_many, among_many, append)
            said[one if isinstance(one, str) else "stored"] += 1
            if not isinstance(one, str):
                versions.update(append.read.keys())
        assert await contents(alone) == await contents(among_many)
    assert len(said) == 3  # stored, a stream moved, a key used


async def test_both_forms_number_the_events_of_a_partition_without_holes(
    store: PostgresEventStore,
) -> None:
    async def write(writer: int) -> None:
        for number in range(30):
            names = [f"n{writer}-{n}" for n in range(1 + number % 3)]
            await handle(store, [link(name, f"o{number}") for name in names], project_nothing)

    await asyncio.gather(*map(write, range(8)))

    heads = await store.heads()
    assert sum(heads.values()) == 8 * 60
    for (topic, partition), head in heads.items():
        page = await store.page(topic, partition, 0, 1000)
        assert [event.position for event in page] == list(range(1, head + 1))
