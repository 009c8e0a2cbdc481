from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story, time_bank


def test_system_scope_is_the_share_of_the_acts_with_a_scope_that_reach_beyond_people() -> None:
    story = Story()
    story.act("u1", 1, minutes=10, scope="individual")
    story.act("p1", 1, minutes=20, scope="group")
    story.act("f1", 1, minutes=30, scope="service")
    story.group("u2", 1, minutes=40, scope="system")
    story.act("u1", 1, minutes=100)
    story.opinion("u1", 1, scope="system", minutes=500)

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["L1"]

    assert (found.value, found.numerator, found.denominator) == (0.7, 70, 100)
    assert found.n == 100**2 // (10**2 + 20**2 + 30**2 + 40**2)
    assert figures(story.state(thresholds=OPEN), "90d", "count")["L1"].value == 0.5


def test_where_most_acts_say_no_scope_it_is_unknown_and_names_the_field() -> None:
    story = Story()
    story.act("u1", 1, minutes=10, scope="service")
    story.act("u2", 1, minutes=10)
    half = figures(story.state(thresholds=OPEN), "90d", "minutes")["L1"]
    story.act("u3", 1, minutes=1)

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["L1"]

    assert half.value == 1
    assert (found.value, found.reason, found.n) == (None, "field_missing", 1)
    assert found.detail == {"field": "scope"}


def test_scopes_that_fewer_than_k_people_said_are_not_shown() -> None:
    story = time_bank()  # 80 acts
    for _ in range(100):
        story.act("u1", 1, scope="system")

    assert figures(story.state(), "90d")["L1"].reason == "below_k"


def test_without_an_act_there_is_no_scope() -> None:
    assert figures(Story().state(thresholds=OPEN), "90d")["L1"].reason == "no_data"
