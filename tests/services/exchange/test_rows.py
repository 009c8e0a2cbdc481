"""Rows of an agency's own system, brought in again and again, on a real database."""

import asyncio

import pytest

from services.exchange.request import VoidContribution
from shared.contracts.registry import ServiceRegistered
from shared.contracts.vocabulary import Party
from shared.eventstore.port import Answer, KeyReused, Rejected
from tests.services.exchange.builders import START
from tests.services.exchange.counter import Counter, at, contribution, order, put, role, row

pytestmark = pytest.mark.postgres
RECORDED, CONFIRMED = "contribution.recorded", "contribution.confirmed"
SERVICES_OF_STREAMS = """
SELECT stream_id, count(DISTINCT service) AS services
FROM event CROSS JOIN LATERAL regexp_matches(
    convert_from(data, 'utf8'), '"service_id":"([a-z]+)"', 'g'
) AS found (service)
GROUP BY stream_id
"""


async def effects(counter: Counter, *rows: object, **context: str) -> list[str]:
    outcomes = await counter.send_all(list(rows), **context)  # type: ignore[arg-type]
    return [
        one.body["effect"] if isinstance(one, Answer) else str(getattr(one, "reason", one))
        for one in outcomes
    ]


async def test_a_row_is_the_same_however_the_letters_of_its_ids_are_composed(
    counter: Counter,
) -> None:
    composed = row(local_id="caf\u00e9", episode_local_id="\u00e9t\u00e9")
    decomposed = row(local_id="cafe\u0301", episode_local_id="e\u0301te\u0301")

    assert await effects(counter, composed, decomposed) == ["recorded", "unchanged"]


async def test_the_same_rows_twice_change_nothing(counter: Counter) -> None:
    rows = [row(local_id=str(n), minutes=n) for n in range(1, 21)]

    assert await effects(counter, *rows) == ["recorded"] * 20
    before = await counter.events()
    assert await effects(counter, *rows) == ["unchanged"] * 20
    assert await counter.events() == before


async def test_an_edited_row_becomes_one_correction(counter: Counter) -> None:
    await counter.send(row())

    assert await effects(counter, row(minutes=90)) == ["corrected"]
    assert await effects(counter, row(minutes=90)) == ["unchanged"]
    assert await counter.events() == [RECORDED, CONFIRMED, "contribution.corrected"]


async def test_ids_are_scoped_by_agency_and_do_not_reach_the_log(counter: Counter) -> None:
    here = await counter.done(row(local_id="case-4711", episode_local_id="case-4711"))
    there = await counter.done(
        row(local_id="case-4711", episode_local_id="case-4711"), agency="north"
    )

    assert here["contribution_id"] != there["contribution_id"]
    assert (await counter.act(here["contribution_id"])).episode_id
    stored = await counter.pool.fetch("SELECT data, subject, stream_id FROM event")
    assert not [found for found in stored if "4711" in str(dict(found))]


async def test_a_row_that_moves_is_voided_there_and_recorded_here(counter: Counter) -> None:
    first = await counter.done(row())

    moved = await counter.done(row(service_id="garden"))
    again = await counter.done(row(service_id="garden"))
    back = await counter.done(row())

    assert [one["effect"] for one in (moved, again, back)] == ["moved", "unchanged", "moved"]
    ids = [one["contribution_id"] for one in (first, moved, back)]
    assert len(set(ids)) == 3
    statuses = [(await counter.view(each)).status for each in ids]
    assert statuses == ["voided", "voided", "confirmed"]


async def test_a_row_may_move_twice_within_one_batch(counter: Counter) -> None:
    told = await effects(counter, row(), row(service_id="garden"), row())

    assert told == ["recorded", "moved", "moved"]
    assert await effects(counter, row()) == ["unchanged"]


async def test_an_older_revision_changes_nothing_even_if_it_is_of_another_service(
    counter: Counter,
) -> None:
    await counter.send(row(service_id="garden", revised_at=at(1, 11)))

    assert await effects(counter, row(revised_at=at(1, 10), minutes=5)) == ["stale"]
    assert await effects(counter, row(revised_at=at(1, 12), service_id="garden")) == ["unchanged"]
    assert await effects(counter, row(revised_at=at(1, 11))) == ["stale"]
    assert await effects(counter, row(revised_at=at(1, 13))) == ["moved"]


async def test_revisions_in_one_batch_apply_in_order(counter: Counter) -> None:
    rows = [row(minutes=n, revised_at=at(1, n)) for n in (1, 3, 2)]

    assert await effects(counter, *rows) == ["recorded", "corrected", "stale"]


async def test_a_status_that_cannot_be_reached_stops_no_other_row(counter: Counter) -> None:
    await counter.send(row(status="voided"))

    told = await effects(counter, row(), row(local_id="row-2"))

    assert told == ["status_unreachable", "recorded"]


async def test_a_key_is_answered_again_also_for_a_row_that_has_moved_since(
    counter: Counter,
) -> None:
    await counter.send(row())
    moved = await counter.send(row(service_id="garden"), key="k")
    await counter.send(row())

    again = await counter.send(row(service_id="garden"), key="k")
    other = await counter.send(row(service_id="garden", minutes=5), key="k")

    assert isinstance(moved, Answer)
    assert isinstance(again, Answer)
    assert again.body == moved.body
    assert isinstance(other, KeyReused)
    assert await effects(counter, row()) == ["unchanged"]


async def test_another_party_than_registrys_is_refused(counter: Counter) -> None:
    refused = await counter.send(row(giver_party="professional"))

    assert isinstance(refused, Rejected)
    assert refused.reason == "giver_party_differs"


async def test_two_imports_of_the_same_rows_at_once_record_each_once(counter: Counter) -> None:
    rows = [row(local_id=str(n)) for n in range(100)]

    told = await asyncio.gather(*(effects(counter, *rows) for _ in range(3)))

    for of_one_row in zip(*told, strict=True):
        assert sorted(of_one_row) == ["recorded", "unchanged", "unchanged"]
    assert (await counter.events()).count(RECORDED) == 100


async def test_rows_on_people_not_known_stop_no_other_row(counter: Counter) -> None:
    rows = [row(local_id=str(n), giver_id="ann" if n % 2 else "nobody") for n in range(250)]

    told = await effects(counter, *rows)

    assert [told.count(each) for each in ("recorded", "unknown_participant")] == [125, 125]


async def test_imports_at_once_that_disagree_on_the_service_leave_each_row_in_one(
    counter: Counter,
) -> None:
    yard = ServiceRegistered(service_id="yard", agency_ids=("local",), name="yard", starts_on=START)
    await put(counter.pool, yard, role("yard", "ann", Party.USER))
    await effects(counter, *(row(local_id=str(n)) for n in range(0, 40, 2)))

    for services in (("library", "garden"), ("garden", "yard"), ("yard", "library", "garden")):
        await asyncio.gather(
            *(
                effects(counter, *(row(local_id=str(n), service_id=where) for n in range(40)))
                for where in services
            )
        )
        held = await counter.pool.fetch(
            "SELECT service_id, status FROM contribution WHERE status <> 'voided'"
        )
        assert len(held) == 40
        assert {each["service_id"] for each in held} <= set(services)

    stored = await counter.pool.fetch("SELECT key, convert_from(data, 'utf8') AS data FROM event")
    for each in stored:
        assert f'"service_id":"{each["key"]}"' in each["data"] or "service_id" not in each["data"]
    acts = await counter.pool.fetch(SERVICES_OF_STREAMS)
    assert not [each["stream_id"] for each in acts if each["services"] > 1]


async def test_a_row_after_the_repeat_of_a_move_leaves_where_it_stands(counter: Counter) -> None:
    for number, where in enumerate(("library", "garden", "library")):
        await counter.send(row(service_id=where), key=f"k{number}")

    repeat, edited = await counter.desk.submit(
        [
            order(row(service_id="garden"), key="k1"),
            order(row(service_id="garden", minutes=5), key="k3"),
        ]
    )

    assert isinstance(repeat, Answer)
    assert isinstance(edited, Answer)
    assert edited.body["effect"] == "moved"
    held = await counter.pool.fetch(
        "SELECT service_id, minutes FROM contribution WHERE status <> 'voided'"
    )
    assert [tuple(each) for each in held] == [("garden", 5)]


async def test_what_one_batch_does_to_a_row_beside_stops_no_other(counter: Counter) -> None:
    first = await counter.done(row())
    void = VoidContribution(
        contribution_id=first["contribution_id"], by="pat", reason_code="mistake"
    )
    record = contribution(local_id="row-2", service_id="garden")

    told = await counter.send_all([void, row(), record, row(local_id="row-2"), row(local_id="3")])

    assert isinstance(told[3], Rejected)
    assert told[3].reason == "already_recorded"
    effects_told = [one.body.get("effect") for one in told if isinstance(one, Answer)]
    assert effects_told == [None, "unchanged", None, "recorded"]
