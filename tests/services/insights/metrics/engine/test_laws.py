"""Laws of the fold: order, batches and retractions leave no trace; windows are whole days."""

import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.insights.facts.encoding import pack, unpack
from services.insights.facts.fact import Fact, turned
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.tables import BY_ACT
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.figures import figures
from services.insights.verdict.verdict import classify
from tests.support.archetypes import DAY, OPEN, Story, facts_told

WINDOWS = ("28d", "90d", "365d", "life")

FEW = settings(max_examples=40, deadline=None)
people = st.sampled_from([f"{letter}{number}" for letter in "puf" for number in range(1, 5)])
days_ago = st.one_of(st.integers(0, 100), st.sampled_from([27, 28, 89, 90, 364, 365, 900]))
blank = st.none()
acts = st.fixed_dictionaries(
    {
        "giver": people,
        "ago": days_ago,
        "receivers": st.lists(people, max_size=4),
        "phase": st.one_of(blank, st.sampled_from(["commission", "design", "deliver", "assess"])),
        "mode": st.one_of(blank, st.sampled_from(["act", "opinion"])),
        "minutes": st.one_of(blank, st.integers(1, 1440)),
        "kind": st.one_of(blank, st.sampled_from(["train", "care", "gardening"])),
        "episode_id": st.one_of(blank, st.sampled_from(["e1", "e2"])),
        "giver_kind": st.sampled_from(["person", "person", "group"]),
        "giver_org": st.sampled_from([None, "agency", "org"]),
    }
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    story = Story()
    drawn: list[dict[str, Any]] = draw(st.lists(acts, max_size=12))
    for fields in drawn:
        story.act(fields.pop("giver"), fields.pop("ago"), fields.pop("receivers"), **fields)
    for person, ago in draw(st.lists(st.tuples(people, days_ago), max_size=4)):
        story.role(person, ago)
        story.feedback(person, ago, answered=ago % 40, changed=ago % 50)
        story.decision(ago, weights={"user": ago, "professional": 2}, voters=ago % 7)
        story.allocation(ago, 100 * ago, lay_majority=bool(ago % 2))
    if draw(st.booleans()):
        story.registered("agency")
        story.linked("org")
    found = facts_told(story.events)
    taken_back = draw(st.lists(st.sampled_from(found), unique=True)) if found else []
    return found + [turned(fact) for fact in taken_back]


def folded(facts: list[Fact], as_of: int = 0) -> ServiceState:
    state = ServiceState(DAY - timedelta(days=as_of))
    state.apply(facts)
    return state


@settings(FEW)
@given(facts=histories(), seed=st.randoms(use_true_random=False))
def test_no_order_of_the_facts_changes_the_state(facts: list[Fact], seed: random.Random) -> None:
    shuffled = facts.copy()
    seed.shuffle(shuffled)

    assert folded(shuffled) == folded(facts)


@settings(FEW)
@given(facts=histories(), cuts=st.lists(st.integers(0, 40), max_size=3))
def test_folding_in_batches_is_folding_at_once(facts: list[Fact], cuts: list[int]) -> None:
    state = ServiceState(DAY)
    within = {min(cut, len(facts)) for cut in cuts}
    for start, end in pairwise(sorted({0, len(facts), *within})):
        state.apply(facts[start:end])

    assert state == folded(facts)


@settings(FEW)
@given(kept=histories(), more=histories())
def test_a_fact_and_its_retraction_leave_no_trace(kept: list[Fact], more: list[Fact]) -> None:
    state = folded(kept)

    state.apply(more)
    state.apply([turned(fact) for fact in more])

    assert state == folded(kept)


@given(facts=histories(), route=st.lists(st.integers(0, 1000), min_size=1, max_size=4))
@settings(FEW, max_examples=20)
def test_a_timeline_moved_to_a_day_is_the_state_of_that_day(
    facts: list[Fact], route: list[int]
) -> None:
    timeline = Timeline(facts)

    for ago in route:
        assert timeline.at(DAY - timedelta(days=ago)) == folded(facts, ago)


@given(
    facts=histories(),
    route=st.lists(st.integers(-30, 30), min_size=2, max_size=8),
    chance=st.randoms(use_true_random=False),
)
@settings(FEW, max_examples=15)
def test_figures_read_on_the_way_of_a_timeline_are_those_of_each_day(
    facts: list[Fact], route: list[int], chance: random.Random
) -> None:
    lost = [fact for fact in facts if chance.random() < 0.9]  # so that some was never given
    timeline, ago = Timeline(lost, OPEN), chance.randrange(100)

    for step in route:
        ago = max(0, ago + step)
        day = DAY - timedelta(days=ago)
        moved, anew = timeline.at(day), ServiceState(day, OPEN)
        anew.apply(lost)
        for window in WINDOWS:
            for lens in ("minutes", "count"):
                assert figures(moved, window, lens) == figures(anew, window, lens)
            assert classify(moved, window) == classify(anew, window)


@given(facts=histories())
@settings(FEW, max_examples=10)
def test_figures_are_read_without_changing_the_state(facts: list[Fact]) -> None:
    state = folded(facts)

    first = [figures(state, window, "minutes") for window in WINDOWS]

    assert [figures(folded(facts), window, "minutes") for window in WINDOWS] == first
    assert state == folded(facts)


@given(facts=histories(), step=st.integers(1, 9), seed=st.randoms(use_true_random=False))
@settings(FEW)
def test_figures_read_between_facts_are_those_of_a_state_never_read_before(
    facts: list[Fact], step: int, seed: random.Random
) -> None:
    shuffled = facts.copy()
    seed.shuffle(shuffled)  # so that some is taken back before it came
    state = ServiceState(DAY, OPEN)

    for end in range(step, len(shuffled) + step, step):
        state.apply(shuffled[end - step : end])
        anew = ServiceState(DAY, OPEN)
        anew.apply(shuffled[:end])
        for window in WINDOWS:
            assert figures(state, window, "count") == figures(anew, window, "count")
            assert figures(state, window, "minutes") == figures(anew, window, "minutes")
            assert classify(state, window) == classify(anew, window)


def test_what_is_taken_back_before_it_came_keeps_nothing_from_being_read() -> None:
    story = Story()
    story.act("u1", 3, ["u2"])
    story.act("u1", 3, [], phase="design")
    came, waits = facts_told(story.events)
    state = ServiceState(DAY, OPEN)

    state.apply([came, turned(waits)])

    assert figures(state, "life", "count")["A1"].n == 1
    assert figures(state, "life", "count")["M6"].n == 1


@settings(FEW)
@given(facts=histories())
def test_packed_facts_come_back_as_they_were(facts: list[Fact]) -> None:
    assert unpack(pack(facts)) == facts


@settings(FEW)
@given(facts=histories())
def test_facts_after_the_as_of_day_change_nothing(facts: list[Fact]) -> None:
    past = [fact for fact in facts if fact.day <= folded([], 50).day]

    assert folded(facts, 50) == folded(past, 50)


def test_what_moves_from_ring_to_ring_stays_in_the_window_that_spans_both() -> None:
    story = Story()
    story.decision(3, weights={"user": 9}, voters=9)
    story.act("p1", 3, giver_org="club")
    story.act("u1", 40)
    timeline = Timeline(story.facts(), OPEN)

    for later in (0, 26):  # three days old, and then too old for 28 days
        view = timeline.at(DAY + timedelta(days=later)).view("90d")
        assert view.evidence_givers == 9
        assert view.affiliation_unknown(BY_ACT) == 1
