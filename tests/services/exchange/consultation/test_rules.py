"""Consultations open and close."""

from datetime import timedelta

import pytest

from services.exchange.consultation.rules import (
    INITIAL,
    Close,
    Command,
    Open,
    Reason,
    decide,
    evolve,
)
from shared.contracts.exchange import ConsultationClosed, ConsultationOpened
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, Scenario

consultation = Scenario(decide, evolve, INITIAL)
HOUR = timedelta(hours=1)
OPENED = ConsultationOpened(
    consultation_id="q-1", service_id="library", title="New hours?", opened_at=NOON
)
CLOSED = ConsultationClosed(
    consultation_id="q-1", service_id="library", opened_at=NOON, closed_at=NOON + HOUR
)
OTHER = OPENED.model_copy(update={"title": "Old hours?"})


@pytest.mark.parametrize(
    ("history", "command", "events"),
    [
        ([], Open(OPENED), [OPENED]),
        ([OPENED, CLOSED], Open(OPENED), []),
        ([OPENED], Close(NOON + HOUR), [CLOSED]),
        ([OPENED, CLOSED], Close(NOON + HOUR), []),
        ([OPENED, CLOSED], Close(NOON + 2 * HOUR), []),
    ],
)
def test_what_happens(history: list[Message], command: Command, events: list[Message]) -> None:
    assert consultation.given(*history)(command) == events


@pytest.mark.parametrize(
    ("history", "command", "reason"),
    [
        ([OPENED], Open(OTHER), Reason.ALREADY_OPENED),
        ([], Close(NOON), Reason.UNKNOWN),
        ([OPENED], Close(NOON - HOUR), Reason.CLOSED_BEFORE_OPENED),
        ([OPENED, CLOSED], Close(NOON), Reason.ALREADY_CLOSED),
    ],
)
def test_refused(history: list[Message], command: Command, reason: Reason) -> None:
    with pytest.raises(Rejected) as refused:
        consultation.given(*history)(command)

    assert refused.value.reason is reason
