"""What exchange adds to what somebody says they gave, and what it refuses to believe."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.exchange.contribution import enrichment
from services.exchange.contribution.enrichment import draft_of, enrich, organisation_named
from services.exchange.directory import admission
from services.exchange.directory.answer import Affiliation, DirectoryAnswer, Role
from shared.contracts.exchange import Receiver
from shared.contracts.vocabulary import ParticipantKind, Party, Phase
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, START, directory, draft, person, service

NOW = NOON + timedelta(hours=1)
A_DAY = timedelta(days=1)


def test_an_act_carries_who_the_giver_was_on_that_day() -> None:
    switched = directory(
        roles={
            ("library", "ann"): (
                Role(Party.PROFESSIONAL, date(2026, 1, 1), date(2026, 2, 28)),
                Role(Party.USER, date(2026, 3, 1), None),
            )
        }
    )

    now = enrich(draft(), switched, NOW)
    before = enrich(draft(occurred_at=datetime(2026, 2, 28, 23, 59, tzinfo=UTC)), switched, NOW)

    assert (now.giver_party, before.giver_party) == (Party.USER, Party.PROFESSIONAL)


def test_an_act_says_on_which_directory_it_was_decided() -> None:
    enriched = enrich(draft(receivers=("bob",)), directory(), NOW)

    assert enriched.directory == (service().seen,)


def test_receivers_are_told_apart_by_registry_and_stand_once() -> None:
    named = ("bob", "choir", "bob", "stranger")

    enriched = enrich(draft(receivers=named), directory(), NOW)

    assert enriched.receivers == (
        Receiver(participant_id="bob", party=Party.FAMILY_SOCIAL),
        Receiver(participant_id="stranger"),
    )
    assert enriched.receiver_groups == ("choir",)


def test_a_group_can_give() -> None:
    assert enrich(draft(giver_id="choir"), directory(), NOW).giver_kind is ParticipantKind.GROUP


def _with_affiliations(giver: str, *affiliations: Affiliation) -> DirectoryAnswer:
    known = directory()
    people = {**known.participants, giver: person(giver, affiliations=affiliations)}
    return replace(known, participants=people)


FORMER = Affiliation("local", True, START, date(2026, 2, 1))
CLUB = Affiliation("club", False, START, None)
EMPLOYER = Affiliation("hospital", True, START, None)
PROVIDER = Affiliation("local", False, START, None)


@pytest.mark.parametrize(
    ("giver", "affiliations", "organisation", "inside"),
    [
        ("ann", [], None, False),
        ("pat", [], None, True),
        ("pat", [FORMER], None, True),
        ("pat", [CLUB], "club", False),
        ("ann", [CLUB, EMPLOYER], "hospital", False),
        ("ann", [CLUB, EMPLOYER, PROVIDER], "local", True),
    ],
)
def test_whose_organisation_it_was_given_for(
    giver: str, affiliations: list[Affiliation], organisation: str | None, inside: bool
) -> None:
    enriched = enrich(draft(giver_id=giver), _with_affiliations(giver, *affiliations), NOW)

    assert (enriched.giver_org, enriched.giver_in_provider_org) == (organisation, inside)


def test_without_any_known_provider_nobody_is_inside_or_outside() -> None:
    known = directory(services={"library": service(providers=frozenset())})

    assert enrich(draft(giver_id="pat"), known, NOW).giver_in_provider_org is None


def test_an_organisation_that_registry_knows_keeps_its_name_and_another_gets_an_opaque_one() -> (
    None
):
    known = replace(_with_affiliations("ann", CLUB), agencies=frozenset({"north"}))

    names = {
        name: organisation_named(name, "local", draft(), known)
        for name in ("local", "club", "north", "Saint Mary's")
    }

    assert [name for name, written in names.items() if name == written] == [
        "local",
        "club",
        "north",
    ]
    assert names["Saint Mary's"].startswith("org-")
    assert organisation_named("Saint Mary's", "north", draft(), known) != names["Saint Mary's"]


CLOSED = directory(services={"library": service(closed_on=date(2026, 3, 1))})
REFUSALS: list[tuple[dict[str, Any], DirectoryAnswer, object]] = [
    ({"service_id": "nowhere"}, directory(), admission.Reason.UNKNOWN_SERVICE),
    (
        {"occurred_at": datetime(2025, 12, 31, 23, 59, tzinfo=UTC)},
        directory(),
        admission.Reason.SERVICE_NOT_STARTED,
    ),
    ({}, CLOSED, admission.Reason.SERVICE_CLOSED),
    (
        {"occurred_at": NOW + timedelta(minutes=5, seconds=1)},
        directory(),
        admission.Reason.IN_THE_FUTURE,
    ),
    ({"giver_id": "nobody"}, directory(), admission.Reason.UNKNOWN_PARTICIPANT),
    ({"recorded_by": "nobody"}, directory(), admission.Reason.UNKNOWN_PARTICIPANT),
    ({"giver_id": "stranger"}, directory(), admission.Reason.NO_PARTY),
    ({"receivers": ("nobody",)}, directory(), enrichment.Reason.UNKNOWN_RECEIVER),
    (
        {"receivers": tuple(f"r{n}" for n in range(1001))},
        directory(),
        enrichment.Reason.TOO_MANY_RECEIVERS,
    ),
    ({"minutes": 0}, directory(), enrichment.Reason.MINUTES_OUT_OF_RANGE),
    ({"minutes": 1441}, directory(), enrichment.Reason.MINUTES_OUT_OF_RANGE),
    ({"giver_party": Party.PROFESSIONAL}, directory(), enrichment.Reason.OTHER_PARTY),
    ({"giver_kind": ParticipantKind.GROUP}, directory(), enrichment.Reason.OTHER_KIND),
]


@pytest.mark.parametrize(("changes", "known", "reason"), REFUSALS)
def test_refused(changes: dict[str, Any], known: DirectoryAnswer, reason: object) -> None:
    with pytest.raises(Rejected) as refused:
        enrich(draft(**changes), known, NOW)

    assert refused.value.reason is reason


@pytest.mark.parametrize("minutes", [None, 1, 1440])
def test_minutes_are_a_day_at_most_or_unknown(minutes: int | None) -> None:
    assert enrich(draft(minutes=minutes), directory(), NOW).minutes == minutes


def test_a_clock_that_is_five_minutes_ahead_is_believed() -> None:
    assert enrich(draft(occurred_at=NOW + timedelta(minutes=5)), directory(), NOW)


def test_a_whole_day_is_believed_as_soon_as_it_has_begun_anywhere() -> None:
    day = datetime(2026, 3, 3, tzinfo=UTC)
    began = day - timedelta(hours=14)

    assert enrich(draft(occurred_at=day), directory(), began)
    for at, now in ((day, began - timedelta(seconds=1)), (day + timedelta(minutes=1), began)):
        with pytest.raises(Rejected) as refused:
            enrich(draft(occurred_at=at), directory(), now)
        assert refused.value.reason is admission.Reason.IN_THE_FUTURE


def test_the_last_day_of_a_service_still_counts() -> None:
    closing = directory(services={"library": service(closed_on=NOON.date())})

    assert enrich(draft(), closing, NOW)


def test_an_act_is_changed_in_what_is_named_and_stamped_anew() -> None:
    before = enrich(draft(phase=Phase.DELIVER, minutes=30, receivers=("bob",)), directory(), NOW)

    changed = enrich(draft_of(before, {"minutes": 45, "giver_id": "pat"}), directory(), NOW)

    assert changed == before.model_copy(
        update={
            "minutes": 45,
            "giver_id": "pat",
            "giver_party": Party.PROFESSIONAL,
            "giver_in_provider_org": True,
        }
    )
