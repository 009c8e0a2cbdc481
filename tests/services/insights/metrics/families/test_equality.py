import pytest

from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def given() -> Story:
    """Lay minutes 10, 20, 30 and 40; u5 is registered, u6 only received, u7 gave long ago."""
    story = Story()
    for number in range(1, 5):
        story.act(f"u{number}", 2, ["u6"], minutes=10 * number)
    story.act("p1", 1, minutes=500)
    story.act("u7", 100, minutes=15)
    story.role("u5", 10)
    story.role("p2", 10)
    return story


def test_gini_over_the_active_and_over_everybody_registered_or_seen() -> None:
    found = figures(given().state(thresholds=OPEN), "90d", "minutes")

    # by hand: twice 10 + 40 + 90 + 160, over four times 100, less 5/4
    assert found["M3.active"].value == 0.25
    # three zeros before: twice 40 + 100 + 180 + 280, over seven times 100, less 8/7
    assert found["M3.registered"].value == pytest.approx(1200 / 700 - 8 / 7, rel=1e-8)
    assert (found["M3.active"].n, found["M3.registered"].n) == (4, 7)


def test_people_who_gave_no_minutes_stay_in_as_zeros() -> None:
    story = Story()
    for number in range(1, 6):
        story.act(f"u{number}", 2, minutes=None if number == 1 else 30)

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["M3.active"]

    # one zero and four times 30: twice 30 times 14, over five times 120, less 6/5
    assert (found.value, found.n) == (0.2, 5)


def test_top_shares_round_people_up() -> None:
    found = figures(given().state(thresholds=OPEN), "90d", "minutes")

    assert (found["M3.top1"].value, found["M3.top1"].detail) == (0.4, {"people": 1})
    assert (found["M3.top10"].value, found["M3.top10"].n) == (0.4, 4)


def test_first_timers_were_never_seen_before_the_window() -> None:
    story = given()
    story.act("u7", 1)

    found = figures(story.state(thresholds=OPEN), "90d")["M6"]

    assert (found.numerator, found.denominator) == (5, 6)
    # nothing lies before a life
    assert figures(story.state(thresholds=OPEN), "life")["M6"].reason == "no_data"


def test_nothing_to_share_is_no_inequality() -> None:
    story = Story()
    story.act("p1", 1)

    assert figures(story.state(thresholds=OPEN), "90d")["M3.active"].reason == "no_data"
