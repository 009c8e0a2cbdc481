from fractions import Fraction

from services.insights.metrics.thresholds import DEFAULTS, Thresholds
from services.insights.verdict.grade import published
from services.insights.verdict.verdict import classify
from tests.support.archetypes import OPEN, time_bank


def test_other_numbers_are_another_version_whoever_sets_them() -> None:
    versions = {DEFAULTS.version, OPEN.version, Thresholds(k=6).version, Thresholds(k=7).version}

    assert len(versions) == 4
    assert Thresholds(k=6).version == Thresholds(k=6).version
    assert (DEFAULTS.stamped("2"), OPEN.stamped("2")) == ("2", f"2+{OPEN.version}")


def test_a_grade_asks_what_the_deployment_sets() -> None:
    strict = Thresholds(j1_max=Fraction(1, 4))

    conditions = published(strict)[0]["conditions"]

    assert conditions == [{"metric": "J1", "threshold": "< 0.25"}]
    assert published(DEFAULTS)[0]["conditions"] == [{"metric": "J1", "threshold": "< 0.5"}]


def test_the_thresholds_of_a_state_are_those_of_its_tests() -> None:
    story, none = time_bank(), Thresholds(n1_min=Fraction(0))

    tests = classify(story.state(thresholds=none), "90d").tests

    assert next(one for one in tests if one.id == "T6").to_json()["threshold"] == ">= 0"
