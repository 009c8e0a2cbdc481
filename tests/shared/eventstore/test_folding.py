"""A long stream is folded once, and from then on only what came since is read."""

from collections.abc import Callable, Sequence
from typing import cast

import asyncpg
import pytest
from msgspec.structs import replace

from shared.contracts.vocabulary import Message
from shared.eventstore.folding import LONG_FROM, Fold, Folded, StreamCache
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Command, Connection, StreamFull
from shared.eventstore.store import EVENTS_PAGE, Pool, PostgresEventStore, Session
from tests.shared.eventstore.provider import State, close, evolve, link, project_nothing

pytestmark = pytest.mark.postgres
STREAM = "service-s1"


class Counting:
    """Folds as the aggregate does, and counts the events."""

    def __init__(self) -> None:
        self.events = 0

    def evolve(self, state: State, event: Message) -> State:
        self.events += 1
        return evolve(state, event)

    def __call__(self, names: Sequence[str]) -> list[Command[State]]:
        return [replace(link("s1", name), evolve=self.evolve) for name in names]


async def linked(store: PostgresEventStore, commands: Sequence[Command[State]]) -> int:
    """Store the commands and return the version that the last one was told."""
    outcome = (await handle(store, commands, project_nothing))[-1]
    assert isinstance(outcome, Answer), outcome
    return int(outcome.body["version"])


def names(first: int, last: int) -> list[str]:
    return [f"o{number}" for number in range(first, last)]


async def test_each_event_is_folded_once_however_many_commands_follow(
    store: PostgresEventStore,
) -> None:
    counted = Counting()
    length = 3 * LONG_FROM

    for first in range(0, length, LONG_FROM):
        assert await linked(store, counted(names(first, first + LONG_FROM))) == first + LONG_FROM
    for number in range(length, length + 10):
        assert await linked(store, counted(names(number, number + 1))) == number + 1

    assert counted.events == length + 10


async def test_a_stream_of_many_pages_is_read_to_its_end_by_who_sees_it_first(
    store: PostgresEventStore, pool: Pool
) -> None:
    length = 2 * EVENTS_PAGE + 1
    for first in range(0, length, 500):
        await linked(store, [link("s1", name) for name in names(first, min(first + 500, length))])

    other = PostgresEventStore(pool, clock=store.clock)

    assert await linked(other, [link("s1", "another")]) == length + 1
    folded = (await other.folded({STREAM: Fold(State(), evolve)}))[STREAM]
    assert folded.state.providers == {*names(0, length), "another"}
    assert [one.version for one in await store.read(STREAM)] == list(range(1, length + 2))


async def test_what_others_added_is_seen(store: PostgresEventStore, pool: Pool) -> None:
    other = PostgresEventStore(pool, clock=store.clock)
    await linked(store, [link("s1", name) for name in names(0, LONG_FROM)])
    await linked(other, [link("s1", "theirs")])

    assert await linked(store, [link("s1", "theirs")]) == LONG_FROM + 1  # quiet: it is linked
    assert await linked(store, [link("s1", "ours")]) == LONG_FROM + 2


async def test_what_was_kept_of_another_database_is_forgotten(
    store: PostgresEventStore, pool: Pool, fresh_database: Callable[[str], str]
) -> None:
    await linked(store, [link("s1", name) for name in names(0, LONG_FROM)])
    kept, folds = StreamCache(), {STREAM: Fold(State(), evolve)}
    async with pool.acquire() as connection:
        await Session(cast("Connection", connection), kept).known(folds)
    assert kept.of(folds)

    restored = await asyncpg.connect(fresh_database("registry"))
    known = await Session(restored, kept).known(folds)
    await restored.close()

    assert (known.streams[STREAM].version, known.streams[STREAM].state) == (0, State())


def test_only_those_used_last_are_kept() -> None:
    kept = StreamCache(streams_max=2)
    folds = {name: Fold(State(), evolve) for name in ("a", "b", "c", "short")}
    for name, fold in folds.items():
        kept.keep(name, Folded(fold, State(), 1 if name == "short" else LONG_FROM))

    assert kept.of(folds).keys() == {"b", "c"}  # and a short one costs nothing to read


async def test_a_full_stream_takes_nothing_but_what_ends_it(store: PostgresEventStore) -> None:
    commands = [replace(link("s1", name), events_max=3) for name in names(0, 5)]

    outcomes = await handle(store, [*commands, close("s1")], project_nothing)

    assert [type(one) for one in outcomes] == [*[Answer] * 3, *[StreamFull] * 2, Answer]
    assert len(await store.read(STREAM)) == 4
