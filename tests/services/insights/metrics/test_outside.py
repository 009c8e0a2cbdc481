from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def test_outside_inputs_weigh_givers_who_are_in_no_provider_organisation() -> None:
    story = Story()
    story.act("p1", 1, minutes=60, giver_org="town", giver_in_provider_org=True)
    story.act("p2", 1, minutes=20, giver_org="charity", giver_in_provider_org=False)
    story.act("u1", 1, minutes=20)
    story.act("u2", 1, minutes=100, giver_org="town", giver_in_provider_org=True)

    found = figures(story.state(defaults=OPEN), "90d", "minutes")["N1"]

    assert (found.numerator, found.denominator, found.value) == (40, 200, 0.2)


def test_without_a_known_provider_nothing_is_outside_or_inside() -> None:
    story = Story()
    story.act("u1", 1, giver_in_provider_org=None)

    assert figures(story.state(defaults=OPEN), "90d")["N1"].reason == "affiliation_unknown"
