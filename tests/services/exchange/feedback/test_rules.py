"""Feedback is given, answered by somebody else, and may lead to changes."""

from datetime import timedelta

import pytest

from services.exchange.feedback.rules import (
    INITIAL,
    Answer,
    Command,
    Give,
    Implement,
    Reason,
    decide,
    evolve,
)
from shared.contracts.exchange import ChangeImplemented, FeedbackAnswered, FeedbackGiven
from shared.contracts.vocabulary import Message, Party
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, Scenario

feedback = Scenario(decide, evolve, INITIAL)
HOUR = timedelta(hours=1)
GIVEN = FeedbackGiven(
    feedback_id="f-1",
    service_id="library",
    participant_id="ann",
    party=Party.USER,
    score=2,
    given_at=NOON,
)
SILENT = GIVEN.model_copy(update={"score": None})
ANSWERED = FeedbackAnswered(
    feedback_id="f-1",
    service_id="library",
    by="pat",
    by_party=Party.PROFESSIONAL,
    given_at=NOON,
    answered_at=NOON + HOUR,
)
CHANGED = ChangeImplemented(
    change_id="ch-1",
    service_id="library",
    level="process",
    feedback_id="f-1",
    given_at=NOON,
    answered_at=NOON + HOUR,
    implemented_at=NOON + 2 * HOUR,
)
ANSWER = Answer("pat", Party.PROFESSIONAL, NOON + HOUR)
IMPLEMENT = Implement("ch-1", "process", NOON + 2 * HOUR)
LATER = Implement("ch-1", "process", NOON + 3 * HOUR)


@pytest.mark.parametrize(
    ("history", "command", "events"),
    [
        ([], Give(GIVEN, words=False), [GIVEN]),
        ([], Give(SILENT, words=True), [SILENT]),
        ([GIVEN, ANSWERED], Give(GIVEN, words=False), []),
        ([GIVEN], ANSWER, [ANSWERED]),
        ([GIVEN, ANSWERED], ANSWER, []),
        ([GIVEN, ANSWERED], IMPLEMENT, [CHANGED]),
        ([GIVEN, ANSWERED, CHANGED], IMPLEMENT, []),
        ([GIVEN, ANSWERED, CHANGED], LATER, []),
    ],
)
def test_what_happens(history: list[Message], command: Command, events: list[Message]) -> None:
    assert feedback.given(*history)(command) == events


def test_one_feedback_may_lead_to_several_changes() -> None:
    other = Implement("ch-2", "policy", NOON + 2 * HOUR)

    (event,) = feedback.given(GIVEN, ANSWERED, CHANGED)(other)

    assert isinstance(event, ChangeImplemented)
    assert event.change_id == "ch-2"


OTHERWISE = GIVEN.model_copy(update={"score": 5})


@pytest.mark.parametrize(
    ("history", "command", "reason"),
    [
        ([], Give(SILENT, words=False), Reason.EMPTY),
        ([GIVEN], Give(OTHERWISE, words=False), Reason.ALREADY_GIVEN),
        ([], ANSWER, Reason.UNKNOWN),
        ([GIVEN], Answer("ann", Party.USER, NOON + HOUR), Reason.OWN_FEEDBACK),
        ([GIVEN], Answer("pat", None, NOON - HOUR), Reason.ANSWERED_BEFORE_GIVEN),
        ([], IMPLEMENT, Reason.UNKNOWN),
        ([GIVEN], IMPLEMENT, Reason.NOT_ANSWERED),
        (
            [GIVEN, ANSWERED],
            Implement("ch-1", "process", NOON),
            Reason.IMPLEMENTED_BEFORE_ANSWERED,
        ),
        (
            [GIVEN, ANSWERED, CHANGED],
            Implement("ch-1", "budget", NOON + 2 * HOUR),
            Reason.CHANGE_KNOWN_OTHERWISE,
        ),
    ],
)
def test_refused(history: list[Message], command: Command, reason: Reason) -> None:
    with pytest.raises(Rejected) as refused:
        feedback.given(*history)(command)

    assert refused.value.reason is reason
