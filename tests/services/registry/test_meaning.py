"""Every refusal means something to a client, and says what to do about it."""

import pytest

from services.registry.domain import agency, participant, role, service
from services.registry.meaning import MEANINGS

REASONS = [*agency.Reason, *participant.Reason, *role.Reason, *service.Reason]


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_has_a_status_and_a_remedy(reason: str) -> None:
    meaning = MEANINGS[reason]  # type: ignore[index]  # a StrEnum is its text

    assert 400 <= meaning.status < 500
    assert meaning.remedy
