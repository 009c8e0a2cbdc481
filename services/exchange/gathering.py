"""Commands that come one by one are decided together, and each has an answer of its own.

What a transaction costs is hardly more for many than for one: those that come while one is under
way wait for it, and share the next. Nobody waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from typing import TypeAlias

from shared.consumer.patience import passes
from shared.eventstore.port import Answer, Refusal
from shared.eventstore.store import Conflict
from shared.http.bulk import TRANSACTION_ITEMS_MAX, Order, Submit

Waiting: TypeAlias = tuple[Order, "asyncio.Future[Answer | Refusal]"]


class Gathering:
    """``submit`` stores all that a batch decided, or nothing of it."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._waiting: deque[Waiting] = deque()
        self._work: asyncio.Task[None] | None = None

    async def take(self, order: Order) -> Answer | Refusal:
        """Return the order's outcome; raise what ``submit`` raised of it."""
        outcome: asyncio.Future[Answer | Refusal] = asyncio.get_running_loop().create_future()
        self._waiting.append((order, outcome))
        if self._work is None:
            # In nobody's context: log lines of a batch bear no single command's correlation id.
            self._work = asyncio.create_task(self._decide_all(), context=Context())
        return await outcome

    async def _decide_all(self) -> None:
        try:
            while self._waiting:
                await self._decide(self._next())
        finally:
            self._work = None

    def _next(self) -> list[Waiting]:
        most = min(len(self._waiting), TRANSACTION_ITEMS_MAX)
        taken = [self._waiting.popleft() for _ in range(most)]
        # whoever has left since has had no answer: nothing need be done
        return [one for one in taken if not one[1].done()]

    async def _decide(self, batch: Sequence[Waiting]) -> None:
        try:
            outcomes = await self._submit([order for order, _ in batch])
        except Exception as failure:  # noqa: BLE001 - each sender is told
            if len(batch) > 1 and not (passes(failure) or isinstance(failure, Conflict)):
                # One of them is at fault, nothing was stored, and the others shall not suffer. Not
                # so when the database went away (it isn't known whether they were stored), or when
                # others hold it up: each would wait as long again.
                for one in batch:
                    await self._decide([one])
                return
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(failure)
            return
        for (_, waiting), outcome in zip(batch, outcomes, strict=True):
            if not waiting.done():
                waiting.set_result(outcome)
