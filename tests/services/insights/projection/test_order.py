"""Laws of the whole fold: whatever order partitions interleave in, the same figures to the byte."""

import random
from collections.abc import Sequence

import pytest

from services.insights.service import Insights
from shared.contracts.vocabulary import Message
from shared.log.port import OutgoingRecord, TopicPartition
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.services.insights.projection.test_fold import from_facts, live, said
from tests.support.histories import SERVICE, history
from tests.support.polling import eventually
from tests.support.postgres import AdminOf

pytestmark = pytest.mark.postgres

SEEDS = (11, 12, 13)


def recorded(feed: Feed, events: Sequence[Message]) -> list[tuple[TopicPartition, OutgoingRecord]]:
    return [feed.record(event) for event in events]


async def told_in_pieces(
    feed: Feed, records: Sequence[tuple[TopicPartition, OutgoingRecord]], chance: random.Random
) -> None:
    """Publish each partition's records in their order, the partitions in any, in random pieces."""
    waiting: dict[TopicPartition, list[OutgoingRecord]] = {}
    for at, record in records:
        waiting.setdefault(at, []).append(record)
    while waiting:
        at = chance.choice(list(waiting))
        size = chance.choice((1, 3, 20, 500))
        await feed.publish(at, waiting[at][:size])
        waiting[at] = waiting[at][size:]
        if not waiting[at]:
            del waiting[at]


async def remembered_and_folded(insights: Insights) -> tuple[object, object]:
    """Return what is said from memory, and what is said from the facts alone."""
    await eventually(lambda: live(insights, SERVICE))
    remembered = await said(insights, SERVICE)
    return remembered, await from_facts(insights, SERVICE)


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_interleaving_of_partitions_gives_the_same(
    replicas: Replicas, feed: Feed, seed: int, as_admin_of: AdminOf
) -> None:
    chance = random.Random(seed)
    first = await replicas.start()
    await told_in_pieces(feed, recorded(feed, [registered(SERVICE), *history(seed)]), chance)
    await replicas.folded(first)
    before = await remembered_and_folded(first)
    await first.close()
    async with as_admin_of(replicas.pool) as admin:
        await admin.execute("TRUNCATE fact_chunk, service_info, consumer_position, code")

    again = await replicas.start()
    await replicas.folded(again)

    assert before[0] == before[1]
    assert (before, before) == (before, await remembered_and_folded(again))
