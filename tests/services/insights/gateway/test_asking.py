"""Dear questions are bounded, computed once for all who ask, and given up with the last of them."""

import asyncio
import time
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from fastapi import Request
from starlette.types import Message

from services.insights.gateway.asking import AskerLeft, Asking, while_heard
from services.insights.projection.receipt import Moment
from shared.http.problems import HttpRefusal
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed
from tests.services.insights.projection.test_fold import told
from tests.support.archetypes import youth_court
from tests.support.polling import eventually


class Work:
    """Counts what was begun, and what was given up; ends when it is told to."""

    def __init__(self) -> None:
        self.begun = self.given_up = 0
        self.told = asyncio.Event()

    async def __call__(self) -> bytes:
        self.begun += 1
        try:
            await self.told.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return b"answer"


async def asked(asking: Asking, work: Work, keys: list[str]) -> "list[asyncio.Task[bytes]]":
    tasks = [asyncio.create_task(asking.answer(key, work)) for key in keys]
    await asyncio.sleep(0.01)
    return tasks


async def test_what_many_ask_at_once_is_computed_once() -> None:
    asking, work = Asking(1, 1), Work()

    tasks = await asked(asking, work, ["same"] * 50)
    work.told.set()

    assert await asyncio.gather(*tasks) == [b"answer"] * 50
    assert work.begun == 1


async def test_more_questions_than_may_wait_are_refused_at_once() -> None:
    asking, work = Asking(1, 2), Work()

    waiting = await asked(asking, work, ["a", "b", "c"])
    with pytest.raises(HttpRefusal) as refused:
        await asking.answer("d", work)

    assert (refused.value.problem.status, work.begun) == (503, 1)
    work.told.set()
    await asyncio.gather(*waiting)
    assert await asking.answer("d", work) == b"answer"  # there is room again


async def test_a_question_ends_with_the_last_who_asks_it() -> None:
    asking, work = Asking(1, 1), Work()
    first, second, waiting = await asked(asking, work, ["same", "same", "other"])

    first.cancel()
    await asyncio.sleep(0.01)
    assert work.given_up == 0
    second.cancel()
    waiting.cancel()
    await asyncio.sleep(0.01)

    assert (work.begun, work.given_up) == (1, 1)  # the one that waited was never begun
    work.told.set()
    assert await asking.answer("same", work) == b"answer"


async def test_who_leaves_is_not_answered_any_more() -> None:
    work, leaves = Work(), asyncio.Event()
    messages: Iterator[Message] = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive() -> Message:
        message = next(messages)
        if message["type"] == "http.disconnect":
            await leaves.wait()
        return message

    heard = asyncio.create_task(while_heard(Request({"type": "http"}, receive), work()))
    await asyncio.sleep(0.01)
    leaves.set()

    with pytest.raises(AskerLeft):
        await heard
    await asyncio.sleep(0.01)
    assert work.given_up == 1


@pytest.mark.postgres
async def test_no_day_more_is_computed_for_nobody(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(insights)
    reader, computed = insights.fold.reader, list[Moment]()
    (service,) = await insights.fold.store.page("", 10)
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(400)]

    def read(moments: Iterator[Moment]) -> None:
        for moment in moments:
            computed.append(moment)
            time.sleep(0.02)

    asking = asyncio.create_task(reader.days(service, days, read))
    await eventually(lambda: len(computed) >= 2)
    asking.cancel()
    await eventually(lambda: reader._computing._value == 2)  # the thread has ended

    assert 2 <= len(computed) < 100
