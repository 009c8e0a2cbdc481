"""The last verdict that had evidence, and since when a silent service is silent."""

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.insights.facts.fact import Fact, day_number
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.thresholds import WINDOW_DAYS
from services.insights.verdict.history import Held, held, last_evidenced
from services.insights.verdict.rule import ServiceClass
from services.insights.verdict.verdict import classify
from tests.support.archetypes import DAY, Story, facts_told, time_bank
from tests.support.histories import TODAY, history

FEW = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


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


def day_by_day(facts: Sequence[Fact], as_of: date, window: str) -> Held:
    """Return what ``held`` does, looking at every day there was and folding each anew."""
    now: ServiceClass | None = None
    for ago in range(900):
        state = ServiceState(as_of - timedelta(days=ago))
        state.apply(facts)
        found = classify(state, window).service_class
        if now is not None and found is not now:
            return Held(now, state.as_of + timedelta(days=1))
        now = found
    assert now is not None
    return Held(now, None)


@FEW
@given(seed=st.integers(0, 10**6), ago=st.sampled_from([0, 1, 40, 380, 500]))
def test_a_class_holds_since_the_day_after_the_last_one_that_had_another(
    seed: int, ago: int
) -> None:
    facts = facts_told(history(seed))
    as_of = TODAY - timedelta(days=ago)

    found = held(Timeline(facts), as_of, WINDOW_DAYS)

    assert found == {window: day_by_day(facts, as_of, window) for window in WINDOW_DAYS}


@FEW
@given(seed=st.integers(0, 10**6), ago=st.sampled_from([2, 20, 100]))
def test_what_was_known_before_facts_came_late_shortens_the_way_and_changes_nothing(
    seed: int, ago: int
) -> None:
    facts = facts_told(history(seed))
    as_of, cut = TODAY - timedelta(days=2), len(facts) - len(facts) // 5
    late = [fact for fact in facts[cut:] if fact.day <= day_number(TODAY) - ago]
    known = held(Timeline(facts[:cut]), as_of, WINDOW_DAYS)
    known_to = min((fact.day for fact in late), default=day_number(TODAY))
    every = [*facts[:cut], *late]

    found = held(Timeline(every), as_of, WINDOW_DAYS, known, known_to)

    assert found == held(Timeline(every), as_of, WINDOW_DAYS)


def test_what_holds_is_carried_from_day_to_day() -> None:
    facts = time_bank().facts()
    day = DAY - timedelta(days=70)
    found = held(Timeline(facts), day, ["28d"])["28d"]
    while day < DAY + timedelta(days=40):
        day += timedelta(days=1)
        state = ServiceState(day)
        state.apply(facts)
        found = found.then(classify(state, "28d"))

        assert found == held(Timeline(facts), day, ["28d"])["28d"]
