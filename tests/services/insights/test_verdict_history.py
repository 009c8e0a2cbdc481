"""The last verdict that had evidence, and since when a silent service is silent."""

from datetime import date, timedelta

from services.insights.metrics.state import ServiceState
from services.insights.metrics.timeline import Timeline
from services.insights.verdict import classify
from services.insights.verdict_history import last_evidenced
from tests.support.archetypes import DAY, Story, time_bank


def slowly(story: Story, as_of: date, window: str) -> date | None:
    facts = story.facts()
    for ago in range(900):
        state = ServiceState(as_of - timedelta(days=ago))
        state.apply(facts)
        if classify(state, window).evidenced:
            return state.as_of
    return None


def test_a_service_with_evidence_was_last_evidenced_on_the_day_itself() -> None:
    found = last_evidenced(Timeline(time_bank().facts()), DAY, "90d")

    assert found is not None
    assert found.as_of == DAY


def test_a_silent_service_keeps_its_last_evidenced_verdict_with_its_day() -> None:
    story = time_bank()
    later = DAY + timedelta(days=150)

    for window in ("28d", "90d"):
        found = last_evidenced(Timeline(story.facts()), later, window)

        assert found is not None
        assert found.as_of == slowly(story, later, window)
        assert found.service_class == "mutual_aid"
        assert found.summary()["as_of"] == found.as_of.isoformat()


def test_the_reason_of_a_silent_service_says_since_when() -> None:
    state = time_bank().state(DAY + timedelta(days=300))

    first = classify(state, "90d").reasons[0]

    assert first.fr == "aucune contribution depuis le 30 juin 2026"
    assert first.en == "no contribution since 30 June 2026"


def test_a_young_service_was_never_evidenced() -> None:
    assert last_evidenced(Timeline(time_bank(days=6).facts()), DAY, "90d") is None
    assert last_evidenced(Timeline([]), DAY, "life") is None


def test_days_with_enough_acts_but_no_delivery_are_passed_over() -> None:
    story = Story()
    for turn in range(60):
        story.act(f"u{turn % 12 + 1}", turn, phase="assess")
    for turn in range(40):
        story.act(f"p{turn % 6 + 1}", 100 + turn, ["u1"])

    found = last_evidenced(Timeline(story.facts()), DAY, "28d")

    assert found is not None
    assert found.as_of == slowly(story, DAY, "28d")
    assert found.service_class == "conventional"
