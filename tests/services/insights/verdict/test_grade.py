"""Grades: unknown never passes, and every test says what it looked at."""

from fractions import Fraction

import pytest

from services.insights.metrics.catalogue import BY_ID
from services.insights.metrics.figure import Figure, Reason, exactly, missing
from services.insights.metrics.figures import figures
from services.insights.verdict.grade import TESTS, Answer, Grade, all_tested, grade
from services.insights.verdict.verdict import classify
from tests.support.archetypes import youth_court

GOOD = {
    "J1": Fraction(1, 4),
    "J2": Fraction(1, 2),
    "J3": Fraction(1, 2),
    "A1": Fraction(3),
    "G2": Fraction(1, 2),
    "N1": Fraction(1, 10),
}
ALL = GOOD | {
    "L2": Fraction(1),
    "M2": Fraction(9, 10),
    "F4.slope": Fraction(0),
    "I1": Fraction(1, 2),
    "H4": Fraction(1, 100),
}


def figures_of(values: dict[str, Fraction]) -> dict[str, Figure]:
    return {id_: exactly(value, 10) for id_, value in values.items()}


def answers(found: dict[str, Figure]) -> dict[str, Answer]:
    return {test.id: test.answer for test in all_tested(found)}


def test_established_needs_the_four_tests_that_can_be_known_today() -> None:
    tests = all_tested(figures_of(GOOD))

    assert grade(tests) is Grade.ESTABLISHED
    unknown = {test.id for test in tests if test.answer is Answer.UNKNOWN}
    assert unknown == {"T4", "T5", "T7", "T8"}


def test_transformative_needs_all() -> None:
    assert grade(all_tested(figures_of(ALL))) is Grade.TRANSFORMATIVE


@pytest.mark.parametrize(
    ("metric", "value", "test"),
    [
        ("J1", Fraction(1, 2), "T1"),
        ("J2", Fraction(7, 10), "T2"),
        ("J3", Fraction(29, 100), "T2"),
        ("A1", Fraction(2), "T3"),
        ("G2", Fraction(49, 100), "T3"),
        ("N1", Fraction(99, 1000), "T6"),
    ],
)
def test_one_failing_metric_leaves_a_service_emerging(
    metric: str, value: Fraction, test: str
) -> None:
    found = figures_of(GOOD | {metric: value})

    assert answers(found)[test] is Answer.FAIL
    assert grade(all_tested(found)) is Grade.EMERGING


def test_a_figure_without_a_value_is_unknown_and_names_the_missing_fields() -> None:
    found = figures_of(GOOD) | {"G2": missing(Reason.NO_DATA)}

    t3 = next(test for test in all_tested(found) if test.id == "T3")

    assert t3.answer is Answer.UNKNOWN
    assert t3.to_json()["missing"] == ["party", "mode", "episode"]
    assert grade(all_tested(found)) is Grade.EMERGING


@pytest.mark.parametrize(
    ("changes", "test", "answer", "shown"),
    [
        ({}, "T2", Answer.PASS, "J2"),
        ({"J3": Fraction(29, 100)}, "T2", Answer.FAIL, "J3"),
        ({"J2": None, "J3": Fraction(29, 100)}, "T2", Answer.FAIL, "J3"),
        ({"J3": None}, "T2", Answer.UNKNOWN, "J3"),
        ({"G2": Fraction(1, 100)}, "T3", Answer.FAIL, "G2"),
        ({"A1": None, "G2": None}, "T3", Answer.UNKNOWN, "A1"),
    ],
)
def test_a_test_shows_the_condition_that_decides_it(
    changes: dict[str, Fraction | None], test: str, answer: Answer, shown: str
) -> None:
    values = {id_: value for id_, value in (GOOD | changes).items() if value is not None}
    unknown = {id_: missing(Reason.BELOW_K) for id_, value in changes.items() if value is None}

    told = next(t for t in all_tested(figures_of(values) | unknown) if t.id == test).to_json()

    condition = told["conditions"][shown]
    assert (told["verdict"], told["metric"]) == (answer, shown)
    assert condition.items() <= told.items()
    assert told.get("reason") == (Reason.BELOW_K if answer is Answer.UNKNOWN else None)


def test_what_is_not_measured_blames_nobodys_records() -> None:
    told = {test.id: test.to_json() for test in all_tested(figures_of(GOOD))}

    for id_ in ("T4", "T5", "T7", "T8"):
        assert (told[id_]["verdict"], told[id_]["reason"]) == (Answer.UNKNOWN, "not_measured")
        assert told[id_]["missing"] == []


def test_a_known_failure_outweighs_an_unknown() -> None:
    found = figures_of(GOOD | {"A1": Fraction(2)}) | {"G2": missing(Reason.NO_DATA)}

    assert answers(found)["T3"] is Answer.FAIL


def test_only_co_production_has_a_grade_but_every_verdict_has_its_tests() -> None:
    verdict = classify(youth_court().state(), "90d")

    assert verdict.grade is Grade.EMERGING
    assert [test.id for test in verdict.tests] == list(TESTS)
    assert classify(youth_court(days=5, heard_ago=4).state(), "90d").grade is None


def test_what_the_tests_look_at_is_read_for_them_as_it_is_shown() -> None:
    measured = {one.metric for conditions in TESTS.values() for one in conditions} & BY_ID.keys()
    for story in (youth_court(), youth_court(days=5, heard_ago=4)):
        looks = [look for test in classify(story.state(), "90d").tests for look in test.looked_at]
        read = {look.condition.metric: look.figure for look in looks if look.figure}

        shown = figures(story.state(), "90d")
        assert read == {id_: shown[id_] for id_ in measured}
