"""Facts of generated histories equal those that SQL makes of the events; a wrong one is found."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import asyncpg
import pytest

from services.insights.facts.chunk import chunk_of
from services.insights.facts.dictionary import Codebook
from services.insights.facts.from_events import facts_of
from services.insights.projection.store import FactStore, Folded
from shared.contracts.catalogue import BY_MODEL, encode
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message
from shared.log.port import TopicPartition
from tests.support.histories import history
from tests.support.postgres import AdminOf
from tools.verification.folding import (
    ACCOUNTS,
    CHECK,
    Left,
    check_accounts,
    check_facts,
    check_strangers,
)
from tools.verification.report import Report
from tools.verification.store import Pool

pytestmark = pytest.mark.postgres


HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 0)
CHUNK_EVENTS = 50
EVENT = """
INSERT INTO event VALUES ('s', $1, $2, $3, $1, gen_random_uuid(), 's', $4, 'u', 'k', now(), now(),
    NULL, NULL, 'a', $5)
"""
Pools = dict[str, Pool]


@pytest.fixture
async def pools(fresh_database: Callable[[str], str]) -> AsyncIterator[Pools]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                asyncpg.create_pool(fresh_database(name), min_size=1, max_size=2)
            )
            for name in ("exchange", "insights")
        }


async def store(pools: Pools, events: Sequence[Message], skipped: frozenset[int]) -> None:
    """Write the events as exchange does, and the facts of those not skipped as insights does."""
    for position, event in enumerate(events, start=1):
        data = b"not json" if position in skipped else encode(event)
        await pools["exchange"].execute(EVENT, position, *HERE, BY_MODEL[type(event)].name, data)
    codebook = Codebook(pools["insights"])
    made = await codebook.coded(
        lambda code: [
            (position, facts_of(event, code))
            for position, event in enumerate(events, start=1)
            if position not in skipped
        ]
    )
    chunks = [
        chunk_of(HERE, made[start : start + CHUNK_EVENTS])
        for start in range(0, len(made), CHUNK_EVENTS)
    ]
    async with pools["insights"].acquire() as connection:
        await FactStore(pools["insights"], 1).save(
            connection,  # type: ignore[arg-type]
            Folded([chunk for chunk in chunks if chunk is not None]),
        )


async def checked(pools: Pools, upto: int, left: Left | None = None) -> Report:
    report = Report()
    producers = {**pools, "registry": pools["exchange"]}
    await check_facts(producers, {HERE: upto}, {HERE: left or Left()}, report)
    return report


@pytest.mark.parametrize("seed", range(12))
async def test_facts_equal_those_of_the_statement(pools: Pools, seed: int) -> None:
    events = history(seed)
    await store(pools, events, frozenset())

    report = await checked(pools, len(events))

    assert report.clean, report.problems
    assert report.compared["facts"] > 0


async def test_what_was_left_makes_no_facts_and_need_not_even_be_json(pools: Pools) -> None:
    events = history(2)
    left = frozenset({1, 5, len(events)})
    await store(pools, events, left)

    assert (await checked(pools, len(events), Left(set(left)))).clean


async def test_a_fact_too_many_and_one_too_few_are_found(
    pools: Pools, as_admin_of: AdminOf
) -> None:
    events = history(2)
    await store(pools, events, frozenset())
    async with as_admin_of(pools["insights"]) as admin:
        await admin.execute(
            "DELETE FROM fact_chunk "
            "WHERE first_position = (SELECT max(first_position) FROM fact_chunk)"
        )
    lacking = await checked(pools, len(events))
    await pools["insights"].execute(
        "INSERT INTO fact_chunk SELECT projection, topic, partition, first_position + 1, "
        "last_position + 1, services, counts, packed FROM fact_chunk"
    )
    doubled = await checked(pools, len(events))

    assert lacking.counts[CHECK] > 0
    assert doubled.counts[CHECK] > lacking.counts[CHECK]


@pytest.mark.parametrize(
    ("left", "sound"),
    [
        (Left({3}, {4}), True),
        (Left({3, 9}), False),
        (Left({3}, {3}), False),
        (Left(unknown={0}), False),
    ],
)
def test_every_event_is_left_for_one_reason_at_most(left: Left, sound: bool) -> None:
    report = Report()

    check_accounts("consumer", HERE, 8, left, report)

    assert report.clean is sound
    assert report.compared["events accounted for"] == 8


def test_a_strange_record_that_nobody_put_away_is_missed() -> None:
    report = Report()

    check_strangers("consumer", HERE, [4, 7], Left(put_away={4}), report)

    assert report.counts[ACCOUNTS] == 1
    assert report.compared["strange records put away"] == 1
