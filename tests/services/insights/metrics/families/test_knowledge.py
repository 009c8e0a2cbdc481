from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def test_co_delivery_is_the_lay_share_of_delivered_acts() -> None:
    story = Story()
    story.act("p1", 1, minutes=45)
    story.act("u1", 1, minutes=15)
    story.group("f1", 1, minutes=15)
    story.act("u2", 1, minutes=400, phase="design")
    story.opinion("u3", 1, minutes=400, phase="deliver")

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["G1"]

    # 45, 15 and 15 minutes tell as much as (75 * 75) / (45 * 45 + 15 * 15 + 15 * 15) = 2.27 acts
    assert (found.value, found.n) == (0.4, 2)


def test_an_episode_is_complementary_with_an_act_of_either_side() -> None:
    story = Story()
    story.act("p1", 1, episode_id="both")
    story.act("u1", 9, episode_id="both")
    story.act("p1", 1, episode_id="one")
    story.opinion("u1", 1, episode_id="one")
    story.act("u1", 1)

    found = figures(story.state(thresholds=OPEN), "90d")["G2"]

    assert (found.numerator, found.denominator) == (1, 2)


def test_only_acts_of_the_window_make_an_episode_complementary() -> None:
    story = Story()
    story.act("p1", 50, episode_id="both")
    story.act("u1", 9, episode_id="both")

    assert figures(story.state(thresholds=OPEN), "28d")["G2"].value == 0.0
    assert figures(story.state(thresholds=OPEN), "90d")["G2"].value == 1.0
