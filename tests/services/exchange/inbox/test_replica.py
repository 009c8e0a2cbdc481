"""The copy of registry that exchange decides on, folded from registry's events."""

from datetime import date

import pytest

from services.exchange.directory.lookup import DirectoryLookup, DirectoryNeeds
from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    RoleEnded,
    RoleStartMoved,
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import ParticipantKind, Party
from tests.services.exchange.builders import START
from tests.services.exchange.counter import Counter, put, put_late, registered, role

pytestmark = pytest.mark.postgres
JUNE = date(2026, 6, 1)


async def test_a_service_is_what_was_said_of_it_last(counter: Counter) -> None:
    said = {"service_id": "library"}
    await put(
        counter.pool,
        ServiceDescribed(**said, name="Books", starts_on=date(2025, 6, 1)),
        ServiceProviderLinked(**said, organisation_id="club"),
        ServiceProviderLinked(**said, organisation_id="choir"),
        ServiceProviderUnlinked(**said, organisation_id="club"),
        ServiceClosed(**said, closed_on=JUNE),
    )

    known = await DirectoryLookup(counter.pool).answer(DirectoryNeeds(services={"library"}))

    library = known.services["library"]
    assert (library.starts_on, library.closed_on) == (date(2025, 6, 1), JUNE)
    assert library.providers == {"local", "choir"}


async def test_periods_follow_each_other(counter: Counter) -> None:
    ended = RoleEnded(
        service_id="library",
        participant_id="ann",
        participant_kind=ParticipantKind.PERSON,
        party=Party.USER,
        until=date(2026, 2, 28),
    )
    moved = RoleStartMoved(
        service_id="library",
        participant_id="ann",
        participant_kind=ParticipantKind.PERSON,
        party=Party.USER,
        since_before=START,
        since=date(2025, 12, 1),
    )
    await put(
        counter.pool, ended, role("library", "ann", Party.PROFESSIONAL, date(2026, 3, 1)), moved
    )

    questions = DirectoryNeeds()
    questions.presence("library", "ann")
    known = await DirectoryLookup(counter.pool).answer(questions)

    periods = sorted((each.since, each.until, each.party) for each in known.roles["library", "ann"])
    assert periods == [
        (date(2025, 12, 1), date(2026, 2, 28), Party.USER),
        (date(2026, 3, 1), None, Party.PROFESSIONAL),
    ]


async def test_a_participant_is_known_by_a_role_before_their_own_topic_comes(
    counter: Counter,
) -> None:
    await put(counter.pool, role("library", "eve", Party.USER))
    await put(counter.pool, registered("eve"))

    assert await counter.given(giver_id="eve")


async def test_what_comes_late_is_told_with_all_that_was_said_before_and_since(
    counter: Counter,
) -> None:
    """A role began, ended and began again; its first beginning waited in quarantine."""
    again = role("library", "eve", Party.USER, date(2026, 3, 1))
    ended = RoleEnded(
        service_id="library",
        participant_id="eve",
        participant_kind=ParticipantKind.PERSON,
        party=Party.USER,
        until=date(2026, 2, 1),
    )
    newer = ServiceDescribed(service_id="library", name="New", starts_on=date(2025, 6, 1))
    await put(counter.pool, newer, ended, again)
    late = role("library", "eve", Party.USER, date(2026, 1, 1))
    registration = ServiceRegistered(
        service_id="library", agency_ids=("local",), name="Old", starts_on=START
    )

    await put_late(counter.pool, "library", [registration, newer, late, ended, again])

    questions = DirectoryNeeds(services={"library"})
    questions.presence("library", "eve")
    known = await DirectoryLookup(counter.pool).answer(questions)
    periods = sorted((each.since, each.until) for each in known.roles["library", "eve"])
    assert periods == [(date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 3, 1), None)]
    assert known.services["library"].starts_on == date(2025, 6, 1)


async def test_affiliations_end(counter: Counter) -> None:
    belongs = {"participant_id": "pat", "organisation_id": "club"}
    await put(
        counter.pool,
        AffiliationDeclared(**belongs, employed=True, since=START),
        AffiliationEnded(**belongs, until=date(2026, 2, 1)),
    )

    then = await counter.act(
        await counter.given(giver_id="pat", occurred_at="2026-02-01T23:00:00Z")
    )
    since = await counter.act(
        await counter.given(giver_id="pat", occurred_at="2026-02-02T01:00:00Z")
    )

    assert (then.giver_org, then.giver_in_provider_org) == ("club", False)
    assert (since.giver_org, since.giver_in_provider_org) == (None, True)


async def test_the_same_events_twice_leave_the_same_directory(counter: Counter) -> None:
    said = [role("library", "eve", Party.USER), registered("eve")]
    await put(counter.pool, *said)
    questions = DirectoryNeeds()
    questions.presence("library", "eve")
    before = await DirectoryLookup(counter.pool).answer(questions)

    await put(counter.pool, *said)

    assert await DirectoryLookup(counter.pool).answer(questions) == before


async def test_a_group_is_a_group_whichever_list_names_it(counter: Counter) -> None:
    await put(counter.pool, registered("choir", ParticipantKind.GROUP))

    act = await counter.act(await counter.given(receivers=["choir"], receiver_groups=["bob"]))

    assert act.receiver_groups == ("choir",)
    assert [each.participant_id for each in act.receivers] == ["bob"]
