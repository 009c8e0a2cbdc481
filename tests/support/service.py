"""A service as its clients see it, in this process: real routes, real database, no network."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from shared.runtime.settings import ServiceSettings


def embedded_settings(database_url: str, log_url: str) -> ServiceSettings:
    return ServiceSettings(database_url=database_url, log="embedded", log_url=log_url)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application, wait until it is ready, and stop it at the end."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        await readiness(client, until='"ready"')
        yield client


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application without waiting, to hear what it waits for."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


async def readiness(client: httpx.AsyncClient, until: str, within_seconds: float = 20) -> str:
    """Return what ``/readyz`` says as soon as ``until`` stands in it.

    Raises:
        AssertionError: it did not within the time; the message is what was said last.
    """
    deadline = time.monotonic() + within_seconds
    while until not in (told := (await client.get("/readyz")).text):
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.01)
    return told
