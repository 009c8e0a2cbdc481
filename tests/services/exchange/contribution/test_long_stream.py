"""An act that was corrected as often as any may be costs no more than another, and can be ended."""

import time
from collections.abc import Sequence

import pytest

from services.exchange.aggregates import AGGREGATES
from services.exchange.contribution.bodies import CorrectContribution, VoidContribution
from shared.eventstore.port import EVENTS_MAX, Answer, StreamFull
from shared.http.problems import problem_of
from shared.http.strict import StrictModel
from tests.services.exchange.counter import Counter

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
BATCH = 499


def corrections(contribution_id: str, first: int, count: int) -> Sequence[StrictModel]:
    return [
        CorrectContribution.model_validate(
            {"contribution_id": contribution_id, "by": "pat", "changes": {"minutes": minutes}}
        )
        for number in range(first, first + count)
        for minutes in [1 + number % 1000]
    ]


async def seconds(counter: Counter, contribution_id: str) -> float:
    """Return how long a batch of corrections takes, the best of three."""
    took = []
    for first in (0, BATCH, 2 * BATCH):
        began = time.perf_counter()
        outcomes = await counter.send_all(corrections(contribution_id, first, BATCH))
        took.append(time.perf_counter() - began)
        assert all(isinstance(one, Answer) for one in outcomes)
    return min(took)


async def test_thousands_of_corrections_of_one_act_hold_up_nobody(counter: Counter) -> None:
    long, short = await counter.given(), await counter.given()
    for first in range(0, EVENTS_MAX - 4 * BATCH, BATCH):
        await counter.send_all(corrections(long, first, BATCH))

    assert await seconds(counter, long) < 3 * await seconds(counter, short)

    left = EVENTS_MAX - (await counter.view(long)).version
    outcomes = await counter.send_all(corrections(long, 0, left + 1))
    assert [type(one) for one in outcomes] == [*[Answer] * left, StreamFull]
    assert isinstance(outcomes[-1], StreamFull)
    assert problem_of(outcomes[-1], AGGREGATES.refusals).reason == "changed_too_often"
    void = VoidContribution(contribution_id=long, by="pat", reason_code="x")
    assert (await counter.done(void))["status"] == "voided"
