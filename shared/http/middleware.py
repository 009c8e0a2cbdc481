"""What happens around every request: correlation id, log line, measurement, HEAD."""

import time
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from shared.http import problems
from shared.http.policy import protect

CUT_SHORT = 499  # as nginx counts what was not answered, since the client had left
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CORRELATION_HEADER = b"coprod-correlation-id"
log = structlog.get_logger(__name__)


class HttpMeters:
    """Requests by method, route and status, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ["method", "route", "status"]
        self.requests = Counter(
            "coprod_http_requests", "Requests answered", names, registry=registry
        )
        self.seconds = Histogram(
            "coprod_http_request_seconds",
            "Time to the end of the answer",
            names[:2],
            registry=registry,
        )


class HeadAsGet:
    """Answers HEAD as GET is answered, up to the body: whatever answers then may stop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self._app(scope, receive, send)

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                # The answer is complete with this, so what never ends by itself is told that
                # nobody listens any more.
                await send({"type": "http.response.body"})

        return await self._app({**scope, "method": "GET"}, receive, bodiless)


class RequestLog:
    """Binds the correlation id, measures, and answers what nobody expected without internals."""

    def __init__(self, app: ASGIApp, meters: HttpMeters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (CORRELATION_HEADER, correlation_id.encode()),
                ]
                protect(message)
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            try:
                await self._app(scope, receive, observed)
            except Exception:
                log.exception("request_failed", method=scope["method"], path=scope["path"])
                if status:
                    raise  # too late for another answer: the server cuts the connection
                await problems.response(_unexpected(correlation_id))(scope, receive, observed)
            finally:
                self._measured(scope, status or CUT_SHORT, time.perf_counter() - started)
        return None

    def _measured(self, scope: Scope, status: int, seconds: float) -> None:
        # The template, not the path: ids in label values would be a series each. As would be any
        # word that somebody sends for a method.
        route = getattr(scope.get("route"), "path_format", "unmatched")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._meters.requests.labels(method, route, str(status)).inc()
        self._meters.seconds.labels(method, route).observe(seconds)
        log.debug(
            "request_answered",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )


def _unexpected(correlation_id: str) -> problems.Problem:
    return problems.problem(
        500,
        "internal_error",
        "The service failed at something it did not expect.",
        remedy=f"Try again with the same Idempotency-Key; tell the operator {correlation_id}.",
    )


def _correlation_id(scope: Scope) -> str:
    # It travels in every event, so only what can't carry a name is taken from outside.
    sent = dict(scope["headers"]).get(CORRELATION_HEADER, b"")
    try:
        return str(UUID(sent.decode("ascii")))
    except ValueError:
        return str(uuid7())
