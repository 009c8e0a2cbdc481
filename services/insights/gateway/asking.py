"""Dear questions: few at once, few that wait, each computed once and while somebody asks it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from shared.http.problems import HttpRefusal

T = TypeVar("T")


class AskerLeft(HttpRefusal):
    """Nobody hears the answer any more."""

    def __init__(self) -> None:
        super().__init__(499, "client_left", "The client left before it was answered.")


@dataclass(eq=False, slots=True)
class _Question:
    answer: asyncio.Task[bytes]
    askers: int = 0


class Asking:
    """``at_once`` are computed at a time, and ``waiting_max`` more may wait for that."""

    def __init__(self, at_once: int, waiting_max: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._room = at_once + waiting_max
        self._questions: dict[Hashable, _Question] = {}

    async def answer(self, key: Hashable, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return what ``compute`` does, once for all who ask the same at the same time.

        When the last of them is cancelled, so is ``compute``.

        Raises:
            HttpRefusal: too many other questions wait already.
        """
        question = self._questions.get(key) or self._begin(key, compute)
        question.askers += 1
        try:
            return await asyncio.shield(question.answer)
        finally:
            question.askers -= 1
            if not question.askers:
                question.answer.cancel()
                self._end(key, question)

    def _begin(self, key: Hashable, compute: Callable[[], Awaitable[bytes]]) -> _Question:
        if len(self._questions) >= self._room:
            raise HttpRefusal(
                503,
                "too_many_questions",
                f"{self._room} questions that take long are being answered or wait.",
                remedy="Ask again shortly, of fewer days or in a longer step.",
            )
        question = _Question(asyncio.create_task(self._computed(compute)))
        self._questions[key] = question
        question.answer.add_done_callback(lambda _: self._end(key, question))
        return question

    def _end(self, key: Hashable, question: _Question) -> None:
        if self._questions.get(key) is question:
            del self._questions[key]

    async def _computed(self, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        async with self._free:
            return await compute()


async def while_heard(request: Request, answer: Coroutine[Any, Any, T]) -> T:
    """Return the answer, unless the client leaves before: then it is cancelled.

    Raises:
        AskerLeft: it left.
    """
    answering, leaving = asyncio.create_task(answer), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise AskerLeft
        return answering.result()
    finally:
        for task in (answering, leaving):
            task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
