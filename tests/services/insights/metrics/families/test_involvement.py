from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def test_opinion_only_people_gave_nothing_else_in_the_window() -> None:
    story = Story()
    story.opinion("u1", 1)
    story.opinion("u2", 1)
    story.act("u2", 2)
    story.opinion("u3", 1)
    story.act("u3", 200)
    story.act("f1", 1, mode=None)
    story.opinion("p1", 1)

    found = figures(story.state(thresholds=OPEN), "90d")["J1"]

    # u1 and u3 of u1, u2, u3 and f1; a blank mode is neither act nor opinion
    assert (found.numerator, found.denominator) == (2, 4)


def test_one_off_people_were_first_seen_ninety_days_ago_and_on_one_day_alone() -> None:
    story = Story()
    story.act("u1", 90)
    story.act("u1", 90)
    story.act("u2", 90)
    story.act("u2", 3)
    story.act("u3", 89)

    found = figures(story.state(thresholds=OPEN), "28d")["J2"]

    assert (found.numerator, found.denominator) == (1, 2)


def test_staying_power_needs_three_of_six_blocks_of_thirty_days() -> None:
    story = Story()
    for ago in (0, 30, 60):
        story.act("u1", ago)
    for ago in (0, 29, 30, 31):
        story.act("u2", ago)
    for ago in (119, 149, 179):
        story.opinion("f1", ago)
    story.act("u3", 180)

    found = figures(story.state(thresholds=OPEN), "28d")["J3"]

    assert (found.numerator, found.denominator) == (2, 3)


def test_staying_power_is_not_known_before_ninety_days_were_observed() -> None:
    story = Story()
    for ago in (0, 30, 60, 88):
        story.act("u1", ago)

    young = figures(story.state(thresholds=OPEN), "28d")["J3"]
    story.decision(89, weights={"user": 1})  # evidence too, and the first
    old = figures(story.state(thresholds=OPEN), "28d")["J3"]

    assert (young.reason, old.value) == ("observed_too_short", 1.0)
