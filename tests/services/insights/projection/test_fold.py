"""The fold: each event once whatever is delivered, and memory that equals the facts."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from services.insights.projection.store import SOURCES
from services.insights.release.rendering import IN_ANSWERS_ALONE
from services.insights.release.snapshot import Snapshot
from services.insights.service import Insights
from shared.contracts.exchange import ContributionVoided
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.support.archetypes import DAY, Story, meals_on_wheels, youth_court
from tests.support.gateway import of_lens
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres
WINDOWS = ("28d", "90d", "365d", "life")
LENSES = ("count", "minutes")


def told(story: Story) -> list[Message]:
    return [registered(story.service_id), *story.events]


async def said(insights: Insights, name: str = "service-1") -> list[dict[str, Any]]:
    """Return every verdict and figure of a service, receipts left out."""
    service = await insights.answers.service(name)
    answers = [
        orjson.loads(await answer)
        for window in WINDOWS
        for answer in (
            insights.answers.verdict(service, window, DAY),
            *(insights.answers.metrics(service, window, lens, DAY) for lens in LENSES),
        )
    ]
    return [{name: one for name, one in answer.items() if name != "receipt"} for answer in answers]


async def from_facts(insights: Insights, name: str = "service-1") -> list[dict[str, Any]]:
    """Return the same from the facts alone, after everything in memory is forgotten."""
    insights.fold.live.forget([TopicPartition("exchange.activity.v1", n) for n in range(16)])
    assert not live(insights, name)
    return await said(insights, name)


def live(insights: Insights, name: str = "service-1") -> bool:
    return insights.fold.live.owned(name) is not None


async def snapshot(insights: Insights, replicas: Replicas, name: str = "service-1") -> Snapshot:
    """Return the snapshot that holds everything that was told of the service."""
    number = partition_of(name, EXCHANGE_ACTIVITY.partitions)
    sources = [TopicPartition(topic.name, number) for topic in SOURCES]
    wanted = sum(replicas.feed.positions.get(source, 0) for source in sources)

    def newest() -> Snapshot | None:
        found = insights.latest.get(name)
        return found if found and found.version.position == wanted else None

    await eventually(newest)
    found = newest()
    assert found is not None
    return found


async def test_what_is_told_is_folded_and_classified(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()

    await feed.tell(told(youth_court()))
    await replicas.folded(insights)

    verdict = (await said(insights))[3]
    assert (verdict["window"], verdict["class"]) == ("90d", "co_production")


async def test_a_record_that_comes_again_changes_nothing(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(insights)
    before = await said(insights)

    for at, record in list(feed.records):
        await feed.publish(at, [record])
    await feed.tell([registered("service-2")])
    await replicas.folded(insights)

    assert await said(insights) == before


async def test_a_restart_folds_the_same_from_the_facts(replicas: Replicas, feed: Feed) -> None:
    first = await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(first)
    before = await said(first)
    await first.close()

    again = await replicas.start()

    await eventually(lambda: live(again))
    assert await said(again) == before


async def test_memory_says_what_the_facts_say(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(insights)
    await eventually(lambda: live(insights))
    remembered = await said(insights)

    assert await from_facts(insights) == remembered


async def test_what_was_taken_back_leaves_no_trace(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    story = meals_on_wheels()
    await feed.tell(told(story))
    await replicas.folded(insights)
    before = await said(insights)

    extra = Story(service_id=story.service_id)
    act = extra.act("u1", 3, ["u2"])
    voided = ContributionVoided(act=act, by="p1", reason_code="mistake", counted=True)
    await feed.tell([*extra.events, voided])
    await replicas.folded(insights)

    assert await said(insights) == before


async def test_a_snapshot_holds_what_the_api_says(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    await feed.tell(told(youth_court()))

    record = orjson.loads((await snapshot(insights, replicas)).body)

    service = await insights.answers.service("service-1")
    verdict = orjson.loads(await insights.answers.verdict(service, "90d", DAY))
    metrics = orjson.loads(await insights.answers.metrics(service, "90d", "minutes", DAY))
    assert of_lens(record["windows"]["90d"]["metrics"], "minutes") == metrics["metrics"]
    shown = record["windows"]["90d"]["verdict"]
    beside = (*IN_ANSWERS_ALONE, "waiting")
    assert {**shown, "holds_since": verdict.get("holds_since")} == {
        **{name: one for name, one in verdict.items() if name not in beside},
        "holds_since": verdict.get("holds_since"),
    }
    assert record["waiting"] == verdict["waiting"]
    assert record["receipt"].items() <= verdict["receipt"].items()


async def test_every_replica_serves_every_service(replicas: Replicas, feed: Feed) -> None:
    first, second = await replicas.start(), await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(first)

    one, other = await snapshot(first, replicas), await snapshot(second, replicas)

    assert [live(first), live(second)].count(True) == 1
    assert one.body == other.body
    assert await said(first) == await said(second)


async def test_a_replica_that_leaves_hands_over_what_it_held(
    replicas: Replicas, feed: Feed
) -> None:
    first, second = await replicas.start(), await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(first)
    before = await said(first)

    await first.close()
    await feed.tell([registered("service-2")])
    await replicas.folded(second)

    await eventually(lambda: live(second))
    assert await said(second) == before


async def test_an_act_of_tomorrow_waits_for_its_day(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    story = youth_court()
    await feed.tell(told(story))
    await replicas.folded(insights)
    before = await said(insights)

    tomorrow = Story(service_id=story.service_id)
    tomorrow.act("u1", -1, ["u2"])
    await feed.tell(tomorrow.events)
    await replicas.folded(insights)
    assert await said(insights) == before

    replicas.clock.advance(timedelta(days=1))
    await eventually(lambda: insights.fold.live.owned("service-1") is not None)
    service = await insights.answers.service("service-1")
    verdict = orjson.loads(await insights.answers.verdict(service, "life", DAY + timedelta(days=1)))
    assert verdict["evidence"]["acts"] == before[9]["evidence"]["acts"] + 1


async def test_a_broken_record_waits_in_quarantine_until_it_is_retried(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    story = youth_court()
    await feed.tell(told(story)[:50])
    at, good = feed.record(story.events[50])
    await feed.publish(at, [replace(good, value=b"{}")])
    await feed.tell(story.events[51:])
    await replicas.folded(insights)
    without = await said(insights)

    held = await replicas.pool.fetchrow("SELECT id, status FROM quarantine")
    assert held is not None
    await replicas.pool.execute("UPDATE quarantine SET value = $1", good.value)
    await insights.fold.consumer.retry(held["id"], "somebody")

    await eventually(lambda: live(insights))
    acts = [one[9]["evidence"]["acts"] for one in (without, await said(insights))]
    assert acts[1] == acts[0] + 1
    assert await said(insights) == await from_facts(insights)


async def test_a_retracted_act_that_never_came_counts_for_nobody(
    replicas: Replicas, feed: Feed
) -> None:
    """A retraction can be folded before what it takes back, when that waits in quarantine."""
    insights = await replicas.start()
    story = meals_on_wheels()
    extra = Story(service_id=story.service_id)
    act = extra.act("u77", 3, ["u2"])
    await feed.tell(told(story))
    at, good = feed.record(extra.events[0])
    await feed.publish(at, [replace(good, value=b"{}")])
    await replicas.folded(insights)
    before = await said(insights)
    await feed.tell([ContributionVoided(act=act, by="p1", reason_code="mistake", counted=True)])
    await replicas.folded(insights)

    await replicas.pool.execute("UPDATE quarantine SET value = $1", good.value)
    await insights.fold.consumer.retry(
        await replicas.pool.fetchval("SELECT id FROM quarantine"), "somebody"
    )

    await eventually(lambda: live(insights))
    assert await said(insights) == before
