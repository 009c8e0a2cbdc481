"""The memory: it is folded from the facts while batches go on, and takes each event once."""

import pytest

from services.insights.facts.fact import Fact
from services.insights.projection.memory import Change, Live, LiveService
from services.insights.projection.store import FactStore
from shared.contracts.topics import EXCHANGE_ACTIVITY, REGISTRY_SERVICES
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.support.archetypes import DAY, youth_court
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres
SERVICE = "service-1"
NUMBER = partition_of(SERVICE, EXCHANGE_ACTIVITY.partitions)
ACTIVITY = TopicPartition(EXCHANGE_ACTIVITY.name, NUMBER)
REGISTRY = TopicPartition(REGISTRY_SERVICES.name, NUMBER)


async def test_a_batch_that_the_facts_held_already_is_not_taken_twice(
    replicas: Replicas, feed: Feed
) -> None:
    """Its commit can be in the database long before the consumer hears that it happened."""
    insights = await replicas.start()
    story = youth_court()
    await feed.tell([registered(SERVICE), *story.events])
    await replicas.folded(insights)
    store = insights.fold.store
    batch = await _written(store)
    late = _memory(replicas, store)

    late.claim({ACTIVITY: 0, REGISTRY: 1})
    await eventually(lambda: late.owned(SERVICE))
    folded = _owned(late)
    assert late.positions(NUMBER) == {ACTIVITY: len(story.events), REGISTRY: 1}
    late.apply(ACTIVITY, len(story.events), batch, {})

    assert _owned(late) is folded
    fresh = _memory(replicas, store)
    fresh.claim({ACTIVITY: len(story.events), REGISTRY: 1})
    await eventually(lambda: fresh.owned(SERVICE))
    assert folded.state == _owned(fresh).state
    assert folded.events == _owned(fresh).events
    late.close()
    fresh.close()


async def _written(store: FactStore) -> list[Change]:
    reading = await store.read(NUMBER)
    events: list[tuple[int, list[Fact]]] = [
        event for chunk in reading.chunks if chunk.source == ACTIVITY for event in chunk.events()
    ]
    return [Change(SERVICE, position, facts) for position, facts in events]


def _memory(replicas: Replicas, store: FactStore) -> Live:
    return Live(store, replicas.surroundings().codebook, lambda _: None, DAY)


def _owned(live: Live) -> LiveService:
    found = live.owned(SERVICE)
    assert found is not None
    return found
