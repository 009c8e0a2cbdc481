"""Alive, ready (and if not, what for), and measured."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from shared.http.problems import FieldError, problem, response
from shared.runtime.telemetry import METRICS_MEDIA_TYPE, exposition

Waiting = Callable[[], Awaitable[Sequence[str]]]
"""Returns what the service waits for before it can do its work, in words; nothing when ready."""


class Health(BaseModel):
    status: str


async def _nothing() -> None:
    """Measure nothing: every figure is already in the registry."""


def router(
    waiting: Waiting,
    registry: CollectorRegistry,
    measure: Callable[[], Awaitable[None]] = _nothing,
) -> APIRouter:
    """Return the routes; ``measure`` updates the figures that are only known by asking."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz")
    async def alive() -> Health:
        """Say that the process answers."""
        return Health(status="alive")

    @routes.get("/readyz", response_model=Health)
    async def ready() -> Health | Response:
        """Say whether the service can do its work, and what it waits for if it can't."""
        reasons = await waiting()
        if not reasons:
            return Health(status="ready")
        return response(
            problem(
                503,
                "not_ready",
                f"Waiting for {'; '.join(reasons)}.",
                errors=[FieldError(pointer="", detail=reason) for reason in reasons],
            )
        )

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Return Prometheus metrics."""
        if not await waiting():
            await measure()
        return Response(exposition(registry), media_type=METRICS_MEDIA_TYPE)

    return routes
