"""Acceptance: each archetype reaches the class its story means, in both windows and both lenses."""

from collections.abc import Callable

import pytest

from services.insights.metrics.figures import figures
from services.insights.verdict.verdict import classify
from tests.support import archetypes as told
from tests.support.archetypes import Story, names, spread, with_survey

Build = Callable[[bool], Story]
ARCHETYPES: dict[str, tuple[Build, str, set[str]]] = {
    "youth court of six": (lambda timed: told.youth_court(timed=timed), "co_production", set()),
    "youth court of twelve": (
        lambda timed: told.youth_court(jurors=12, timed=timed),
        "co_production",
        set(),
    ),
    "youth court, heard a year ago": (
        lambda timed: told.youth_court(heard_ago=365, timed=timed),
        "co_production",
        set(),
    ),
    "youth court with a survey": (
        lambda timed: with_survey(told.youth_court(timed=timed)),
        "co_production",
        set(),
    ),
    "meals on wheels": (
        lambda timed: told.meals_on_wheels(timed=timed),
        "volunteering",
        {"planning_unobserved"},
    ),
    "meals on wheels, trained monthly": (
        lambda timed: told.meals_on_wheels(trained=True, timed=timed),
        "volunteering",
        {"planning_unobserved"},
    ),
    "professionals with fifty co-deliverers": (
        lambda timed: told.professional_with_co_deliverers(timed=timed),
        "co_production",
        set(),
    ),
    "home visits": (lambda timed: told.home_visits(timed=timed), "co_delivery", set()),
    "311 desk": (
        lambda timed: told.desk_311(timed=timed),
        "conventional",
        {"planning_unobserved"},
    ),
    "time bank": (
        lambda timed: told.time_bank(timed=timed),
        "mutual_aid",
        {"planning_unobserved"},
    ),
    "time bank of six days": (
        lambda timed: told.time_bank(days=6, timed=timed),
        "insufficient_evidence",
        {"planning_unobserved"},
    ),
    "participatory budget": (
        lambda timed: told.participatory_budget(timed=timed),
        "co_design",
        {"co_commission", "delivery_unobserved"},
    ),
    "consultation": (
        lambda timed: told.consultation(timed=timed),
        "consultation",
        {"planning_unobserved"},
    ),
    "library": (lambda timed: told.library(timed=timed), "co_design", set()),
    "repair café": (
        lambda timed: told.repair_cafe(timed=timed),
        "volunteering",
        {"reciprocity_unobservable", "planning_unobserved"},
    ),
}


@pytest.mark.parametrize("timed", [True, False], ids=["minutes", "counts"])
@pytest.mark.parametrize("window", ["90d", "life"])
@pytest.mark.parametrize("name", ARCHETYPES)
def test_an_archetype_reaches_its_class(name: str, window: str, *, timed: bool) -> None:
    build, expected, flags = ARCHETYPES[name]

    verdict = classify(build(timed).state(), window)

    assert (verdict.service_class, set(verdict.flags)) == (expected, flags)
    if "survey" not in name:
        assert verdict.grounds.lens == ("minutes" if timed else "count")


# Below the floor a survey is evidence; and a desk that mostly asks for opinions is a consultation.
@pytest.mark.parametrize("name", sorted(set(ARCHETYPES) - {"time bank of six days", "311 desk"}))
def test_a_survey_sent_to_everybody_changes_no_class_of_people_who_do_things(name: str) -> None:
    build, expected, _ = ARCHETYPES[name]

    verdict = classify(with_survey(build(False)).state(), "90d")

    assert verdict.service_class == expected


def test_with_breadth_in_place_of_depth_fifty_co_deliverers_would_be_volunteers() -> None:
    state = told.professional_with_co_deliverers().state()

    found = figures(state, "90d")

    assert (found["E1"].value or 0) < 0.2 < (found["E1b"].value or 0)


def test_eleven_jurors_and_one_adult_are_no_mutual_aid_where_knowledge_meets() -> None:
    story = Story()
    people = names("u", 11)
    for hearing, ago in enumerate(spread(24, 80)):
        for juror in people:
            story.act(juror, ago, [people[hearing % 11]], episode_id=f"h{hearing}", minutes=30)
        story.act("p1", ago, [people[hearing % 11]], episode_id=f"h{hearing}", minutes=30)
        story.act(people[hearing % 11], ago, phase="design")

    verdict = classify(story.state(), "90d")

    assert verdict.grounds.evidence.d is not None
    assert verdict.grounds.evidence.d > verdict.grounds.evidence.thresholds.band_high
    assert verdict.service_class == "co_production"


def test_a_large_share_of_fewer_than_k_people_decides_nothing_and_is_not_shown() -> None:
    story = told.desk_311()
    for turn, ago in enumerate(spread(80, 80)):
        story.act(f"u{turn % 4 + 1}", ago, ["u9"])
        story.act(f"u{turn % 4 + 1}", ago, phase="design")

    verdict = classify(story.state(), "90d")

    assert figures(story.state(), "90d")["G1"].reason == "few_lay"
    assert verdict.service_class == "insufficient_evidence"
    assert set(verdict.flags) == {"few_lay", "planning_unobserved"}
    assert (verdict.grounds.evidence.d, verdict.grounds.evidence.p) == (None, None)


def test_planning_is_read_over_a_year_at_least() -> None:
    story = told.home_visits()
    for turn in range(60):
        story.act(f"u{turn % 8 + 1}", 300, phase="design")

    assert classify(story.state(), "90d").service_class == "co_production"
    assert classify(story.state(), "28d").service_class == "co_production"


def test_without_delivery_planning_or_opinions_nothing_can_be_said() -> None:
    story = Story()
    for turn, ago in enumerate(spread(60, 80)):
        story.act(f"u{turn % 12 + 1}", ago, phase="assess")

    verdict = classify(story.state(), "90d")

    assert verdict.service_class == "insufficient_evidence"
    assert set(verdict.flags) == {"no_delivery_facts", "planning_unobserved"}
