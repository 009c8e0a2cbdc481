from datetime import date
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.registry.service.rules import (
    INITIAL,
    Close,
    Command,
    Describe,
    LinkProvider,
    MoveStart,
    Reason,
    Register,
    UnlinkProvider,
    decide,
    derived_id,
    evolve,
)
from shared.contracts.registry import (
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.eventstore.port import Rejected
from tests.support.scenario import Scenario

service = Scenario(decide, evolve, INITIAL)
EARLY, START, LATE = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
REGISTERED = ServiceRegistered(
    service_id="s", agency_ids=("town",), local_id="lib", name="Library", starts_on=START
)
CLOSED = ServiceClosed(service_id="s", closed_on=LATE)
LINKED = ServiceProviderLinked(service_id="s", organisation_id="org")
UNLINKED = ServiceProviderUnlinked(service_id="s", organisation_id="org")


def register(**changes: Any) -> Register:
    fields: dict[str, Any] = {
        "service_id": "s",
        "agency_id": "town",
        "agency_known": True,
        "local_id": "lib",
        "name": "Library",
        "provides": None,
        "starts_on": START,
    }
    return Register(**(fields | changes))


def described(**changes: Any) -> ServiceDescribed:
    fields: dict[str, Any] = {"service_id": "s", "name": "Library", "starts_on": START}
    return ServiceDescribed(**(fields | changes))


def test_a_service_is_registered() -> None:
    assert service.given()(register()) == [REGISTERED]


def test_the_same_registration_again_changes_nothing() -> None:
    assert service.given(REGISTERED)(register()) == []


def test_a_registration_of_how_it_stands_now_changes_nothing() -> None:
    when = service.given(REGISTERED, described(name="Books"))

    assert when(register(name="Books")) == []
    assert when(register()) == []


REFUSALS = [
    ((), register(agency_known=False), Reason.UNKNOWN_AGENCY),
    ((REGISTERED,), register(name="Other"), Reason.REGISTERED_OTHERWISE),
    ((), Describe("s", name="Books"), Reason.UNKNOWN_SERVICE),
    ((), MoveStart("s", EARLY), Reason.UNKNOWN_SERVICE),
    ((), Close("s", LATE), Reason.UNKNOWN_SERVICE),
    ((), LinkProvider("s", "org"), Reason.UNKNOWN_SERVICE),
    ((), UnlinkProvider("s", "org"), Reason.UNKNOWN_SERVICE),
    ((REGISTERED,), Describe("s", starts_on=LATE), Reason.START_NOT_EARLIER),
    ((REGISTERED,), MoveStart("s", LATE), Reason.START_NOT_EARLIER),
    ((REGISTERED,), Close("s", EARLY), Reason.CLOSES_BEFORE_START),
    ((REGISTERED, CLOSED), Close("s", START), Reason.ALREADY_CLOSED),
    ((REGISTERED,), UnlinkProvider("s", "town"), Reason.AGENCY_ALWAYS_PROVIDES),
    ((REGISTERED,), UnlinkProvider("s", "org"), Reason.PROVIDER_NOT_LINKED),
]


@pytest.mark.parametrize(("history", "command", "reason"), REFUSALS)
def test_each_rule_refuses_by_name(history: Any, command: Command, reason: Reason) -> None:
    when = service.given(*history)

    with pytest.raises(Rejected) as refused:
        when(command)

    assert refused.value.reason is reason


def test_every_reason_has_a_test() -> None:
    assert {reason for _, _, reason in REFUSALS} == set(Reason)


CHANGES = [
    (Describe("s", name="Books"), described(name="Books")),
    (Describe("s", provides="Loans"), described(provides="Loans")),
    (Describe("s", starts_on=EARLY), described(starts_on=EARLY)),
    (MoveStart("s", EARLY), described(starts_on=EARLY)),
    (Close("s", LATE), CLOSED),
    (Close("s", START), ServiceClosed(service_id="s", closed_on=START)),
    (LinkProvider("s", "org"), LINKED),
]


@pytest.mark.parametrize(("command", "event"), CHANGES)
def test_a_change_says_what_holds_from_now_on(command: Command, event: Any) -> None:
    assert service.given(REGISTERED)(command) == [event]


@pytest.mark.parametrize(("command", "event"), CHANGES)
def test_a_change_that_is_already_in_effect_says_nothing(command: Command, event: Any) -> None:
    assert service.given(REGISTERED, event)(command) == []


def test_a_provider_is_unlinked_once() -> None:
    assert service.given(REGISTERED, LINKED)(UnlinkProvider("s", "org")) == [UNLINKED]
    assert service.given(REGISTERED, LINKED, UNLINKED)(UnlinkProvider("s", "org")) == []


def test_a_provider_can_be_linked_again() -> None:
    when = service.given(REGISTERED, LINKED, UNLINKED)

    assert when(LinkProvider("s", "org")) == [LINKED]


def test_the_agency_itself_needs_no_link() -> None:
    assert service.given(REGISTERED)(LinkProvider("s", "town")) == []


def test_two_deployments_give_an_agencys_service_the_same_id() -> None:
    assert derived_id("town", "lib") == "fabba872-b158-525f-b775-8b8516695972"
    assert derived_id("town", "lib") != derived_id("village", "lib")


days = st.sampled_from([EARLY, START, LATE])
names = st.sampled_from(["Library", "Books"])
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(register, name=names, starts_on=days),
    st.builds(Describe, st.just("s"), name=names, starts_on=st.none() | days),
    st.builds(MoveStart, st.just("s"), days),
    st.builds(Close, st.just("s"), days),
    st.builds(LinkProvider, st.just("s"), st.sampled_from(["town", "org"])),
    st.builds(UnlinkProvider, st.just("s"), st.sampled_from(["town", "org"])),
)


@for_all(st.lists(commands, max_size=8))
def test_repeating_a_command_changes_nothing(script: list[Command]) -> None:
    state = INITIAL
    for command in script:
        try:
            events = decide(command, state)
        except Rejected:
            continue
        state = reduce(evolve, events, state)
        assert decide(command, state) == []
