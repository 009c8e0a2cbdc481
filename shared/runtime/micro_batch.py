"""What comes one by one is done together, and each gets an answer of its own.

What a transaction costs is hardly more for many than for one: those that come while as many batches
as may be are under way wait for one to end, and share the next. Nobody waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")
A = TypeVar("A")


class Gathering(Generic[T, A]):
    """``work`` does all of a batch or, when it raises, nothing that may not be done again alone.

    ``whole``: the failures that strike a batch as a whole; it isn't tried again for each of it.
    ``at_once``: batches under way at the same time; who comes later may then be done earlier.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[A]]],
        batch_max: int,
        whole: Callable[[Exception], bool],
        at_once: int = 1,
    ) -> None:
        self._work, self._batch_max, self._whole = work, batch_max, whole
        self._at_once = at_once
        self._waiting: deque[tuple[T, asyncio.Future[A]]] = deque()
        self._working: set[asyncio.Task[None] | None] = set()

    async def take(self, one: T) -> A:
        """Return what ``work`` answers to this one; raise what it raised of it."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if len(self._working) < self._at_once:
            self._working.add(asyncio.create_task(self._work_off()))
        return await answer

    async def _work_off(self) -> None:
        # log lines of a batch bear nobody's correlation id
        structlog.contextvars.clear_contextvars()
        try:
            while self._waiting:
                if batch := self._next():
                    await self._do(batch)
        finally:  # at once: what comes after the last look would wait for ever
            self._working.discard(asyncio.current_task())

    def _next(self) -> list[tuple[T, asyncio.Future[A]]]:
        most = min(len(self._waiting), self._batch_max)
        taken = [self._waiting.popleft() for _ in range(most)]
        # whoever has left since has had no answer: nothing need be done
        return [(one, answer) for one, answer in taken if not answer.done()]

    async def _do(self, batch: Sequence[tuple[T, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._work([one for one, _ in batch])
        except Exception as failure:  # noqa: BLE001 - each that waits is told
            if len(batch) > 1 and not self._whole(failure):
                # one of them is at fault, and the others shall not suffer
                for one in batch:
                    await self._do([one])
                return
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(failure)
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
