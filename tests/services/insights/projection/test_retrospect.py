"""Since when a class holds: the stream comes to say it, and keeps saying it over midnight."""

from datetime import date, timedelta

import orjson
import pytest

from services.insights.projection.directory import ServiceInfo
from services.insights.projection.memory import LiveService
from services.insights.projection.receipt import Moment
from services.insights.release import rendering as release
from services.insights.release.rendering import Subject
from services.insights.service import Insights
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.support.archetypes import DAY, Story, youth_court
from tests.support.polling import eventually

pytestmark = pytest.mark.postgres
WINDOWS = ("28d", "90d", "365d", "life")
TOMORROW = DAY + timedelta(days=1)


def shown(insights: Insights) -> tuple[str, dict[str, str | None]]:
    """Return the day of the newest snapshot, and by window since when its class holds."""
    found = insights.latest.get("service-1")
    record = orjson.loads(found.body) if found else {"as_of": "", "windows": {}}
    windows = record["windows"].items()
    return record["as_of"], {name: one["verdict"].get("holds_since") for name, one in windows}


async def since(insights: Insights, as_of: date) -> dict[str, str | None]:
    service = await insights.answers.service("service-1")
    answers = [orjson.loads(await insights.answers.verdict(service, w, as_of)) for w in WINDOWS]
    return {answer["window"]: answer.get("holds_since") for answer in answers}


async def test_a_service_that_cannot_be_looked_into_keeps_no_other_from_being(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    look_back = insights.fold.reader.look_back
    tried: list[str] = []

    async def broken(service: ServiceInfo, live: LiveService) -> bool:
        if service.service_id == "broken":
            tried.append(service.service_id)
            raise ValueError(service.service_id)
        return await look_back(service, live)

    insights.fold.reader.look_back = broken  # type: ignore[method-assign]
    await feed.tell([registered("broken"), registered("service-1"), *youth_court().events])

    await eventually(lambda: all(shown(insights)[1].values() or [None]))
    await eventually(lambda: len(tried) > 1)  # it goes on, and tries again


async def test_a_snapshot_comes_to_say_since_when_its_class_holds(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    await feed.tell([registered("service-1"), *youth_court().events])
    await replicas.folded(insights)

    await eventually(lambda: all(shown(insights)[1].values() or [None]))
    assert shown(insights)[1] == await since(insights, DAY)

    replicas.clock.advance(timedelta(days=1))
    await eventually(lambda: shown(insights)[0] == TOMORROW.isoformat())
    assert shown(insights)[1] == await since(insights, TOMORROW)  # as it was known, not found anew

    story = Story(service_id="service-1")
    for _ in range(300):
        story.act("p1", 40, ["u1"], minutes=1440)
    await feed.tell(story.events)  # from then on it is another class
    await replicas.folded(insights)

    live = insights.fold.live.owned("service-1")
    assert live is not None
    await eventually(lambda: live.looked_back)
    known = await from_facts_since(insights, TOMORROW)
    await eventually(lambda: shown(insights)[1] == known)
    assert known["life"] not in (None, (await since(insights, DAY - timedelta(days=60)))["life"])


async def from_facts_since(insights: Insights, as_of: date) -> dict[str, str | None]:
    """Return the same of facts that are folded for these questions alone."""
    service = await insights.answers.service("service-1")
    reader = insights.fold.reader

    def read(moment: Moment) -> dict[str, str | None]:
        subject = Subject(service, {})
        return {one: release.verdict(moment, subject, one).get("holds_since") for one in WINDOWS}

    return await reader.folded(service, as_of, read)
