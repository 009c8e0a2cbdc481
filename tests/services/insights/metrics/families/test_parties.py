from math import log

import pytest

from services.insights.metrics.figures import figures
from services.insights.metrics.thresholds import Thresholds
from tests.support.archetypes import OPEN, Story


def test_a_party_is_present_with_k_distinct_givers() -> None:
    story = Story()
    for giver in ("p1", "p2", "u1", "u1", "f1", "f2", "f3"):
        story.act(giver, 1)

    a1 = figures(story.state(thresholds=Thresholds(floor_evidence=0, floor_days=0, k=2)), "90d")[
        "A1"
    ]

    assert (a1.value, a1.n, a1.detail) == (2, 6, {"present": ["professional", "family_social"]})


def test_balance_is_the_entropy_of_the_parties_weights_over_that_of_three_equal_ones() -> None:
    story = Story()
    story.act("p1", 1, minutes=60)
    story.act("u1", 1, minutes=30)
    story.act("u2", 1, minutes=30)

    a2 = figures(story.state(thresholds=OPEN), "90d", "minutes")["A2"]

    assert a2.value == pytest.approx(log(2) / log(3), rel=1e-8)  # half, half and nothing
    assert (a2.n, a2.interval) == (3, None)


def test_lay_share_by_weight_and_by_phase() -> None:
    story = Story()
    story.act("p1", 1, minutes=90, phase="design")
    story.act("u1", 1, minutes=10, phase="design")
    story.act("f1", 1, minutes=20, phase="deliver")
    story.opinion("u1", 1, minutes=30, phase=None)

    minutes = figures(story.state(thresholds=OPEN), "90d", "minutes")
    counts = figures(story.state(thresholds=OPEN), "90d", "count")

    assert minutes["A3"].value == 0.4  # 10 + 20 + 30 of 150
    assert minutes["A3.design"].value == 0.1
    assert minutes["A3.deliver"].value == 1.0
    assert minutes["A3.assess"].reason == "no_data"
    assert (counts["A3"].value, counts["A3"].n) == (0.75, 4)
    assert counts["A3.design"].value == 0.5


def test_the_interval_of_a_share_is_wilsons() -> None:
    story = Story()
    for turn in range(10):
        story.act("u1" if turn < 3 else "p1", 1)

    low, high = figures(story.state(thresholds=OPEN), "90d", "count")["A3"].interval or (0, 0)

    # 3 of 10 with z = 1.96: tables say 0.108 to 0.603
    assert (low, high) == (pytest.approx(0.10779, abs=1e-5), pytest.approx(0.60322, abs=1e-5))


def test_no_balance_at_all_is_nought_and_not_minus_nought() -> None:
    story = Story()
    for giver in ("u1", "u2", "u3"):
        story.act(giver, 1)

    a2 = figures(story.state(thresholds=OPEN), "90d", "minutes")["A2"]

    assert str(a2.value) == "0.0"
