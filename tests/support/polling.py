"""Waiting for what will be true soon, without guessing how soon."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def eventually(condition: Callable[[], Any], within_seconds: float = 20) -> None:
    """Return as soon as the condition, or what it returns to be awaited, holds.

    Raises:
        AssertionError: it did not hold within the time.
    """
    deadline = time.monotonic() + within_seconds
    while not await _settled(condition()):
        assert time.monotonic() < deadline, f"not so within {within_seconds} s: {condition}"
        await asyncio.sleep(0.01)


async def _settled(held: Any) -> Any:
    return await held if inspect.isawaitable(held) else held
