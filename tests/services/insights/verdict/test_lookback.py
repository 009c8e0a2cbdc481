"""The past that is kept takes late facts, and then is the one that is made of all of them anew."""

import random
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.insights.facts.fact import Fact
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.thresholds import WINDOW_DAYS
from services.insights.projection.memory import LiveService
from services.insights.verdict.lookback import Past, PastNeeded
from services.insights.verdict.verdict import Verdict
from tests.services.insights.projection.test_columns import told
from tests.support.archetypes import Story, facts_told
from tests.support.histories import TODAY

seeds = st.integers(0, 10**6)
FEW = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def seen(past: Past) -> dict[str, tuple[Verdict, Verdict | None]]:
    return {window: (past.yesterday(window), past.evidenced(window)) for window in WINDOW_DAYS}


def made_anew(events: Sequence[Sequence[Fact]]) -> dict[str, tuple[Verdict, Verdict | None]]:
    return seen(Past(Timeline([fact for facts in events for fact in facts]), TODAY).found())


def known(past: Past) -> dict[str, tuple[Verdict, Verdict | None]] | None:
    """Return what it can say by itself: days before yesterday are with the facts only."""
    try:
        return seen(past)
    except PastNeeded:
        return None


@FEW
@given(seed=seeds)
def test_a_past_that_took_facts_is_one_made_anew(seed: int) -> None:
    events = [facts for facts in told(seed, 1) if facts]
    chance = random.Random(seed)
    cuts = sorted(chance.sample(range(1, len(events)), min(6, len(events) - 1)))
    past = Past(Timeline([fact for facts in events[: cuts[0]] for fact in facts]), TODAY).found()

    for first, last in pairwise(cuts):
        past.take([fact for facts in events[first:last] for fact in facts])

        assert known(past) in (None, made_anew(events[:last]))


@FEW
@given(seed=seeds)
def test_a_service_keeps_its_past_up_also_while_it_is_read(seed: int) -> None:
    events = [facts for facts in told(seed, 1) if facts]
    chance = random.Random(seed)
    at = chance.randrange(1, len(events))
    service = LiveService("s", 3, None, ServiceState(TODAY))
    service.take(events[:at])
    service.past = Past(Timeline([fact for facts in events[:at] for fact in facts]), TODAY).found()
    service.past_late = service.late

    for facts in events[at:]:
        if chance.random() < 0.3:
            service.hold()
            service.take([facts])
            service.go_on()
        else:
            service.take([facts])

    assert service.past_late == service.late
    assert known(service.past) in (None, made_anew(events))


def test_a_past_that_missed_facts_is_not_taken_for_whole() -> None:
    events = [facts for facts in told(1, 1) if facts]
    late = next(facts for facts in events if facts[0].day < ServiceState(TODAY).day)
    service = LiveService("s", 3, None, ServiceState(TODAY))
    service.past = Past(Timeline([]), TODAY).found()
    service.hold()
    service.take([late])
    service.past = Past(Timeline(late), TODAY).found()  # made while the fact waits: it is in
    service.past_late = service.late

    service.go_on()

    assert service.past_late == service.late
    assert known(service.past) in (None, made_anew([late]))


def test_who_had_evidence_yesterday_needs_no_facts_again() -> None:
    story = Story()
    for day in range(60):
        story.act(f"u{day % 7}", day + 1, ["u9"])
    facts = facts_told(story.events)
    past = Past(Timeline(facts[:-20]), TODAY).found()

    past.take(facts[-20:])

    assert past.yesterday("life").evidenced
    assert seen(past) == made_anew([facts])


def test_who_never_had_evidence_needs_no_facts_again() -> None:
    story = Story()
    for day in range(0, 120, 4):
        story.act(f"u{day % 7}", day + 1, ["u9"])
    facts = facts_told(story.events)
    past = Past(Timeline(facts[:-2]), TODAY).found()

    past.take(facts[-2:])

    assert past.evidenced("28d") is None
    assert seen(past) == made_anew([facts])
