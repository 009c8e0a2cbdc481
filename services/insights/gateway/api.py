"""HTTP of insights: services at a glance, figures, verdicts, histories, and the rebuild."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import date, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from services.insights.gateway.asking import while_heard
from services.insights.gateway.queries import Answers, days_between, has_come
from services.insights.gateway.schemas import (
    DefinitionsBody,
    FoldedBody,
    HistoryBody,
    MetricsBody,
    RebuildBody,
    ServiceItem,
    TrendsBody,
    VerdictBody,
)
from services.insights.metrics.catalogue import BY_ID, published
from services.insights.metrics.thresholds import DEFAULTS
from services.insights.projection.generation import Build
from services.insights.release.rebuild import Rebuild
from services.insights.release.rendering import RELEASE_HEADER
from services.insights.verdict import grade
from services.insights.words import table as words
from shared.contracts.snapshot import Lens, Window
from shared.http.paging import (
    LIMIT_DEFAULT,
    Cursor,
    Key,
    KeyText,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
)
from shared.http.problems import HttpRefusal
from shared.http.strict import Day, LocalId, StrictModel

HISTORY_DAYS = 89  # before the last one, where no first day is asked for
ServiceName = Annotated[LocalId, Path(description="Its id, or the agency's own id of it.")]


class ServicesKey(Key, frozen=True, tag="services"):
    service_id: KeyText


class PageQuery(StrictModel):
    cursor: Cursor = None
    limit: Limit = LIMIT_DEFAULT


class VerdictQuery(StrictModel):
    window: Window = "90d"
    as_of: Day | None = None

    def day(self, today: date) -> date:
        """Return the day asked for, which has to have come."""
        return has_come(self.as_of or today, today)


class MetricsQuery(VerdictQuery):
    lens: Lens | None = None


class TrendsQuery(StrictModel):
    """Whole UTC days. ``from`` is 89 days before ``to``, and ``to`` today, where not given."""

    window: Window = "90d"
    lens: Lens | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    step: Annotated[int, Field(ge=1, le=366)] = 1

    def days(self, today: date) -> list[date]:
        """Return the days asked for; refused where there are too many, or some have not come."""
        last = has_come(self.to or today, today)
        first = has_come(self.from_ or last - timedelta(days=HISTORY_DAYS), today)
        return days_between(first, last, self.step)


class HistoryQuery(TrendsQuery):
    metric: str


class RebuildRequest(StrictModel):
    """``when_equal`` switches also when what serves is known to be incomplete."""

    switch: Literal["when_equal", "always"] = "when_equal"


def figures_router(answers: Callable[[], Answers], today: Callable[[], date]) -> APIRouter:
    routes = APIRouter(prefix="/v1/services", tags=["figures"])

    @routes.get("", response_model=Page[ServiceItem])
    async def list_services(query: Annotated[PageQuery, Query()]) -> Response:
        """List the services by id, each with its newest verdict in every window."""
        after = decode_cursor(query.cursor, ServicesKey).service_id if query.cursor else ""
        found = await answers().page(after, query.limit + 1)
        items = found[: query.limit]
        more = len(found) > query.limit
        cursor = encode_cursor(ServicesKey(items[-1]["service_id"])) if more else None
        return _json(orjson.dumps({"items": items, "next_cursor": cursor}))

    @routes.get("/{service:path}/metrics", response_model=MetricsBody)
    async def show_metrics(
        request: Request, service: ServiceName, query: Annotated[MetricsQuery, Query()]
    ) -> Response:
        """Show every figure of one window as of a day, in one lens or in the verdict's own."""
        found = await answers().service(service)
        day = query.day(today())
        return await _heard(request, answers().metrics(found, query.window, query.lens, day))

    @routes.get("/{service:path}/verdict", response_model=VerdictBody)
    async def show_verdict(
        request: Request, service: ServiceName, query: Annotated[VerdictQuery, Query()]
    ) -> Response:
        """Show the verdict of one window as of a day, why, and what would change it."""
        found = await answers().service(service)
        return await _heard(request, answers().verdict(found, query.window, query.day(today())))

    @routes.get("/{service:path}/history", response_model=HistoryBody)
    async def show_history(
        request: Request, service: ServiceName, query: Annotated[HistoryQuery, Query()]
    ) -> Response:
        """Show one metric day by day: at most 400 points."""
        if query.metric not in BY_ID:
            raise _unknown_metric(query.metric)
        found = await answers().service(service)
        days = query.days(today())
        return await _heard(
            request, answers().history(found, query.metric, query.window, query.lens, days)
        )

    @routes.get("/{service:path}/trends", response_model=TrendsBody)
    async def show_trends(
        request: Request, service: ServiceName, query: Annotated[TrendsQuery, Query()]
    ) -> Response:
        """Show every figure's value day by day, side by side: at most 400 days."""
        found = await answers().service(service)
        days = query.days(today())
        return await _heard(request, answers().trends(found, query.window, query.lens, days))

    # the last one: an id may hold slashes, and look like any of the paths above
    @routes.get("/{service:path}", response_model=ServiceItem)
    async def show_service(service: ServiceName) -> Response:
        """Show one service with its newest verdict in every window."""
        return _json(orjson.dumps(answers().item(await answers().service(service))))

    return routes


def definitions() -> dict[str, Any]:
    """Return what every figure means and how all is called, as published."""
    figures, tests = published(DEFAULTS), grade.published(DEFAULTS)
    verdict = {**figures["verdict"], "tests": tests}
    return {**figures, "verdict": verdict, "words": words.published()}


def definitions_router() -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["figures"])
    body = orjson.dumps(definitions())
    validators = {"ETag": f'"{sha256(body).hexdigest()[:32]}"', "Cache-Control": "no-cache"}

    @routes.get(
        "/definitions",
        response_model=DefinitionsBody,
        responses={304: {"description": "They are those that the caller has."}},
    )
    async def show_definitions(
        if_none_match: Annotated[str | None, Header(description="The ETag of those had.")] = None,
    ) -> Response:
        """Show what every figure means and how all is called, in French and English.

        They change with a build only, so who keeps them asks with their ETag whether they did.
        """
        if validators["ETag"] in (if_none_match or ""):
            return Response(status_code=304, headers=validators)
        return Response(body, media_type="application/json", headers=validators)

    return routes


def operation_router(
    folded: Callable[[], Awaitable[FoldedBody]], rebuild: Callable[[], Rebuild]
) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["operation"])

    @routes.get("/positions")
    async def show_positions() -> FoldedBody:
        """Say how far the fold that serves has come, by topic and partition."""
        return await folded()

    @routes.get("/rebuild")
    async def show_rebuild() -> RebuildBody:
        """Show the newest projection: how far it is, or what came of it."""
        return _build(await rebuild().status())

    @routes.post("/rebuild", status_code=202)
    async def start_rebuild(body: RebuildRequest) -> RebuildBody:
        """Fold the whole log again beside what serves, compare every figure, and switch over."""
        return _build(await rebuild().start(always=body.switch == "always"))

    return routes


async def _heard(request: Request, answer: Coroutine[Any, Any, bytes]) -> Response:
    return _json(await while_heard(request, answer))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers=RELEASE_HEADER)


def _build(build: Build) -> RebuildBody:
    report = build.report or {}
    return RebuildBody(
        state=build.state,
        from_=report.get("from", build.active),
        to=build.version,
        folded=build.folded,
        started_at=build.started_at,
        finished_at=build.finished_at,
        equal=report.get("equal"),
        differences=report.get("differences"),
        report=build.report,
    )


def _unknown_metric(name: str) -> HttpRefusal:
    return HttpRefusal(
        422,
        "unknown_metric",
        f"There is no metric {name[:40]!r}.",
        remedy=f"One of {', '.join(BY_ID)}.",
    )
