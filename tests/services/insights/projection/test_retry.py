"""A record taken out of quarantine after all: everything that was said before is said anew."""

from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from services.insights.service import Insights
from shared.contracts.registry import ServiceDescribed, ServiceProviderLinked
from shared.log.port import OutgoingRecord
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.support.archetypes import DAY, youth_court
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres
SERVICE = "service-1"
HELD = 50  # the event of the story that is spoilt


async def test_a_retry_changes_figures_at_once_and_everything_kept_or_shown(
    replicas: Replicas, feed: Feed
) -> None:
    insights, other = await replicas.start(), await replicas.start()
    story = youth_court()
    await feed.tell([registered(SERVICE), *story.events[:HELD]])
    at, good = feed.record(story.events[HELD])
    await feed.publish(at, [replace(good, value=b"{}")])
    await feed.tell(story.events[HELD + 1 :])
    await replicas.folded(insights)
    await eventually(lambda: _shown(other))
    missing = [await _acts(one, back) for one in (insights, other) for back in (0, 1)]

    await replicas.pool.execute("UPDATE quarantine SET value = $1", good.value)
    holder = insights if at in insights.fold.consumer.assigned() else other
    number = await replicas.pool.fetchval("SELECT id FROM quarantine")
    await holder.fold.consumer.retry(number, "somebody")

    acts = [await _acts(one, back) for one in (insights, other) for back in (0, 1)]
    assert acts == [count + 1 for count in missing]
    await eventually(lambda: _shown(insights) == _shown(other) == acts[0])


async def test_a_registration_that_was_held_brings_all_that_was_said_since(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    at, good = feed.record(registered(SERVICE))
    await feed.publish(at, [replace(good, value=b"{}")])
    await feed.tell([described(name="New", starts_on=date(2021, 5, 1)), linked("helpers")])
    await replicas.folded(insights)
    assert await insights.fold.store.named(SERVICE) == []

    await _take_after_all(replicas, insights, good)

    (service,) = await insights.fold.store.named(SERVICE)
    assert (service.name, service.starts_on) == ("New", date(2021, 5, 1))
    assert service.providers == ("helpers",)


async def test_an_old_description_that_was_held_does_not_outdo_a_newer_one(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    await feed.tell([registered(SERVICE)])
    at, good = feed.record(described(name="Old", starts_on=date(2019, 1, 1)))
    await feed.publish(at, [replace(good, value=b"{}")])
    await feed.tell([described(name="New", starts_on=date(2021, 5, 1))])
    await replicas.folded(insights)

    await _take_after_all(replicas, insights, good)
    await feed.tell([linked("helpers")])
    await replicas.folded(insights)

    (service,) = await insights.fold.store.named(SERVICE)
    assert (service.name, service.providers) == ("New", ("helpers",))


def described(**said: Any) -> ServiceDescribed:
    return ServiceDescribed(service_id=SERVICE, **said)


def linked(organisation: str) -> ServiceProviderLinked:
    return ServiceProviderLinked(service_id=SERVICE, organisation_id=organisation)


async def _take_after_all(replicas: Replicas, insights: Insights, good: OutgoingRecord) -> None:
    """Let a build retry that understands the record."""
    await replicas.pool.execute("UPDATE quarantine SET value = $1", good.value)
    number = await replicas.pool.fetchval("SELECT id FROM quarantine")
    await insights.fold.consumer.retry(number, "somebody")


async def _acts(insights: Insights, days_back: int) -> Any:
    service = await insights.answers.service(SERVICE)
    day = DAY - timedelta(days=days_back)
    return orjson.loads(await insights.answers.verdict(service, "life", day))["evidence"]["acts"]


def _shown(insights: Insights) -> Any:
    found = insights.latest.get(SERVICE)
    glance = orjson.loads(found.glance) if found else None
    return glance and glance["windows"]["life"]["verdict"]["evidence"]["acts"]
