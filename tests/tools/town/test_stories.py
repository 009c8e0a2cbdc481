from datetime import UTC, date, datetime, timedelta

import pytest

from services.insights.verdict.grade import Grade
from services.insights.verdict.rule import ServiceClass
from services.insights.verdict.verdict import classify
from tests.tools.town.telling import past, present, state_of
from tools.town.chronicle import AGE_DAYS, deeds_at, deeds_of_day, first_day
from tools.town.stories import STORIES
from tools.town.story import Story

TODAY = date(2025, 6, 1)
LIVE = present(1, TODAY, 3000)
EACH_STORY = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.service)


@EACH_STORY
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("window", ["90d", "life"])
def test_a_story_reaches_the_verdict_that_it_means(story: Story, seed: int, window: str) -> None:
    verdict = classify(state_of(story, seed, TODAY), window)

    assert verdict.service_class == story.verdict
    assert story.flags <= set(verdict.flags)


@EACH_STORY
def test_a_day_of_live_time_leaves_the_verdicts_as_they_are(story: Story) -> None:
    state = state_of(story, 1, TODAY, LIVE.get(story.service))

    assert classify(state, "90d").service_class == story.verdict


def test_the_stories_reach_every_verdict_there_is() -> None:
    assert {story.verdict for story in STORIES} == {str(one) for one in ServiceClass}


def test_the_youth_court_is_established() -> None:
    assert classify(state_of(STORIES[0], 1, TODAY), "90d").grade is Grade.ESTABLISHED


def test_every_deed_has_a_key_of_its_own_and_the_same_each_time() -> None:
    def keys() -> list[str]:
        return [
            f"{deed.key}/{step.command}"
            for story in STORIES
            for deed in past(story, 1, first_day(story, TODAY), TODAY)
            for step in deed.steps
        ]

    told = keys()

    assert len(set(told)) == len(told)
    assert keys() == told


def test_nothing_that_happens_now_names_a_moment_to_come() -> None:
    now = datetime(2025, 6, 1, 9, tzinfo=UTC)
    told = [
        value
        for number in range(3000)
        for deed in deeds_at(1, STORIES, str(number), now)
        for step in deed.steps
        for name, value in step.data.items()
        if name.endswith("_at")
    ]

    assert told
    assert {datetime.fromisoformat(moment) for moment in told} == {now}


def test_the_past_does_not_change_when_more_days_go_by() -> None:
    story = STORIES[0]
    start = first_day(story, TODAY)
    day = start + timedelta(days=AGE_DAYS // 2)

    before = list(deeds_of_day(1, story, start, day))
    later = [deed for deed in past(story, 1, start, TODAY + timedelta(days=30)) if deed in before]

    assert later == before


@EACH_STORY
def test_nobody_confirms_what_they_gave_themselves(story: Story) -> None:
    for deed in (*past(story, 1, first_day(story, TODAY), TODAY), *LIVE.get(story.service, ())):
        giver = deed.steps[0].data.get("giver_id")
        assert all(step.data.get("by") != giver or giver is None for step in deed.steps[1:])
