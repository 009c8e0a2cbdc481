import pytest

from services.registry.agency.rules import INITIAL, Reason, Register, decide, evolve
from shared.contracts.registry import AgencyRegistered
from shared.eventstore.port import Rejected
from tests.support.scenario import Scenario

agency = Scenario(decide, evolve, INITIAL)
REGISTERED = AgencyRegistered(agency_id="town", name="Town", jurisdiction="BE")


def test_an_agency_is_registered() -> None:
    when = agency.given()

    assert when(Register("town", "Town", "BE")) == [REGISTERED]


def test_the_same_registration_again_changes_nothing() -> None:
    when = agency.given(REGISTERED)

    assert when(Register("town", "Town", "BE")) == []


def test_an_id_is_not_given_to_another_agency() -> None:
    when = agency.given(REGISTERED)

    with pytest.raises(Rejected) as refused:
        when(Register("town", "Village", "BE"))

    assert refused.value.reason is Reason.REGISTERED_OTHERWISE
