"""The town played for true, on a registry and an exchange."""

import pytest

from tests.support.write_side import heads
from tools.bulk import ServiceClient
from tools.town.player import Town, TownOptions

pytestmark = pytest.mark.postgres

YOUNG = TownOptions(days=12, rate=0)
LIVELY = TownOptions(days=12, rate=40, seconds=3)


async def played(services: tuple[ServiceClient, ServiceClient], options: TownOptions) -> Town:
    """Play a town, and live on in it if asked."""
    town = Town(*services, options)
    await town.settle()
    await town.relive(_nobody_listens)
    await town.live(_nobody_listens)
    return town


async def test_a_town_that_is_played_again_repeats_nothing(
    services: tuple[ServiceClient, ServiceClient],
) -> None:
    first = await played(services, YOUNG)
    before = await heads(services)

    again = await played(services, YOUNG)

    assert first.played.reasons == again.played.reasons == {}
    assert again.played.accepted == first.played.accepted > 0
    assert (again.starts, again.people) == (first.starts, first.people)
    assert await heads(services) == before


async def test_life_goes_on_and_nothing_of_it_is_refused(
    services: tuple[ServiceClient, ServiceClient],
) -> None:
    await played(services, YOUNG)
    before = await heads(services)

    town = await played(services, LIVELY)

    assert town.played.reasons == {}
    assert sum((await heads(services)).values()) > sum(before.values())


async def test_towns_of_two_seeds_are_two_agencies(
    services: tuple[ServiceClient, ServiceClient],
) -> None:
    one = await played(services, YOUNG)

    other = await played(services, TownOptions(seed=2, days=2, rate=0))

    assert other.played.reasons == {}
    assert set(one.people.values()).isdisjoint(other.people.values())


def _nobody_listens(_: str) -> None: ...
