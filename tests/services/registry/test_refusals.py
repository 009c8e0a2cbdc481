"""Every refusal means something to a client, and says what to do about it."""

import pytest

from services.registry.agency import rules as agency
from services.registry.aggregates import AGGREGATES
from services.registry.participant import rules as participant
from services.registry.role import rules as role
from services.registry.service import rules as service

REASONS = [*agency.Reason, *participant.Reason, *role.Reason, *service.Reason]


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_has_a_status_and_a_remedy(reason: str) -> None:
    meaning = AGGREGATES.refusals[reason]  # type: ignore[index]  # a StrEnum is its text

    assert 400 <= meaning.status < 500
    assert meaning.remedy
