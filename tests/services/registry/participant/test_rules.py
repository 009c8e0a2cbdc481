from datetime import date
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.registry.participant.rules import (
    INITIAL,
    Command,
    DeclareAffiliation,
    EndAffiliation,
    Reason,
    Register,
    decide,
    evolve,
)
from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    ParticipantRegistered,
)
from shared.contracts.vocabulary import Channel, ParticipantKind
from shared.eventstore.port import Rejected
from tests.support.scenario import Scenario

participant = Scenario(decide, evolve, INITIAL)
D1, D2, D3 = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
REGISTERED = ParticipantRegistered(
    participant_id="p", agency_id="town", kind=ParticipantKind.PERSON, channel=Channel.PAPER
)
DECLARED = AffiliationDeclared(participant_id="p", organisation_id="org", employed=True, since=D2)
ENDED = AffiliationEnded(participant_id="p", organisation_id="org", until=D2)


def register(**changes: Any) -> Register:
    fields: dict[str, Any] = {
        "participant_id": "p",
        "agency_id": "town",
        "agency_known": True,
        "kind": ParticipantKind.PERSON,
        "channel": Channel.PAPER,
    }
    return Register(**(fields | changes))


def declare(since: date = D2, *, employed: bool = True, org: str = "org") -> DeclareAffiliation:
    return DeclareAffiliation("p", org, employed, since)


def end(until: date = D2, org: str = "org") -> EndAffiliation:
    return EndAffiliation("p", org, until)


def test_a_participant_is_registered_by_opaque_id_alone() -> None:
    assert participant.given()(register()) == [REGISTERED]


def test_registering_again_changes_nothing_whatever_is_said() -> None:
    when = participant.given(REGISTERED)

    assert when(register()) == []
    assert when(register(kind=ParticipantKind.GROUP, channel=None)) == []


REFUSALS = [
    ((), register(agency_known=False), Reason.UNKNOWN_AGENCY),
    ((), declare(), Reason.UNKNOWN_PARTICIPANT),
    ((), end(), Reason.UNKNOWN_PARTICIPANT),
    ((REGISTERED, DECLARED), declare(D3), Reason.AFFILIATED_OTHERWISE),
    ((REGISTERED, DECLARED), declare(employed=False), Reason.AFFILIATED_OTHERWISE),
    ((REGISTERED, DECLARED, ENDED), declare(D1), Reason.AFFILIATIONS_OVERLAP),
    ((REGISTERED,), end(), Reason.NOT_AFFILIATED),
    ((REGISTERED, DECLARED), end(org="other"), Reason.NOT_AFFILIATED),
    ((REGISTERED, DECLARED, ENDED), end(D3), Reason.NOT_AFFILIATED),
    ((REGISTERED, DECLARED), end(D1), Reason.ENDS_BEFORE_START),
]


@pytest.mark.parametrize(("history", "command", "reason"), REFUSALS)
def test_each_rule_refuses_by_name(history: Any, command: Command, reason: Reason) -> None:
    when = participant.given(*history)

    with pytest.raises(Rejected) as refused:
        when(command)

    assert refused.value.reason is reason


def test_every_reason_has_a_test() -> None:
    assert {reason for _, _, reason in REFUSALS} == set(Reason)


def test_an_affiliation_is_declared_and_ended() -> None:
    assert participant.given(REGISTERED)(declare()) == [DECLARED]
    assert participant.given(REGISTERED, DECLARED)(end()) == [ENDED]


def test_an_affiliation_already_in_effect_says_nothing() -> None:
    assert participant.given(REGISTERED, DECLARED)(declare()) == []
    assert participant.given(REGISTERED, DECLARED, ENDED)(end()) == []
    assert participant.given(REGISTERED, DECLARED, ENDED)(declare()) == []


def test_two_organisations_at_once_are_two_affiliations() -> None:
    (declared,) = participant.given(REGISTERED, DECLARED)(declare(org="other"))

    assert declared == DECLARED.model_copy(update={"organisation_id": "other"})


def test_an_affiliation_can_begin_again_after_its_end() -> None:
    when = participant.given(REGISTERED, DECLARED, ENDED)

    assert when(declare(D3)) == [DECLARED.model_copy(update={"since": D3})]


days = st.sampled_from([D1, D2, D3])
orgs = st.sampled_from(["org", "other"])
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(register),
    st.builds(declare, days, employed=st.booleans(), org=orgs),
    st.builds(end, days, org=orgs),
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
