"""Command handling on a real PostgreSQL: answers, repeats, refusals, batches and races."""

import asyncio

import asyncpg
import pytest
from msgspec.structs import replace

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.eventstore.handling import handle
from shared.eventstore.port import (
    Answer,
    KeyReused,
    Rejected,
    Settled,
    VersionMismatch,
)
from shared.eventstore.store import Pool, PostgresEventStore
from shared.log.partitioner import partition_of
from tests.shared.eventstore.provider import (
    close,
    key,
    link,
    note_in_private,
    project_agency,
    project_and_fail,
    project_nothing,
)

pytestmark = pytest.mark.postgres


async def one(store: PostgresEventStore, command: object) -> Answer | Exception:
    (outcome,) = await handle(store, [command], project_nothing)  # type: ignore[list-item]
    return outcome


async def test_an_accepted_command_is_answered_with_its_version_and_position(
    store: PostgresEventStore,
) -> None:
    answer = await one(store, link("s1", "o1"))

    where = f"registry.services.v1/{partition_of('s1', 16)}:1"
    assert answer == Answer(
        200,
        {"version": 1, "providers": ["o1"], "events": 1},
        {"ETag": '"1"', "Coprod-Position": where},
    )


async def test_what_is_already_in_effect_adds_nothing_and_has_no_position(
    store: PostgresEventStore,
) -> None:
    await one(store, link("s1", "o1"))

    answer = await one(store, link("s1", "o1"))

    assert answer == Answer(200, {"version": 1, "providers": ["o1"], "events": 0}, {"ETag": '"1"'})
    assert len(await store.read("service-s1")) == 1


async def test_the_same_key_gets_the_same_answer_though_the_state_moved_on(
    store: PostgresEventStore,
) -> None:
    first = await one(store, link("s1", "o1", idempotency=key("k")))
    await one(store, close("s1"))

    again = await one(store, link("s1", "o1", idempotency=key("k")))

    assert again == first
    assert len(await store.read("service-s1")) == 2


async def test_an_answer_survives_the_process_that_crashed_before_giving_it(
    store: PostgresEventStore, pool: Pool
) -> None:
    class Crash(Exception):
        pass

    def crash() -> None:
        raise Crash

    crashing = PostgresEventStore(pool, clock=store.clock, on_commit=crash)
    with pytest.raises(Crash):
        await one(crashing, link("s1", "o1", idempotency=key("k")))

    answer = await one(store, link("s1", "o1", idempotency=key("k")))

    assert isinstance(answer, Answer)
    assert answer.body["events"] == 1
    assert answer.headers["Coprod-Position"].endswith(":1")
    assert len(await store.read("service-s1")) == 1


async def test_the_same_key_with_another_request_is_refused(store: PostgresEventStore) -> None:
    await one(store, link("s1", "o1", idempotency=key("k", b"one")))

    outcome = await one(store, link("s1", "o2", idempotency=key("k", b"other")))

    assert isinstance(outcome, KeyReused)


async def test_the_same_key_in_two_scopes_is_two_keys(store: PostgresEventStore) -> None:
    await one(store, link("s1", "o1", idempotency=key("k", scope="/agencies/a/systems/s")))

    outcome = await one(
        store, link("s1", "o2", idempotency=key("k", scope="/agencies/b/systems/s"))
    )

    assert isinstance(outcome, Answer)
    assert outcome.body["version"] == 2


async def test_a_refusal_is_not_remembered(store: PostgresEventStore) -> None:
    await one(store, close("s1"))
    refused = await one(store, link("s1", "o1", idempotency=key("k")))

    other = await one(store, link("s2", "o1", idempotency=key("k", b"other")))

    assert isinstance(refused, Rejected)
    assert isinstance(other, Answer)


async def test_another_version_than_the_named_one_is_refused(store: PostgresEventStore) -> None:
    await one(store, link("s1", "o1"))

    outcome = await one(store, link("s1", "o2", expected_version={0}))

    assert isinstance(outcome, VersionMismatch)
    assert outcome.actual == 1


async def test_a_repeat_is_recognised_before_its_version_is_looked_at(
    store: PostgresEventStore,
) -> None:
    command = link("s1", "o1", idempotency=key("k"), expected_version={0})
    first = await one(store, command)

    assert await one(store, command) == first


async def test_a_batch_sees_its_own_effects_and_a_refusal_stops_no_other(
    store: PostgresEventStore,
) -> None:
    outcomes = await handle(
        store,
        [
            link("s1", "o1", idempotency=key("k1")),
            link("s1", "o1", idempotency=key("k1")),  # the sender repeats itself
            link("s1", "o2", idempotency=key("k1", b"other")),
            link("s1", "o2", expected_version={1}),
            close("s1"),
            link("s1", "o3"),
            link("s2", "o1"),
        ],
        project_nothing,
    )

    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert kinds == ["Answer", "Answer", "KeyReused", "Answer", "Answer", "Rejected", "Answer"]
    assert outcomes[0] == outcomes[1]
    assert [r.version for r in await store.read("service-s1")] == [1, 2, 3]
    assert sum((await store.heads()).values()) == 4


async def test_a_private_event_has_a_version_and_no_position(store: PostgresEventStore) -> None:
    outcomes = await handle(store, [note_in_private("s1"), link("s1", "o1")], project_nothing)

    private, published = await store.read("service-s1")
    assert (private.version, private.topic, private.position) == (1, None, None)
    assert (published.version, published.position) == (2, 1)
    assert isinstance(outcomes[0], Answer)
    assert "Coprod-Position" not in outcomes[0].headers


async def test_read_models_change_with_their_events_or_not_at_all(
    store: PostgresEventStore, pool: Pool
) -> None:
    for command in (link("s1", "o1", idempotency=key("k")), note_in_private("s1")):
        with pytest.raises(asyncpg.CaseNotFoundError):
            await handle(store, [command], project_and_fail)

    assert await store.read("service-s1") == []
    assert await pool.fetch("SELECT FROM agency") == []
    assert await pool.fetch("SELECT FROM stream") == []
    await handle(store, [link("s1", "o1", idempotency=key("k"))], project_agency)
    assert len(await pool.fetch("SELECT FROM agency")) == 1
    assert list((await store.heads()).values()) == [1]  # the failed attempt left no hole


async def test_an_event_in_the_wrong_topic_is_a_programming_error(
    store: PostgresEventStore,
) -> None:
    command = link("s1", "o1")
    misplaced = replace(command, stream=replace(command.stream, topic=EXCHANGE_ACTIVITY))

    with pytest.raises(ValueError, match="does not belong"):
        await one(store, misplaced)


async def test_of_the_same_command_sent_many_times_at_once_one_takes_effect(
    store: PostgresEventStore,
) -> None:
    commands = [link("s1", "o1", idempotency=key("k")) for _ in range(12)]

    answers = await asyncio.gather(*(one(store, command) for command in commands))

    assert all(answer == answers[0] for answer in answers)
    assert len(await store.read("service-s1")) == 1


async def test_many_writers_at_one_stream_all_get_through(store: PostgresEventStore) -> None:
    commands = [link("s1", f"o{number}") for number in range(12)]

    answers = await asyncio.gather(*(one(store, command) for command in commands))

    assert all(isinstance(answer, Answer) for answer in answers)
    assert [r.version for r in await store.read("service-s1")] == list(range(1, 13))


async def test_what_is_settled_is_answered_without_its_stream_or_as_it_was_before(
    store: PostgresEventStore,
) -> None:
    settled = Settled("service-s1", 7, Answer(200, {"version": 7}), key("k"))

    assert await one(store, settled) == settled.answer
    first = await one(store, link("s1", "o1", idempotency=key("k")))  # what added nothing is free
    assert await one(store, settled) == first
    other = replace(settled, idempotency=key("k", b"another request"))
    assert isinstance(await one(store, other), KeyReused)
    assert len(await store.read("service-s1")) == 1


async def test_nothing_is_remembered_of_a_command_that_changed_nothing(
    store: PostgresEventStore, pool: Pool
) -> None:
    await one(store, link("s1", "o1"))

    for number in range(3):
        await one(store, link("s1", "o1", idempotency=key(f"k{number}")))
    settled = Settled("service-s1", 1, Answer(200, {}), key("settled"))
    await one(store, settled)

    assert await pool.fetchval("SELECT count(*) FROM idempotency") == 0
