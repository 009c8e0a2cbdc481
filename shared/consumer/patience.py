"""Waiting out failures that pass: a database that restarts, a lock, a deadlock."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from shared.runtime.outage import passes

WAIT_SECONDS_MIN = 0.05
WAIT_SECONDS_MAX = 5.0
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Stopping(Exception):
    """The wait was cut short because the consumer stops."""


async def patiently(
    work: Callable[[], Awaitable[T]], stopping: asyncio.Event, retried: Callable[[], None]
) -> T:
    """Return what the work returns, repeating it while what it raises passes.

    Raises:
        Stopping: ``stopping`` was set while waiting.
    """
    wait_seconds = WAIT_SECONDS_MIN
    while True:
        try:
            return await work()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("consumer_waits", error=repr(error), seconds=wait_seconds)
        retried()
        try:
            jittered = wait_seconds * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
            await asyncio.wait_for(stopping.wait(), jittered)
        except TimeoutError:
            wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)
        else:
            raise Stopping
