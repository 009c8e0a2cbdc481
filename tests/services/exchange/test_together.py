"""Commands that come at the same time: stored together, answered each as if it were alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import NoReturn

import pytest
import pytest_asyncio

from services.exchange.aggregates import AGGREGATES
from services.exchange.consultation.commands import OpenConsultation
from services.exchange.contribution.bodies import ConfirmContribution
from services.exchange.contribution.rules import stream_id
from shared.contracts.vocabulary import Party
from shared.eventstore.port import Answer, Rejected
from shared.eventstore.store import LOCK_STREAMS
from tests.services.exchange.counter import Counter, contribution, open_counter, put, role, town

pytestmark = pytest.mark.postgres
BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest_asyncio.fixture
async def patient(fresh_database: Callable[[str], str]) -> AsyncIterator[Counter]:
    """A command service that looks again for as long as a test may take."""
    patient = await open_counter(fresh_database("exchange"), look_again_seconds=30)
    await put(patient.pool, *town())
    yield patient
    await patient.pool.close()


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


async def test_two_of_one_key_at_the_same_time_are_one(counter: Counter) -> None:
    body = contribution()
    one, other = await asyncio.gather(*(counter.send(body, key="k1") for _ in range(2)))
    assert one == other
    assert await counter.events() == ["contribution.recorded"]


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


async def test_one_whose_stream_is_locked_does_not_hold_up_the_others(counter: Counter) -> None:
    given = await counter.given(service_id="garden", receivers=["bob"])
    confirmed = ConfirmContribution(contribution_id=given, by="bob")
    async with counter.pool.acquire() as other, other.transaction():
        await other.execute(LOCK_STREAMS, [stream_id(given)])
        waiting = asyncio.create_task(counter.send(confirmed))
        while not await counter.pool.fetchval(BLOCKED):  # noqa: ASYNC110  # a lock wakes nobody
            await asyncio.sleep(0.01)
        beside = await asyncio.gather(*(counter.send(contribution()) for _ in range(5)))
        assert all(isinstance(one, Answer) for one in beside)
        assert not waiting.done()
    assert isinstance(await waiting, Answer)
    assert (await counter.events()).count("contribution.confirmed") == 1


async def test_who_stays_unheard_of_is_refused(counter: Counter) -> None:
    assert isinstance(await counter.send(contribution(giver_id="eve")), Rejected)


async def test_one_that_cannot_be_decided_takes_no_other_with_it(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError

    consultation = OpenConsultation(service_id="library", title="why?")
    broken_type = replace(AGGREGATES.type_of(consultation), build=broken)
    monkeypatch.setattr(AGGREGATES, "_types", AGGREGATES._types | {OpenConsultation: broken_type})
    bodies = [contribution(), consultation, contribution()]
    outcomes = await asyncio.gather(*map(counter.send, bodies), return_exceptions=True)
    assert [type(one) for one in outcomes] == [Answer, ZeroDivisionError, Answer]
    assert await counter.events() == ["contribution.recorded"] * 2
