"""A contribution becomes what its agency's own system says it is, and only what it says anew."""

from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.contribution.life import (
    INITIAL,
    Confirmed,
    State,
    Status,
    Voided,
    evolve,
    status_of,
)
from services.exchange.contribution.rules import AUTOMATIC, Reason
from services.exchange.contribution.synchronisation import Effect, Synchronise, effect, synchronise
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome, Party
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, act, count, kinds

RECORDED, CONFIRMED, DISPUTED, VOIDED = Status
ROW = act(recorded_by="system:file")
EDITED = act(recorded_by="system:file", minutes=90)
DAY = timedelta(days=1)


def row(fact: Act = ROW, status: Status = CONFIRMED, revised: int | None = None) -> Synchronise:
    return Synchronise(
        fact, status, "system:file", NOON, None if revised is None else NOON + revised * DAY
    )


def after(*steps: Synchronise | Message) -> State:
    state: State = INITIAL
    for step in steps:
        events = synchronise(step, state) if isinstance(step, Synchronise) else [step]
        state = reduce(evolve, events, state)
    return state


def done(step: Synchronise, *before: Synchronise | Message) -> tuple[list[Message], Effect]:
    state = after(*before)
    events = synchronise(step, state)
    return events, effect(step, events, reduce(evolve, events, state))


@pytest.mark.parametrize(
    ("status", "events"),
    [
        (RECORDED, ["ContributionRecorded"]),
        (CONFIRMED, ["ContributionRecorded", "ContributionConfirmed"]),
        (DISPUTED, ["ContributionRecorded", "ContributionDisputed"]),
        (VOIDED, ["ContributionRecorded", "ContributionVoided"]),
    ],
)
def test_a_new_row_is_recorded_in_its_status(status: Status, events: list[str]) -> None:
    happened, told = done(row(status=status))

    assert kinds(happened) == events
    assert told is Effect.RECORDED
    assert status_of(after(row(status=status))) is status


@pytest.mark.parametrize("status", Status)
def test_the_same_row_again_changes_nothing(status: Status) -> None:
    assert done(row(status=status), row(status=status)) == ([], Effect.UNCHANGED)


def test_an_edited_row_is_one_correction() -> None:
    events, told = done(row(EDITED), row())

    assert events == [
        ContributionCorrected(before=ROW, after=EDITED, by="system:file", counted=True)
    ]
    assert told is Effect.CORRECTED


REACHABLE = {
    (RECORDED, CONFIRMED): ["ContributionConfirmed"],
    (RECORDED, DISPUTED): ["ContributionDisputed"],
    (RECORDED, VOIDED): ["ContributionVoided"],
    (CONFIRMED, DISPUTED): ["ContributionDisputed"],
    (CONFIRMED, VOIDED): ["ContributionVoided"],
    (DISPUTED, CONFIRMED): ["DisputeResolved"],
    (DISPUTED, VOIDED): ["DisputeResolved"],
}
OTHERS = [(a, b) for a in Status for b in Status if a is not b and (a, b) not in REACHABLE]


@pytest.mark.parametrize(("before", "wanted"), REACHABLE)
def test_a_status_is_followed_where_it_can_be_reached(before: Status, wanted: Status) -> None:
    events, told = done(row(status=wanted), row(status=before))

    assert kinds(events) == REACHABLE[before, wanted]
    assert told is (Effect.VOIDED if wanted is VOIDED else Effect.STATUS_CHANGED)
    assert status_of(after(row(status=before), row(status=wanted))) is wanted


@pytest.mark.parametrize(("before", "wanted"), OTHERS)
def test_a_status_that_cannot_be_reached_is_refused(before: Status, wanted: Status) -> None:
    with pytest.raises(Rejected) as refused:
        done(row(status=wanted), row(status=before))

    assert refused.value.reason is Reason.STATUS_UNREACHABLE


def test_an_edit_and_a_status_come_in_one() -> None:
    events, told = done(row(EDITED, CONFIRMED), row(ROW, RECORDED))

    assert kinds(events) == ["ContributionCorrected", "ContributionConfirmed"]
    assert told is Effect.CORRECTED


def test_a_disputed_row_that_is_edited_and_confirmed_is_resolved_as_corrected() -> None:
    (event,), told = done(row(EDITED, CONFIRMED), row(ROW, DISPUTED))

    assert event == DisputeResolved(
        act=EDITED, by="system:file", outcome=Outcome.CORRECTED, before=ROW
    )
    assert told is Effect.CORRECTED


def test_what_is_voided_is_not_corrected() -> None:
    (event,), _ = done(row(EDITED, VOIDED), row(ROW, CONFIRMED))

    assert isinstance(event, ContributionVoided)
    assert event.act == ROW


def test_what_people_did_since_is_not_undone_by_the_same_row() -> None:
    disputed = ContributionDisputed(act=ROW, by="pat", reason_code="x", counted=True)
    corrected = ContributionCorrected(before=ROW, after=EDITED, by="pat", counted=True)
    automatic = ContributionConfirmed(act=ROW, by=AUTOMATIC, automatic=True)

    assert done(row(), row(), disputed) == ([], Effect.UNCHANGED)
    assert done(row(), row(), corrected) == ([], Effect.UNCHANGED)
    assert done(row(status=RECORDED), row(status=RECORDED), automatic) == ([], Effect.UNCHANGED)


def test_a_source_that_catches_up_is_remembered_in_private() -> None:
    automatic = ContributionConfirmed(act=ROW, by=AUTOMATIC, automatic=True)
    disputed = ContributionDisputed(act=ROW, by="pat", reason_code="x", counted=True)
    caught_up = (row(status=RECORDED), automatic, row(status=CONFIRMED))

    events, told = done(caught_up[2], *caught_up[:2])

    assert (kinds(events), told) == (["ContributionStatusStated"], Effect.UNCHANGED)
    assert done(row(status=CONFIRMED), *caught_up, disputed) == ([], Effect.UNCHANGED)


def test_what_registry_says_otherwise_now_is_no_edit() -> None:
    restamped = ROW.model_copy(update={"giver_in_provider_org": True})

    assert done(row(restamped), row()) == ([], Effect.UNCHANGED)


def test_another_party_is_an_edit() -> None:
    events, _ = done(row(ROW.model_copy(update={"giver_party": Party.PROFESSIONAL})), row())

    assert kinds(events) == ["ContributionCorrected"]


def test_a_row_no_newer_than_the_last_revision_changes_nothing() -> None:
    assert done(row(EDITED, revised=0), row(revised=1)) == ([], Effect.STALE)
    assert done(row(EDITED, revised=1), row(revised=1)) == ([], Effect.STALE)
    assert done(row(ROW, revised=1), row(revised=1)) == ([], Effect.UNCHANGED)


def test_only_a_newer_revision_is_remembered_in_private() -> None:
    events, told = done(row(revised=2), row(revised=1))

    assert (kinds(events), told) == (["ContributionRevisionSeen"], Effect.UNCHANGED)
    assert done(row(EDITED, revised=1), row(revised=1), row(revised=2)) == ([], Effect.STALE)


rows = st.builds(
    row,
    st.sampled_from([ROW, EDITED, act(recorded_by="system:file", giver_id="bob")]),
    st.sampled_from(Status),
    st.none() | st.integers(0, 3),
)


@given(st.lists(rows, max_size=10))
def test_any_rows_twice_are_quiet_the_second_time_and_void_is_for_ever(
    script: list[Synchronise],
) -> None:
    state: State = INITIAL
    counting: list[Act] = []
    for step in script:
        try:
            events = synchronise(step, state)
        except Rejected:
            continue
        was_void = isinstance(state, Voided)
        state = reduce(evolve, events, state)
        for event in events:
            count(event, counting)
        assert counting == ([state.act] if isinstance(state, Confirmed) else [])
        assert isinstance(state, Voided) or not was_void
        again = synchronise(step, state)
        # a revision without news is private; without a revision nothing at all is left to say
        assert [kind for kind in kinds(again) if kind != "ContributionRevisionSeen"] == []
