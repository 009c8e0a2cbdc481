"""The life of a contribution: what happens, what is refused, and what is quiet."""

from datetime import datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.contribution.life import INITIAL, State, Status, evolve, status_of
from services.exchange.contribution.rules import (
    Command,
    Confirm,
    ConfirmAutomatically,
    Correct,
    Dispute,
    Reason,
    Record,
    Resolve,
    Void,
    decide,
)
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionRecorded,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, Scenario, act, count

contribution = Scenario(decide, evolve, INITIAL)
ACT = act()
LONGER = act(minutes=90)
DUE = NOON + timedelta(days=14)
RECORDED = ContributionRecorded(act=ACT, confirm_due_at=DUE)
CONFIRMED = ContributionConfirmed(act=ACT, by="bob", confirm_due_at=DUE)
DISPUTED = ContributionDisputed(act=ACT, by="pat", reason_code="wrong_day", counted=True)
VOIDED = ContributionVoided(act=ACT, by="pat", reason_code="mistake", counted=False)
UPHELD = DisputeResolved(act=ACT, by="pat", outcome=Outcome.UPHELD)


def test_what_is_given_is_recorded() -> None:
    assert contribution.given()(Record(ACT, NOON)) == [RECORDED]


def test_recording_the_same_again_is_quiet() -> None:
    assert contribution.given(RECORDED, CONFIRMED)(Record(ACT, NOON)) == []


def test_another_person_confirms() -> None:
    assert contribution.given(RECORDED)(Confirm("bob")) == [CONFIRMED]


def test_confirming_again_is_quiet() -> None:
    assert contribution.given(RECORDED, CONFIRMED)(Confirm("eve")) == []


def test_nobody_objecting_confirms_automatically() -> None:
    (event,) = contribution.given(RECORDED)(ConfirmAutomatically())

    assert event == ContributionConfirmed(
        act=ACT, by="system:exchange", automatic=True, confirm_due_at=DUE
    )


@pytest.mark.parametrize("then", [CONFIRMED, DISPUTED, VOIDED])
def test_automatic_confirmation_comes_too_late_for(then: Message) -> None:
    assert contribution.given(RECORDED, then)(ConfirmAutomatically()) == []


def test_disputing_what_was_only_recorded_takes_nothing_back() -> None:
    (event,) = contribution.given(RECORDED)(Dispute("pat", "wrong_day"))

    assert event == ContributionDisputed(
        act=ACT, by="pat", reason_code="wrong_day", counted=False, confirm_due_at=DUE
    )


def test_disputing_what_counts_takes_it_back() -> None:
    assert contribution.given(RECORDED, CONFIRMED)(Dispute("pat", "wrong_day")) == [DISPUTED]


def test_disputing_again_is_quiet() -> None:
    assert contribution.given(RECORDED, DISPUTED)(Dispute("eve", "other")) == []


def test_an_upheld_dispute_voids() -> None:
    when = contribution.given(RECORDED, CONFIRMED, DISPUTED)

    assert when(Resolve("pat", Outcome.UPHELD)) == [UPHELD]
    assert status_of(reduce(evolve, [RECORDED, DISPUTED, UPHELD], INITIAL)) is Status.VOIDED


def test_a_rejected_dispute_lets_it_count() -> None:
    (event,) = contribution.given(RECORDED, DISPUTED)(Resolve("bob", Outcome.REJECTED))

    assert event == DisputeResolved(act=ACT, by="bob", outcome=Outcome.REJECTED)
    assert status_of(reduce(evolve, [RECORDED, DISPUTED, event], INITIAL)) is Status.CONFIRMED


def test_a_corrected_dispute_lets_the_corrected_act_count() -> None:
    when = contribution.given(RECORDED, DISPUTED)

    (event,) = when(Resolve("bob", Outcome.CORRECTED, LONGER))

    assert event == DisputeResolved(act=LONGER, by="bob", outcome=Outcome.CORRECTED, before=ACT)


@pytest.mark.parametrize(
    "command",
    [
        Resolve("bob", Outcome.UPHELD),
        Resolve("bob", Outcome.REJECTED),
        Resolve("bob", Outcome.CORRECTED, LONGER),
    ],
)
def test_resolving_again_in_the_same_way_is_quiet(command: Resolve) -> None:
    resolved = contribution.given(RECORDED, DISPUTED)(command)

    assert contribution.given(RECORDED, DISPUTED, *resolved)(command) == []


@pytest.mark.parametrize(
    ("history", "counted", "due"),
    [([RECORDED], False, DUE), ([RECORDED, CONFIRMED], True, None)],
)
def test_a_correction_says_whether_the_act_counted_or_waited(
    history: list[Message], counted: bool, due: datetime | None
) -> None:
    (event,) = contribution.given(*history)(Correct("bob", LONGER))

    assert event == ContributionCorrected(
        before=ACT, after=LONGER, by="bob", counted=counted, confirm_due_at=due
    )


def test_a_correction_keeps_the_state() -> None:
    corrected = ContributionCorrected(before=ACT, after=LONGER, by="bob", counted=False)

    for history in ([RECORDED], [RECORDED, CONFIRMED], [RECORDED, DISPUTED]):
        state = reduce(evolve, history, INITIAL)
        assert status_of(evolve(state, corrected)) is status_of(state)


def test_a_correction_to_the_same_is_quiet() -> None:
    assert contribution.given(RECORDED)(Correct("bob", act(directory=()))) == []


@pytest.mark.parametrize(
    ("history", "counted", "due"),
    [
        ([RECORDED], False, DUE),
        ([RECORDED, CONFIRMED], True, None),
        ([RECORDED, DISPUTED], False, None),
    ],
)
def test_voiding_says_whether_the_act_counted_or_waited(
    history: list[Message], counted: bool, due: datetime | None
) -> None:
    (event,) = contribution.given(*history)(Void("pat", "mistake"))

    assert event == ContributionVoided(
        act=ACT, by="pat", reason_code="mistake", counted=counted, confirm_due_at=due
    )


def test_voiding_again_is_quiet() -> None:
    assert contribution.given(RECORDED, VOIDED)(Void("eve", "other")) == []


CONFIRMED_BY_PAT = ContributionConfirmed(act=ACT, by="pat")
REFUSALS: list[tuple[str, list[Message], Command, Reason]] = [
    ("confirm unknown", [], Confirm("bob"), Reason.UNKNOWN),
    ("dispute unknown", [], Dispute("bob", "x"), Reason.UNKNOWN),
    ("resolve unknown", [], Resolve("bob", Outcome.UPHELD), Reason.UNKNOWN),
    ("correct unknown", [], Correct("bob", LONGER), Reason.UNKNOWN),
    ("void unknown", [], Void("bob", "x"), Reason.UNKNOWN),
    ("record otherwise", [RECORDED], Record(LONGER, NOON), Reason.ALREADY_RECORDED),
    ("confirm own", [RECORDED], Confirm("ann"), Reason.OWN_CONTRIBUTION),
    ("confirm own confirmed", [RECORDED, CONFIRMED], Confirm("ann"), Reason.OWN_CONTRIBUTION),
    ("confirm voided", [RECORDED, VOIDED], Confirm("bob"), Reason.VOIDED),
    ("confirm disputed", [RECORDED, DISPUTED], Confirm("bob"), Reason.DISPUTED),
    ("dispute voided", [RECORDED, VOIDED], Dispute("bob", "x"), Reason.VOIDED),
    ("dispute without reason", [RECORDED], Dispute("bob", None), Reason.REASON_MISSING),
    ("void without reason", [RECORDED], Void("bob", None), Reason.REASON_MISSING),
    ("correct voided", [RECORDED, VOIDED], Correct("bob", LONGER), Reason.VOIDED),
    ("resolve undisputed", [RECORDED], Resolve("bob", Outcome.UPHELD), Reason.NOT_DISPUTED),
    (
        "resolve otherwise",
        [RECORDED, DISPUTED, UPHELD],
        Resolve("bob", Outcome.REJECTED),
        Reason.NOT_DISPUTED,
    ),
    (
        "correct without changes",
        [RECORDED, DISPUTED],
        Resolve("bob", Outcome.CORRECTED),
        Reason.CHANGES_MISSING,
    ),
    (
        "reject with changes",
        [RECORDED, DISPUTED],
        Resolve("bob", Outcome.REJECTED, LONGER),
        Reason.CHANGES_UNWANTED,
    ),
    (
        "giver rejects the dispute",
        [RECORDED, DISPUTED],
        Resolve("ann", Outcome.REJECTED),
        Reason.OWN_CONTRIBUTION,
    ),
    (
        "giver corrects what counts",
        [RECORDED, CONFIRMED],
        Correct("ann", LONGER),
        Reason.OWN_CONTRIBUTION,
    ),
    (
        "who confirmed becomes the giver",
        [RECORDED, CONFIRMED_BY_PAT],
        Correct("bob", act(giver_id="pat")),
        Reason.OWN_CONTRIBUTION,
    ),
]


@pytest.mark.parametrize(
    ("history", "command", "reason"), [case[1:] for case in REFUSALS], ids=[c[0] for c in REFUSALS]
)
def test_refused(history: list[Message], command: Command, reason: Reason) -> None:
    with pytest.raises(Rejected) as refused:
        contribution.given(*history)(command)

    assert refused.value.reason is reason


def test_the_giver_may_take_their_own_dispute_to_its_end() -> None:
    assert contribution.given(RECORDED, DISPUTED)(Resolve("ann", Outcome.UPHELD))


people = st.sampled_from(["ann", "bob", "pat"])
acts = st.sampled_from([ACT, LONGER, act(giver_id="bob"), act(receivers=())])
codes = st.sampled_from([None, "mistake"])
commands = st.one_of(
    st.builds(Record, acts, st.just(NOON)),
    st.builds(Confirm, people),
    st.just(ConfirmAutomatically()),
    st.builds(Dispute, people, codes),
    st.builds(Resolve, people, st.sampled_from(Outcome), st.none() | acts),
    st.builds(Correct, people, acts),
    st.builds(Void, people, codes),
)
MAY_FOLLOW = {
    None: {Status.RECORDED},
    Status.RECORDED: {Status.CONFIRMED, Status.DISPUTED, Status.VOIDED},
    Status.CONFIRMED: {Status.DISPUTED, Status.VOIDED},
    Status.DISPUTED: {Status.CONFIRMED, Status.VOIDED},
    Status.VOIDED: set(),
}


@given(st.lists(commands, max_size=12))
def test_any_script_keeps_the_life_and_counts_an_act_once_at_most(script: list[Command]) -> None:
    state: State = INITIAL
    counting: list[Act] = []
    for command in script:
        try:
            events = decide(command, state)
        except Rejected:
            continue
        for event in events:
            before, state = state, evolve(state, event)
            was, now = status_of(before), status_of(state)
            assert now is was or now in MAY_FOLLOW[was]
            count(event, counting)
            assert counting == ([state.act] if now is Status.CONFIRMED else [])  # type: ignore[union-attr]
        assert decide(command, state) == []
