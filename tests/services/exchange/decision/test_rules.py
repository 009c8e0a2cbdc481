"""Decisions are taken once, and resources follow them once."""

from datetime import timedelta
from typing import Any

import pytest

from services.exchange.decision import rules as decision
from services.exchange.decision.rules import Take, has_lay_majority
from services.exchange.resource import rules as resource
from services.exchange.resource.rules import Allocate
from shared.contracts.exchange import ByParty, DecisionTaken, ResourceAllocated
from shared.contracts.vocabulary import Level
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, Scenario

decisions = Scenario(decision.decide, decision.evolve, decision.INITIAL)
resources = Scenario(resource.decide, resource.evolve, resource.INITIAL)
HOUR = timedelta(hours=1)


def taken(**changes: Any) -> DecisionTaken:
    fields: dict[str, Any] = {
        "decision_id": "d-1",
        "service_id": "library",
        "level": Level.BUDGET,
        "weights": ByParty(user=3, professional=2),
        "voters": ByParty(user=3, professional=2),
        "decided_at": NOON,
    }
    return DecisionTaken(**(fields | changes))


def allocated(**changes: Any) -> ResourceAllocated:
    fields: dict[str, Any] = {
        "allocation_id": "a-1",
        "service_id": "library",
        "amount": 100_00,
        "currency": "EUR",
        "decision_id": "d-1",
        "allocated_at": NOON + HOUR,
    }
    return ResourceAllocated(**(fields | changes))


def test_a_decision_is_taken_and_repeating_it_is_quiet() -> None:
    assert decisions.given()(Take(taken())) == [taken()]
    assert decisions.given(taken())(Take(taken())) == []


@pytest.mark.parametrize(
    ("history", "wanted", "reason"),
    [
        ([], taken(weights=ByParty()), decision.Reason.NO_WEIGHT),
        ([], taken(voters=ByParty(user=3)), decision.Reason.WEIGHT_WITHOUT_VOTERS),
        ([taken()], taken(level=Level.SERVICE), decision.Reason.ALREADY_TAKEN),
    ],
)
def test_a_decision_refused(
    history: list[DecisionTaken], wanted: DecisionTaken, reason: decision.Reason
) -> None:
    with pytest.raises(Rejected) as refused:
        decisions.given(*history)(Take(wanted))

    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("weights", "majority"),
    [
        (ByParty(user=1, family_social=1, professional=1), True),
        (ByParty(user=1, family_social=1, professional=2), False),
        (ByParty(professional=1), False),
    ],
)
def test_a_lay_majority_is_more_than_half(weights: ByParty, majority: bool) -> None:
    assert has_lay_majority(taken(weights=weights)) is majority


def test_an_allocation_says_who_had_the_majority() -> None:
    (event,) = resources.given()(Allocate(allocated(), taken()))

    assert event == allocated(lay_majority=True)


def test_an_allocation_without_a_decision_claims_no_majority() -> None:
    alone = allocated(decision_id=None, lay_majority=True)

    (event,) = resources.given()(Allocate(alone))

    assert event == allocated(decision_id=None)


def test_repeating_an_allocation_is_quiet() -> None:
    assert resources.given(allocated(lay_majority=True))(Allocate(allocated(), taken())) == []


@pytest.mark.parametrize(
    ("history", "wanted", "known", "reason"),
    [
        ([], allocated(amount=0), taken(), resource.Reason.NO_AMOUNT),
        ([], allocated(), None, resource.Reason.UNKNOWN_DECISION),
        (
            [],
            allocated(),
            taken(service_id="garden"),
            resource.Reason.DECISION_OF_ANOTHER_SERVICE,
        ),
        (
            [],
            allocated(allocated_at=NOON - HOUR),
            taken(),
            resource.Reason.ALLOCATED_BEFORE_DECIDED,
        ),
        ([allocated()], allocated(amount=1), taken(), resource.Reason.ALREADY_ALLOCATED),
    ],
)
def test_an_allocation_refused(
    history: list[ResourceAllocated],
    wanted: ResourceAllocated,
    known: DecisionTaken | None,
    reason: resource.Reason,
) -> None:
    with pytest.raises(Rejected) as refused:
        resources.given(*history)(Allocate(wanted, known))

    assert refused.value.reason is reason
