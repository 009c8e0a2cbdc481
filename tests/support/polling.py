"""Waiting for what will be true soon, without guessing how soon."""

import asyncio
import time
from collections.abc import Callable


async def eventually(condition: Callable[[], object], within_seconds: float = 20) -> None:
    """Return as soon as the condition holds.

    Raises:
        AssertionError: it did not hold within the time.
    """
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {within_seconds} s: {condition}"
        await asyncio.sleep(0.01)
