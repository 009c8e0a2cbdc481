from datetime import date, timedelta
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.registry.role.rules import (
    INITIAL,
    Assume,
    Command,
    End,
    MoveStart,
    Place,
    Reason,
    State,
    decide,
    evolve,
)
from shared.contracts.registry import RoleAssumed, RoleEnded, RoleStartMoved
from shared.contracts.vocabulary import ParticipantKind, Party
from shared.eventstore.port import Rejected
from tests.support.scenario import Scenario

role = Scenario(decide, evolve, INITIAL)
D1, D2, D3, D4 = (date(2026, month, 1) for month in (1, 2, 3, 4))
USER, STAFF = Party.USER, Party.PROFESSIONAL
WHO: dict[str, Any] = {
    "service_id": "s",
    "participant_id": "p",
    "participant_kind": ParticipantKind.PERSON,
}


def place(**changes: Any) -> Place:
    return Place(**(WHO | {"service_known": True} | changes))


def assumed(party: Party, since: date) -> RoleAssumed:
    return RoleAssumed(**WHO, party=party, since=since)


def ended(party: Party, until: date) -> RoleEnded:
    return RoleEnded(**WHO, party=party, until=until)


def test_a_role_is_assumed_from_a_day_on() -> None:
    assert role.given()(Assume(place(), USER, D2)) == [assumed(USER, D2)]


def test_a_role_held_already_on_that_day_says_nothing() -> None:
    when = role.given(assumed(USER, D2))

    assert when(Assume(place(), USER, D2)) == []
    assert when(Assume(place(), USER, D3)) == []


UNKNOWN_SERVICE, UNKNOWN_PERSON = place(service_known=False), place(participant_kind=None)
USER_D2 = assumed(USER, D2)
USER_D2_D3 = (USER_D2, ended(USER, D3))
REFUSALS = [
    ((), Assume(UNKNOWN_SERVICE, USER, D2), Reason.UNKNOWN_SERVICE),
    ((), MoveStart(UNKNOWN_SERVICE, USER, D2), Reason.UNKNOWN_SERVICE),
    ((), End(UNKNOWN_SERVICE, D2), Reason.UNKNOWN_SERVICE),
    ((), Assume(UNKNOWN_PERSON, USER, D2), Reason.UNKNOWN_PARTICIPANT),
    ((), Assume(place(service_closed_on=D1), USER, D2), Reason.SERVICE_CLOSED),
    ((USER_D2,), Assume(place(), STAFF, D3), Reason.OTHER_PARTY),
    ((USER_D2,), Assume(place(), STAFF, D1), Reason.PERIODS_OVERLAP),
    ((USER_D2,), Assume(place(), USER, D1), Reason.PERIODS_OVERLAP),
    (USER_D2_D3, Assume(place(), STAFF, D3), Reason.PERIODS_OVERLAP),
    ((USER_D2,), MoveStart(place(), USER, D3), Reason.START_NOT_EARLIER),
    ((USER_D2,), MoveStart(place(), STAFF, D1), Reason.OTHER_PARTY),
    ((*USER_D2_D3, assumed(STAFF, D4)), MoveStart(place(), STAFF, D3), Reason.PERIODS_OVERLAP),
    ((*USER_D2_D3, assumed(STAFF, D4)), MoveStart(place(), STAFF, D1), Reason.OTHER_PARTY),
    ((), MoveStart(place(), USER, D1), Reason.NO_SUCH_ROLE),
    (USER_D2_D3, MoveStart(place(), USER, D4), Reason.NO_SUCH_ROLE),
    ((), End(place(), D2), Reason.NO_SUCH_ROLE),
    (USER_D2_D3, End(place(), D4), Reason.NO_SUCH_ROLE),
    ((USER_D2,), End(place(), D1), Reason.ENDS_BEFORE_START),
]


@pytest.mark.parametrize(("history", "command", "reason"), REFUSALS)
def test_each_rule_refuses_by_name(history: Any, command: Command, reason: Reason) -> None:
    when = role.given(*history)

    with pytest.raises(Rejected) as refused:
        when(command)

    assert refused.value.reason is reason


def test_every_reason_has_a_test() -> None:
    assert {reason for _, _, reason in REFUSALS} == set(Reason)


def test_a_start_is_moved_back() -> None:
    moved = RoleStartMoved(**WHO, party=USER, since_before=D2, since=D1)

    assert role.given(USER_D2)(MoveStart(place(), USER, D1)) == [moved]
    assert role.given(USER_D2, moved)(MoveStart(place(), USER, D1)) == []


def test_the_start_that_is_moved_is_the_next_one() -> None:
    when = role.given(assumed(USER, D1), ended(USER, D1), assumed(USER, D4))

    (moved,) = when(MoveStart(place(), USER, D3))

    assert moved == RoleStartMoved(**WHO, party=USER, since_before=D4, since=D3)


def test_a_role_ends_on_its_last_day() -> None:
    assert role.given(USER_D2)(End(place(), D2)) == [ended(USER, D2)]
    assert role.given(*USER_D2_D3)(End(place(), D3)) == []


def test_another_party_follows_after_the_end_of_the_one_before() -> None:
    assert role.given(*USER_D2_D3)(Assume(place(), STAFF, D4)) == [assumed(STAFF, D4)]


days = st.integers(0, 6).map(lambda day: D1 + timedelta(days=day))
parties = st.sampled_from([USER, STAFF])
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Assume, st.just(place()), parties, days),
    st.builds(MoveStart, st.just(place()), parties, days),
    st.builds(End, st.just(place()), days),
)


def _played(script: list[Command]) -> State:
    state = INITIAL
    for command in script:
        try:
            events = decide(command, state)
        except Rejected:
            continue
        state = reduce(evolve, events, state)
        assert decide(command, state) == []
    return state


@for_all(st.lists(commands, max_size=12))
def test_a_participant_is_of_one_party_at_a_time(script: list[Command]) -> None:
    periods = _played(script)

    for before, after in pairwise(periods):
        assert before.until is not None
        assert before.since <= before.until < after.since
