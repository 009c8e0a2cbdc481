"""What nobody objects to counts fourteen days after it was recorded, whatever else happens."""

from datetime import timedelta

import pytest

from services.exchange.contribution.automatic import AutomaticConfirmation
from services.exchange.contribution.bodies import (
    Changes,
    ConfirmContribution,
    CorrectContribution,
    DisputeContribution,
    OfContribution,
    RecordContribution,
    ResolveDispute,
    VoidContribution,
)
from shared.contracts.exchange import ContributionConfirmed
from shared.contracts.vocabulary import Outcome
from tests.services.exchange.counter import Counter, at, open_counter

pytestmark = pytest.mark.postgres
DUE = timedelta(days=14)
A_SECOND = timedelta(seconds=1)


def automatic(counter: Counter) -> AutomaticConfirmation:
    return AutomaticConfirmation(counter.pool, counter.store, counter.clock)


async def test_it_is_confirmed_fourteen_days_after_it_was_recorded(counter: Counter) -> None:
    given = await counter.given(occurred_at="2026-01-10T12:00:00Z")

    counter.clock.advance(DUE - A_SECOND)
    early = await automatic(counter).confirm_due()
    counter.clock.advance(A_SECOND)
    due = await automatic(counter).confirm_due()

    assert (early, due) == (0, 1)
    stored = await counter.store.read(f"contribution-{given}")
    assert isinstance(stored[-1].event, ContributionConfirmed)
    assert stored[-1].event.automatic
    assert stored[-1].recorded_at == counter.clock.now()
    assert await automatic(counter).confirm_due() == 0


async def test_a_restart_does_not_stop_the_clock(counter: Counter) -> None:
    given = await counter.given()
    again = await open_counter(counter.dsn)
    again.clock.advance(DUE)

    assert await automatic(again).confirm_due() == 1
    assert (await again.view(given)).status == "confirmed"
    await again.pool.close()


async def test_a_dispute_stops_the_clock_for_good(counter: Counter) -> None:
    given = await counter.given()
    await counter.send(
        DisputeContribution(contribution_id=given, by="bob", reason_code="wrong_day")
    )

    counter.clock.advance(10 * DUE)

    assert await automatic(counter).confirm_due() == 0
    await counter.send(ResolveDispute(contribution_id=given, by="bob", outcome=Outcome.REJECTED))
    assert (await counter.view(given)).status == "confirmed"


async def test_a_correction_does_not_move_the_day(counter: Counter) -> None:
    given = await counter.given()
    counter.clock.advance(DUE - A_SECOND)
    await counter.send(
        CorrectContribution(contribution_id=given, by="bob", changes=Changes(minutes=30))
    )

    counter.clock.advance(A_SECOND)

    assert await automatic(counter).confirm_due() == 1
    assert (await counter.act(given)).minutes == 30


@pytest.mark.parametrize("command", [ConfirmContribution, VoidContribution])
async def test_what_people_settled_is_not_confirmed_again(
    counter: Counter, command: type[OfContribution]
) -> None:
    given = await counter.given()
    fields = {} if command is ConfirmContribution else {"reason_code": "mistake"}
    await counter.send(command(contribution_id=given, by="bob", **fields))
    counter.clock.advance(DUE)

    assert await automatic(counter).confirm_due() == 0
    assert (await counter.view(given)).confirm_due_at is None


async def test_many_are_confirmed_in_batches(counter: Counter) -> None:
    bodies = [
        RecordContribution(service_id="library", giver_id="ann", occurred_at=at(1))
        for _ in range(260)
    ]
    await counter.send_all(bodies)
    counter.clock.advance(DUE)

    assert await automatic(counter).confirm_due() == 260
