"""Rows of an agency's own system, brought in again and again, on a real database."""

import asyncio

import pytest

from services.exchange.contribution.bodies import (
    RetractContribution,
    SynchroniseContribution,
    VoidContribution,
)
from services.exchange.directory.answer import DirectoryAnswer, Participant, Role
from shared.contracts.exchange import ContributionRecorded, DirectoryPosition
from shared.contracts.registry import ServiceRegistered
from shared.contracts.vocabulary import ParticipantKind, Party
from shared.eventstore.port import Answer, KeyReused, Rejected
from tests.services.exchange.builders import START
from tests.services.exchange.counter import Counter, at, contribution, put, role, row, submission

pytestmark = pytest.mark.postgres
SEEN = DirectoryPosition(topic="registry.participants.v1", partition=0, position=0)
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

    moved = await counter.done(row(service_id="garden", move=True))
    again = await counter.done(row(service_id="garden"))
    back = await counter.done(row(move=True))

    assert [one["effect"] for one in (moved, again, back)] == ["moved", "unchanged", "moved"]
    ids = [one["contribution_id"] for one in (first, moved, back)]
    assert len(set(ids)) == 3
    statuses = [(await counter.view(each)).status for each in ids]
    assert statuses == ["voided", "voided", "confirmed"]


async def test_a_row_may_move_twice_within_one_batch(counter: Counter) -> None:
    told = await effects(counter, row(), row(service_id="garden", move=True), row(move=True))

    assert told == ["recorded", "moved", "moved"]
    assert await effects(counter, row()) == ["unchanged"]


async def test_an_older_revision_changes_nothing_even_if_it_is_of_another_service(
    counter: Counter,
) -> None:
    await counter.send(row(service_id="garden", revised_at=at(1, 11)))

    assert await effects(counter, row(revised_at=at(1, 10), minutes=5)) == ["stale"]
    assert await effects(counter, row(revised_at=at(1, 12), service_id="garden")) == ["unchanged"]
    assert await effects(counter, row(revised_at=at(1, 11))) == ["stale"]
    assert await effects(counter, row(revised_at=at(1, 13), move=True)) == ["moved"]


async def test_revisions_in_one_batch_apply_in_order(counter: Counter) -> None:
    rows = [row(minutes=n, revised_at=at(1, n)) for n in (1, 3, 2)]

    assert await effects(counter, *rows) == ["recorded", "corrected", "stale"]


async def test_a_status_that_cannot_be_reached_stops_no_other_row(counter: Counter) -> None:
    first = await counter.done(row(status="recorded"))
    void = VoidContribution(
        contribution_id=first["contribution_id"], by="pat", reason_code="mistake"
    )
    await counter.send(void)

    told = await effects(counter, row(status="confirmed"), row(local_id="row-2"))

    assert told == ["status_unreachable", "recorded"]


async def test_a_key_is_answered_again_also_for_a_row_that_has_moved_since(
    counter: Counter,
) -> None:
    await counter.send(row())
    moved = await counter.send(row(service_id="garden", move=True), key="k")
    await counter.send(row(move=True))

    again = await counter.send(row(service_id="garden", move=True), key="k")
    other = await counter.send(row(service_id="garden", move=True, minutes=5), key="k")

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
                effects(
                    counter,
                    *(row(local_id=str(n), service_id=where, move=True) for n in range(40)),
                )
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
        await counter.send(row(service_id=where, move=True), key=f"k{number}")

    repeat, edited = await counter.commands.submit(
        [
            submission(row(service_id="garden", move=True), key="k1"),
            submission(row(service_id="garden", move=True, minutes=5), key="k3"),
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


async def test_a_row_never_moves_unless_its_sender_says_so(counter: Counter) -> None:
    first = await counter.done(row())

    assert await effects(counter, row(service_id="garden", minutes=5)) == [
        "stands_in_another_service"
    ]

    assert await effects(counter, row()) == ["unchanged"]
    assert (await counter.view(first["contribution_id"])).status == "confirmed"


async def test_a_row_after_a_newer_one_that_was_refused_takes_no_stream_to_another_service(
    counter: Counter,
) -> None:
    first = await counter.done(row(revised_at=at(1, 11)))
    refused = row(revised_at=at(1, 15), status="recorded")
    moving = row(revised_at=at(1, 13), service_id="garden", move=True)

    told = await effects(counter, refused, moving)

    assert told == ["status_unreachable", "stands_in_another_service"]
    assert (await counter.view(first["contribution_id"])).act.service_id == "library"
    assert await effects(counter, moving) == ["moved"]


async def test_an_id_is_unique_in_what_its_sender_says(counter: Counter) -> None:
    rows = [row(id_scope=scope, minutes=n) for n, scope in enumerate((None, "2024", "2025"), 1)]

    assert await effects(counter, *rows) == ["recorded"] * 3
    assert await effects(counter, *rows) == ["unchanged"] * 3
    stands = (
        await counter.contributions.standing("library", "/agencies/local/systems/file", None, 9)
    ).items
    assert {(one.id_scope, one.local_id, one.minutes) for one in stands} == {
        (None, "row-1", 1),
        ("2024", "row-1", 2),
        ("2025", "row-1", 3),
    }


async def test_a_row_that_came_before_without_a_scope_is_not_another_act_with_one(
    counter: Counter,
) -> None:
    await counter.send(row())

    told = await effects(counter, row(id_scope="2026"), row(id_scope="2026", minutes=5))

    assert told == ["stands_without_scope", "recorded"]


@pytest.mark.parametrize("before", ["status", "retract"])
async def test_what_its_system_voided_and_gives_again_is_a_new_act_that_names_the_old_one(
    counter: Counter, before: str
) -> None:
    first = await counter.done(row(minutes=10))
    gone = row(status="voided") if before == "status" else RetractContribution(local_id="row-1")
    assert await effects(counter, gone) == ["voided"]

    told = await effects(counter, row(status="confirmed"), row(status="confirmed"))

    assert told == ["restored", "unchanged"]
    (stands,) = (
        await counter.contributions.standing("library", "/agencies/local/systems/file", None, 9)
    ).items
    assert stands.contribution_id != first["contribution_id"]
    (recorded, *_) = await counter.store.read(f"contribution-{stands.contribution_id}")
    assert isinstance(recorded.event, ContributionRecorded)
    assert recorded.event.replaces == first["contribution_id"]
    assert await effects(counter, row(status="voided"), row(status="recorded")) == [
        "voided",
        "restored",
    ]


async def test_a_row_that_is_silent_on_its_status_comes_back_only_if_it_was_gone(
    counter: Counter,
) -> None:
    await counter.send_all([row(), row(local_id="2")])
    await counter.send_all([row(status="voided"), RetractContribution(local_id="2")])

    assert await effects(counter, row(), row(local_id="2")) == ["unchanged", "restored"]


async def test_what_people_voided_stays_void_whoever_gives_it_again(counter: Counter) -> None:
    first = await counter.done(row())
    void = VoidContribution(
        contribution_id=first["contribution_id"], by="pat", reason_code="mistake"
    )
    await counter.send(void)

    assert (
        await effects(counter, row(), RetractContribution(local_id="row-1"), row())
        == ["unchanged"] * 3
    )
    assert await effects(counter, RetractContribution(local_id="x")) == ["unknown_contribution"]


SAID = {
    "minutes": 60,
    "receivers": ("bob",),
    "phase": "deliver",
    "mode": "act",
    "kind": "care",
    "scope": "individual",
    "stage": "prevention",
    "knowledge": "lived",
    "episode_local_id": "case-1",
    "channel": "paper",
    "organisation_id": "org-x",
    "status": "disputed",
}
NEEDED = {
    "local_id": "row-1",
    "service_id": "library",
    "giver_id": "ann",
    "occurred_at": at(1),
}


@pytest.mark.parametrize("name", SAID)
async def test_what_a_row_leaves_out_stays_and_what_it_nulls_goes(
    counter: Counter, name: str
) -> None:
    first = await counter.done(SynchroniseContribution(**NEEDED | SAID))
    before = (await counter.view(first["contribution_id"])).act
    fewer = {other: value for other, value in SAID.items() if other != name}

    silent = await effects(counter, SynchroniseContribution(**NEEDED | fewer))
    edited = await effects(counter, SynchroniseContribution(**NEEDED | fewer | {"minutes": 5}))

    act = (await counter.view(first["contribution_id"])).act
    assert silent == ["unchanged"]
    assert edited == ["corrected"]
    assert act == before.model_copy(update={"minutes": 5, "directory": act.directory})
    nothing = () if name == "receivers" else None
    taken = await effects(
        counter, SynchroniseContribution(**NEEDED | fewer | {"minutes": 5, name: nothing})
    )
    assert taken == ["status_changed" if name == "status" else "corrected"]


async def test_a_receivers_party_is_held_to_registrys(counter: Counter) -> None:
    told = await effects(
        counter,
        row(receivers=("bob",), receiver_party="family_social"),
        row(local_id="2", receivers=("bob",), receiver_party="user"),
    )

    assert told == ["recorded", "receiver_party_differs"]


async def test_a_preview_says_what_would_happen_and_stores_nothing(counter: Counter) -> None:
    await counter.send_all([row(), row(local_id="2"), row(local_id="3")])
    await counter.send(row(local_id="3", status="voided"))
    before = await counter.events()
    newcomer = Participant("newcomer", ParticipantKind.PERSON, (), SEEN)
    assumed = DirectoryAnswer(
        participants={"newcomer": newcomer},
        roles={("library", "newcomer"): (Role(Party.USER, START, None),)},
    )
    rows = [
        row(),
        row(minutes=5),
        row(local_id="2", service_id="garden", move=True),
        row(local_id="2", minutes=1),
        row(local_id="3", status="confirmed"),
        row(local_id="4", giver_id="newcomer"),
        row(local_id="4", giver_id="newcomer", minutes=3),
        row(local_id="5", giver_id="nobody"),
    ]

    outlooks = await counter.commands.foresee([submission(one) for one in rows], assumed)
    standing = await counter.commands.foresee(
        [submission(one) for one in rows], assumed, standing_only=True
    )

    assert [
        (
            one.foreseen.outcome.body["effect"]
            if isinstance(one.foreseen.outcome, Answer)
            else str(getattr(one.foreseen.outcome, "reason", one)),
            one.stands,
            one.foreseen.events,
        )
        for one in outlooks
        if one.foreseen is not None
    ] == [
        ("unchanged", True, 0),
        ("corrected", True, 1),
        ("moved", True, 2),
        ("stands_in_another_service", True, 0),
        ("restored", True, 2),
        ("recorded", False, 2),
        ("corrected", False, 1),
        ("unknown_participant", False, 0),
    ]
    assert [one.foreseen is not None for one in standing] == [True] * 5 + [False] * 3
    assert await counter.events() == before


async def test_a_correction_names_what_it_changes(counter: Counter) -> None:
    await counter.send(row())

    told = await counter.done(row(minutes=90, occurred_at=at(2)))

    assert told["changes"] == ["minutes", "occurred_at"]
