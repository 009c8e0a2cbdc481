"""What is announced: once a day after midnight, remembered, and told to the log exactly once."""

import asyncio
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from services.insights.service import Insights
from shared.contracts import catalogue
from shared.contracts.envelope import parse
from shared.contracts.insights import ServiceClassificationChanged
from shared.contracts.topics import INSIGHTS_CHANGES
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.support.archetypes import DAY, Story, youth_court
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually
from tests.support.postgres import DEPLOYMENT, AdminOf

pytestmark = pytest.mark.postgres

ONE_DAY = timedelta(days=1)
CHANGES = TopicPartition(INSIGHTS_CHANGES.name, partition_of("service-1", 16))


def changes(log: MemoryLog) -> list[ServiceClassificationChanged]:
    """Return what was published of service-1, each a sound event of this deployment."""
    found = []
    for number, record in enumerate(log.partitions[CHANGES], start=1):
        event = parse(*CHANGES, record.headers, record.value)
        assert (event.position, event.deployment, event.key) == (number, DEPLOYMENT, "service-1")
        changed = catalogue.decode(event.type, event.data)
        assert isinstance(changed, ServiceClassificationChanged)
        found.append(changed)
    return found


async def announced(insights: Insights, window: str = "90d", ago: int = 0) -> Any:
    service = await insights.answers.service("service-1")
    as_of = insights.fold.reader.today() - ago * ONE_DAY
    return orjson.loads(await insights.answers.verdict(service, window, as_of)).get("announced")


async def held_since(insights: Insights, ago: int = 0) -> Any:
    service = await insights.answers.service("service-1")
    as_of = insights.fold.reader.today() - ago * ONE_DAY
    return orjson.loads(await insights.answers.verdict(service, "90d", as_of)).get("holds_since")


async def midnight(replicas: Replicas) -> None:
    """Let a day pass, and wait until the day that ended is evaluated."""
    day = replicas.clock.now().date()
    replicas.clock.advance(ONE_DAY)
    await evaluated(replicas, day)


async def met(replicas: Replicas, insights: Insights) -> None:
    """Wait until the service is one whose days will be evaluated."""
    await replicas.folded(insights)
    await evaluated(replicas, replicas.clock.now().date() - ONE_DAY)


async def evaluated(replicas: Replicas, day: date) -> None:
    query = "SELECT count(*) FROM evaluation WHERE service_id = 'service-1' AND day >= $1"
    async with asyncio.timeout(20):
        while not await replicas.pool.fetchval(query, day):  # noqa: ASYNC110  # a table wakes nobody
            await asyncio.sleep(0.01)


async def test_the_day_that_ended_is_announced_once(
    replicas: Replicas, feed: Feed, log: MemoryLog
) -> None:
    insights = await replicas.start()
    await feed.tell([registered("service-1"), *youth_court().events])
    await met(replicas, insights)
    assert changes(log) == []

    await midnight(replicas)
    await eventually(lambda: len(changes(log)) == 4)
    await midnight(replicas)

    told = {change.window: change for change in changes(log)}
    assert len(changes(log)) == 4
    assert (told["90d"].from_class, told["90d"].to_class) == (None, "co_production")
    assert told["90d"].evaluated_on == DAY
    happened = await replicas.pool.fetch("SELECT DISTINCT time FROM event")
    assert [row["time"].isoformat() for row in happened] == [f"{DAY + ONE_DAY}T00:00:00+00:00"]
    assert told["90d"].reason_fr != told["90d"].reason_en
    assert (await announced(insights))["since"] == (DAY + ONE_DAY).isoformat()
    assert await announced(insights, ago=2) is None


async def test_a_clock_that_ran_ahead_and_was_set_right_silences_nobody(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    await feed.tell([registered("service-1"), *youth_court().events])
    await met(replicas, insights)
    replicas.clock.advance(400 * ONE_DAY)
    await evaluated(replicas, DAY + 399 * ONE_DAY)

    replicas.clock.advance(-399 * ONE_DAY)

    async def announced_of_the_day() -> Any:
        query = "SELECT count(*) FROM announcement WHERE service_id = 'service-1' AND day = $1"
        return await replicas.pool.fetchval(query, DAY)

    await eventually(announced_of_the_day)


async def test_of_history_that_was_imported_nothing_is_announced_before_it_was(
    replicas: Replicas, feed: Feed
) -> None:
    """Since when its class holds is another matter: that the facts say."""
    insights = await replicas.start()
    await feed.tell([registered("service-1"), *youth_court().events])
    await replicas.folded(insights)

    for ago in (0, 3, 30, 4000):
        assert await announced(insights, ago=ago) is None
    since = await held_since(insights)
    assert since == await held_since(insights, ago=3)
    assert date.fromisoformat(since) < DAY - 30 * ONE_DAY
    assert await held_since(insights, ago=4000) is None


async def test_a_class_is_announced_when_it_has_lasted_two_days(
    replicas: Replicas, feed: Feed, log: MemoryLog
) -> None:
    insights = await replicas.start()
    await feed.tell([registered("service-1"), *youth_court().events])
    await met(replicas, insights)
    await midnight(replicas)
    staff = Story(service_id="service-1")
    for ago in (-1, -2):
        for _ in range(45):
            staff.act("p1", ago, ["u1"], minutes=1440)

    await feed.tell(staff.events[:45])
    await replicas.folded(insights)
    await midnight(replicas)
    after_one = await announced(insights)
    await feed.tell(staff.events[45:])
    await replicas.folded(insights)
    await midnight(replicas)

    assert after_one["class"] == "co_production"
    assert (await announced(insights))["class"] == "co_design"
    assert (await announced(insights, ago=2))["class"] == "co_production"
    assert await announced(insights, ago=3) is None
    last = [change for change in changes(log) if change.window == "90d"][-1]
    assert (last.from_class, last.to_class) == ("co_production", "co_design")


async def test_a_restart_announces_nothing_again(
    replicas: Replicas, feed: Feed, log: MemoryLog, as_admin_of: AdminOf
) -> None:
    first = await replicas.start()
    await feed.tell([registered("service-1"), *youth_court().events])
    await met(replicas, first)
    await midnight(replicas)
    await eventually(lambda: len(changes(log)) == 4)
    await first.close()
    async with as_admin_of(replicas.pool) as admin:
        await admin.execute("DELETE FROM evaluation")  # as if it had died before its last word
        await admin.execute("INSERT INTO evaluation VALUES ('service-1', $1)", DAY - ONE_DAY)

    again = await replicas.start()
    replicas.clock.advance(-ONE_DAY)
    await midnight(replicas)

    assert len(changes(log)) == 4
    assert (await announced(again))["since"] == (DAY + ONE_DAY).isoformat()
