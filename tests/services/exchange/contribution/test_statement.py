"""What a row said last spares reading its events, and never changes what it is told."""

from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from services.exchange.contribution import life
from services.exchange.contribution import rules as contribution
from services.exchange.contribution.bodies import (
    Changes,
    ConfirmContribution,
    CorrectContribution,
    DisputeContribution,
    ResolveDispute,
    RetractContribution,
    VoidContribution,
)
from services.exchange.contribution.statement import digest_of
from shared.eventstore.port import Answer
from shared.http.strict import StrictModel
from tests.services.exchange.builders import act
from tests.services.exchange.counter import Counter, at, open_counter, put, row, town

FORGET = "UPDATE contribution SET stated_digest = NULL"
STATEMENTS = """
SELECT contribution_id, version, revised_at, stated_status, stated_digest FROM contribution
"""
ROWS = ("1", "2")


@pytest.fixture
async def forgetful(fresh_database: Callable[[str], str]) -> AsyncIterator[Counter]:
    """A counter in another town, which knows every row by its events alone."""
    counter = await open_counter(fresh_database("exchange"))
    await put(counter.pool, *town())
    yield counter
    await counter.pool.close()


def test_acts_that_say_the_same_have_the_same_digest() -> None:
    assert digest_of(act()) == digest_of(act(recorded_by="yan", contribution_id="c-2"))
    assert digest_of(act()) != digest_of(act(minutes=61))
    assert digest_of(act(minutes=None)) != digest_of(act())


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(4))
async def test_rows_are_told_the_same_with_and_without_it(
    counter: Counter, forgetful: Counter, seed: int
) -> None:
    script = Random(seed)
    for _ in range(25):
        steps = [_step(script) for _ in range(script.randint(1, 3))]
        await forgetful.pool.execute(FORGET)

        assert await _told(counter, steps) == await _told(forgetful, steps)

    assert await counter.events() == await forgetful.events()
    for kept in await counter.pool.fetch(STATEMENTS):
        state, version = await _folded(counter, kept["contribution_id"])
        assert not isinstance(state, life.Unknown)
        said = state.stated
        status = "gone" if said.gone else said.status
        expected = (version, said.revised_at, status, said.act and digest_of(said.act))
        assert tuple(kept)[1:] == expected


async def _folded(counter: Counter, contribution_id: str) -> tuple[life.State, int]:
    state = life.INITIAL
    recorded = await counter.store.read(contribution.stream_id(contribution_id))
    for one in recorded:
        state = life.evolve(state, one.event)
    return state, len(recorded)


async def _told(counter: Counter, steps: list[Callable[[dict[str, str]], StrictModel]]) -> Any:
    """Send the steps at once; return what each was told, without the ids of this town."""
    ids = dict.fromkeys(ROWS, "nobody-s")
    ids.update(zip(ROWS, await _present(counter), strict=False))
    outcomes = await counter.send_all([step(ids) for step in steps])
    return [
        (one.body.get("effect"), one.body.get("status"), one.body["version"], one.headers)
        if isinstance(one, Answer)
        else str(getattr(one, "reason", one))
        for one in outcomes
    ]


async def _present(counter: Counter) -> list[str]:
    rows = await counter.pool.fetch(
        "SELECT contribution_id FROM contribution WHERE status <> 'voided' ORDER BY giver_id"
    )
    return [kept["contribution_id"] for kept in rows]


def _step(script: Random) -> Callable[[dict[str, str]], StrictModel]:
    name, hour = script.choice(ROWS), script.choice([None, None, 3, 4, 5])
    said = {
        "local_id": name,
        "giver_id": "ann" if name == "1" else "bob",
        "giver_party": None,
        "minutes": script.choice([10, 10, 10, 20]),
        "service_id": script.choice(["library"] * 9 + ["garden"]),
        "status": script.choice(["confirmed"] * 6 + ["recorded", "disputed", "voided"]),
        "revised_at": None if hour is None else at(1, hour),
    }
    changes = Changes(minutes=script.choice([10, 20, 30]))
    people: list[Callable[[str], StrictModel]] = [
        lambda found: ConfirmContribution(contribution_id=found, by="pat"),
        lambda found: DisputeContribution(contribution_id=found, by="pat", reason_code="doubt"),
        lambda found: CorrectContribution(contribution_id=found, by="pat", changes=changes),
        lambda found: ResolveDispute(contribution_id=found, by="pat", outcome="rejected"),
        lambda found: VoidContribution(contribution_id=found, by="pat", reason_code="no"),
    ]
    by_people = script.choice(people)
    if script.random() < 0.2:
        del said[script.choice(["status", "minutes"])]
    if script.random() < 0.05:
        return lambda _: RetractContribution(local_id=name)
    if script.random() < 0.7:
        return lambda _: row(**said)
    return lambda ids: by_people(ids[name])
