"""Insights over HTTP: figures, verdicts, histories, and how it says no."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.insights.app import insights_app
from services.insights.metrics.catalogue import BY_ID
from shared.log.embedded.log import EmbeddedLog
from shared.runtime.clock import FixedClock
from tests.services.insights.feed import NOON, Feed, registered, renamed
from tests.support.archetypes import home_visits, youth_court
from tests.support.service import embedded_settings, serving

pytestmark = pytest.mark.postgres


@pytest.fixture
async def told(fresh_database: Callable[[str], str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an insights that was told of two services."""
    settings = embedded_settings(fresh_database("insights"), fresh_database("log"))
    app, _ = insights_app(settings, FixedClock(NOON))
    log = EmbeddedLog(settings.log_url or "")
    await log.start()
    async with serving(app) as client:
        feed = Feed(log)
        court, visits = youth_court(), home_visits()
        await feed.tell([registered("service-1"), *court.events])
        await feed.tell(
            [registered("service-2", name="A visit"), *renamed(visits.events, "service-2")]
        )
        await folded(client, feed)
        yield client
    await log.stop()


async def folded(client: httpx.AsyncClient, feed: Feed) -> None:
    wanted = {f"{at.topic}/{at.partition}": position for at, position in feed.positions.items()}
    async with asyncio.timeout(20):
        while True:
            reached = (await client.get("/v1/positions")).json()["folded"]
            if all(reached.get(at, 0) >= position for at, position in wanted.items()):
                return
            await asyncio.sleep(0.02)


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", ["12/2024", "a/verdict", "?#%2F&;=+", "a b/é"])
async def test_a_service_is_found_by_whatever_its_agency_calls_it(
    told: httpx.AsyncClient, name: str
) -> None:
    unknown = await told.get(f"/v1/services/{quote(name, safe='')}/metrics")

    assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_service")
    assert repr(name) in unknown.json()["detail"]


async def test_an_upgrade_of_the_page_is_seen_at_once_and_figures_are_kept_by_nobody(
    told: httpx.AsyncClient,
) -> None:
    page, figures = await told.get("/"), await told.get("/v1/services")

    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-cache")
    assert "ETag" in page.headers
    assert figures.headers["Cache-Control"] == "no-store"


async def test_the_verdict_says_what_and_why(told: httpx.AsyncClient) -> None:
    verdict = await got(told, "/v1/services/local-service-1/verdict")

    assert verdict["service_id"] == "service-1"
    assert (verdict["window"], verdict["as_of"]) == ("90d", "2026-06-30")
    assert verdict["class"] == "co_production"
    assert set(verdict["reasons"]) == {"fr", "en"}
    assert verdict["receipt"]["events"] > 200
    assert set(verdict["receipt"]["positions"]) == {
        f"{topic}/{at}"
        for topic in ("registry.services.v1", "exchange.activity.v1")
        for at in {one.rpartition("/")[2] for one in verdict["receipt"]["positions"]}
    }


async def test_a_service_is_named_by_its_agencys_id_or_by_its_own(
    told: httpx.AsyncClient,
) -> None:
    path = "/v1/services/{}/verdict?as_of=2026-06-01"

    assert await got(told, path.format("service-1")) == await got(
        told, path.format("local-service-1")
    )


async def test_another_day_is_another_answer(told: httpx.AsyncClient) -> None:
    before = await got(told, "/v1/services/service-1/verdict", as_of="2020-01-01")
    today = await got(told, "/v1/services/service-1/verdict", as_of="2026-06-30")

    assert (before["class"], today["class"]) == ("insufficient_evidence", "co_production")
    assert "last_evidenced" not in before
    assert before["receipt"]["events"] == 1  # whose service it is has no day


async def test_of_a_day_to_come_nothing_is_said(told: httpx.AsyncClient) -> None:
    path = "/v1/services/service-1"
    for asked in (
        "verdict?as_of=2026-07-01",
        "metrics?as_of=2030-01-01",
        "history?metric=E1&to=2026-07-01",
        "history?metric=E1&from=2030-01-01",
        "trends?to=2030-01-01",
        "trends?from=2026-07-01&to=2026-07-02",
    ):
        problem = (await told.get(f"{path}/{asked}")).json()

        assert (asked, problem["status"], problem["reason"]) == (asked, 422, "day_to_come")
        assert "2026-06-30" in problem["remedy"]


async def test_today_is_the_same_asked_for_or_not(told: httpx.AsyncClient) -> None:
    path = "/v1/services/service-1/metrics"

    assert await got(told, path, lens="count") == await got(
        told, path, lens="count", as_of="2026-06-30"
    )


async def test_metrics_default_to_the_lens_of_the_verdict(told: httpx.AsyncClient) -> None:
    metrics = await got(told, "/v1/services/service-2/metrics", window="365d")

    assert metrics["lens"] == "minutes"
    assert metrics["metrics"]["A3"]["n"] == metrics["metrics"]["N1"]["n"]
    assert metrics["receipt"]["release"] == "exact, not for publication"


async def test_a_history_is_what_each_day_says(told: httpx.AsyncClient) -> None:
    path = "/v1/services/service-1"
    history = await got(
        told,
        f"{path}/history",
        metric="E1b",
        lens="count",
        to="2026-06-30",
        step=7,
        **{"from": "2026-06-01"},
    )

    assert [point["day"] for point in history["points"]] == [
        "2026-06-02",
        "2026-06-09",
        "2026-06-16",
        "2026-06-23",
        "2026-06-30",
    ]
    for point in history["points"]:
        metrics = await got(told, f"{path}/metrics", lens="count", as_of=point["day"])
        assert metrics["metrics"]["E1b"].items() <= point.items()


async def test_trends_are_all_histories_side_by_side(told: httpx.AsyncClient) -> None:
    path = "/v1/services/service-1"
    asked = {"lens": "count", "to": "2026-06-30", "step": 7, "from": "2026-06-01"}

    trends = await got(told, f"{path}/trends", **asked)

    assert list(trends["series"]) == list(BY_ID)
    for metric in ("A3", "E1b", "M3.active", "Q4"):
        history = await got(told, f"{path}/history", metric=metric, **asked)
        assert trends["days"] == [point["day"] for point in history["points"]]
        assert trends["series"][metric] == [point.get("value") for point in history["points"]]


async def test_services_at_a_glance(told: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            page = await got(told, "/v1/services", limit=1)
            rest = await got(told, "/v1/services", cursor=page["next_cursor"])
            items = [*page["items"], *rest["items"]]
            # a first snapshot may show the service before its acts
            if all(item.get("verdicts", NOTHING)["90d"]["evidence"]["acts"] for item in items):
                break
            await asyncio.sleep(0.02)

    assert [item["service_id"] for item in items] == ["service-1", "service-2"]
    assert rest["next_cursor"] is None
    assert items[1]["name"] == "A visit"
    assert items[1]["verdicts"]["90d"]["class"] == "co_delivery"
    assert await got(told, "/v1/services/service-2") == items[1]


NOTHING = {"90d": {"evidence": {"acts": 0}}}
REFUSED = [
    ("/v1/services/nobody", 404, "unknown_service"),
    ("/v1/services/nobody/verdict", 404, "unknown_service"),
    ("/v1/services/service-1/verdict?window=1d", 422, "invalid_request"),
    ("/v1/services/service-1/verdict?day=2026-01-01", 422, "invalid_request"),
    ("/v1/services/service-1/verdict?as_of=yesterday", 422, "invalid_request"),
    ("/v1/services/service-1/metrics?lens=credits", 422, "invalid_request"),
    ("/v1/services/service-1/history?metric=Z9", 422, "unknown_metric"),
    ("/v1/services/service-1/history?metric=E1&from=2000-01-01", 422, "invalid_range"),
    (
        "/v1/services/service-1/history?metric=E1&from=2026-06-02&to=2026-06-01",
        422,
        "invalid_range",
    ),
    ("/v1/services?cursor=x", 422, "invalid_cursor"),
    ("/v1/stream?service=nobody", 404, "unknown_service"),
]


async def test_what_cannot_be_answered_is_refused(told: httpx.AsyncClient) -> None:
    for path, status, reason in REFUSED:
        answer = await told.get(path)

        assert (path, answer.status_code, answer.json()["reason"]) == (path, status, reason)


async def test_every_figure_is_defined(told: httpx.AsyncClient) -> None:
    definitions = await got(told, "/v1/definitions")
    metrics = await got(told, "/v1/services/service-1/metrics")

    assert [one["id"] for one in definitions["metrics"]] == list(metrics["metrics"])
    read = {one["id"]: [of["id"] for of in one["readings"]] for one in definitions["metrics"]}
    assert read["A3.deliver"] == ["phase", "few_lay"]
    assert {"floor", "reasons"} <= {one["id"] for one in definitions["readings"]}
    assert "few_lay" in {one["id"] for one in definitions["verdict"]["readings"]}


async def test_definitions_that_the_caller_has_are_not_sent_again(told: httpx.AsyncClient) -> None:
    first = await told.get("/v1/definitions")
    known = {"If-None-Match": first.headers["ETag"]}

    again = await told.get("/v1/definitions", headers=known)
    other = await told.get("/v1/definitions", headers={"If-None-Match": '"another"'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (other.status_code, other.content) == (200, first.content)


async def test_every_class_and_flag_is_called_in_both_languages(told: httpx.AsyncClient) -> None:
    words = (await got(told, "/v1/definitions"))["words"]

    assert words["classes"]["co_production"] == {"fr": "coproduction", "en": "co-production"}
    assert all(set(text) == {"fr", "en"} for kind in words.values() for text in kind.values())
