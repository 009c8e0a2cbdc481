"""Commands that come at the same time: stored together, answered each as if it were alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import asyncpg
import pytest
import pytest_asyncio

from services.exchange.gathering import Gathering
from shared.contracts.vocabulary import Party
from shared.eventstore.port import Answer, Refusal, Rejected
from shared.eventstore.store import Conflict
from shared.http.bulk import TRANSACTION_ITEMS_MAX, Order
from tests.services.exchange.counter import (
    Counter,
    contribution,
    open_counter,
    order,
    put,
    role,
    town,
)


class Slow:
    """Stores when it is told to; an order of so many minutes as ``failures`` names fails."""

    def __init__(self, failures: dict[int, Exception] | None = None) -> None:
        self.failures = failures or {}
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()

    async def submit(self, orders: Sequence[Order]) -> Sequence[Answer | Refusal]:
        minutes = [one.body.minutes for one in orders]  # type: ignore[attr-defined]
        self.batches.append(minutes)
        await self.go.wait()
        for number in minutes:
            if number in self.failures:
                raise self.failures[number]
        return [Answer(201, {"minutes": number}) for number in minutes]


def of(minutes: int) -> Order:
    return order(contribution(minutes=minutes))


async def begun(gathering: Gathering, *minutes: int) -> list["asyncio.Task[Answer | Refusal]"]:
    tasks = [asyncio.create_task(gathering.take(of(number))) for number in minutes]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_those_that_come_while_one_is_stored_are_stored_together() -> None:
    slow = Slow()
    gathering = Gathering(slow.submit)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3, 4)
    assert slow.batches == [[1]]
    slow.go.set()
    assert [task.body["minutes"] for task in await asyncio.gather(*tasks)] == [1, 2, 3, 4]  # type: ignore[union-attr]
    assert slow.batches == [[1], [2, 3, 4]]


async def test_no_transaction_grows_beyond_what_one_request_may_bring() -> None:
    slow = Slow()
    gathering = Gathering(slow.submit)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, *range(2, TRANSACTION_ITEMS_MAX + 4))
    slow.go.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in slow.batches] == [1, TRANSACTION_ITEMS_MAX, 2]


async def test_one_that_fails_unexpectedly_fails_alone() -> None:
    slow = Slow({3: ValueError("nobody expected this")})
    gathering = Gathering(slow.submit)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3, 4)
    slow.go.set()
    *_, third, fourth = done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, Answer) for one in done] == [True, True, False, True]
    assert isinstance(third, ValueError)
    assert isinstance(fourth, Answer)
    assert slow.batches == [[1], [2, 3, 4], [2], [3], [4]]


@pytest.mark.parametrize(
    "failure", [asyncpg.ConnectionDoesNotExistError("gone"), Conflict("others hold it up")]
)
async def test_a_database_that_is_away_or_held_up_is_not_asked_again_for_each(
    failure: Exception,
) -> None:
    slow = Slow({3: failure})
    gathering = Gathering(slow.submit)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3)
    slow.go.set()
    first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, Answer)
    assert all(one is failure for one in others)
    assert slow.batches == [[1], [2, 3]]
    (after,) = await begun(gathering, 4)
    assert isinstance(await after, Answer)


async def test_who_leaves_before_the_turn_came_is_not_decided_and_holds_up_nobody() -> None:
    slow = Slow()
    gathering = Gathering(slow.submit)
    (first,) = await begun(gathering, 1)
    left, stayed = await begun(gathering, 2, 3)
    left.cancel()
    first.cancel()
    slow.go.set()
    assert isinstance(await stayed, Answer)
    assert slow.batches == [[1], [3]]


@pytest_asyncio.fixture
async def patient(fresh_database: Callable[[str], str]) -> AsyncIterator[Counter]:
    """A desk that looks again for as long as a test may take."""
    patient = await open_counter(fresh_database("exchange"), look_again_seconds=30)
    await put(patient.pool, *town())
    yield patient
    await patient.pool.close()


@pytest.mark.postgres
async def test_each_is_stored_once_and_has_its_own_answer(counter: Counter) -> None:
    bodies = [contribution(minutes=number) for number in range(1, 31)]
    bodies[7] = contribution(giver_id="nobody")
    outcomes = await asyncio.gather(*(counter.send(body) for body in bodies))
    assert [isinstance(one, Answer) for one in outcomes].index(False) == 7
    answers = [one for one in outcomes if isinstance(one, Answer)]
    seen = [await counter.act(str(one.body["contribution_id"])) for one in answers]
    assert [act.minutes for act in seen] == [n for n in range(1, 31) if n != 8]
    places = {place for one in answers for place in one.headers["Coprod-Position"].split(",")}
    assert len(places) == len(await counter.events()) == 29


@pytest.mark.postgres
async def test_two_of_one_key_at_the_same_time_are_one(counter: Counter) -> None:
    body = contribution()
    one, other = await asyncio.gather(*(counter.send(body, key="k1") for _ in range(2)))
    assert one == other
    assert await counter.events() == ["contribution.recorded"]


@pytest.mark.postgres
async def test_one_that_waits_for_somebody_unheard_of_does_not_hold_up_the_others(
    patient: Counter,
) -> None:
    waiting = asyncio.create_task(patient.send(contribution(giver_id="eve")))
    beside = await asyncio.gather(*(patient.send(contribution()) for _ in range(5)))
    assert all(isinstance(one, Answer) for one in beside)
    assert isinstance(await patient.send(contribution()), Answer)
    assert not waiting.done()
    await put(patient.pool, role("library", "eve", Party.USER))
    assert isinstance(await waiting, Answer)


@pytest.mark.postgres
async def test_who_stays_unheard_of_is_refused(counter: Counter) -> None:
    assert isinstance(await counter.send(contribution(giver_id="eve")), Rejected)
