"""Every figure and class of generated histories equals a recomputation that shares no code with it.

So do those of the town, and of real feeds where these are imported (``coprod verify``).

The histories hold corrections, voids, disputes, late and reordered events, groups, crowds, people
who change sides, blank fields, decisions, money and feedback.
"""

from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.insights.facts.fact import Fact
from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.figures import metrics_json
from services.insights.verdict.sentences.waiting import waiting_json
from services.insights.verdict.verdict import classify
from shared.contracts.catalogue import BY_MODEL, encode
from shared.contracts.vocabulary import Message
from tests.support.histories import SERVICE, TODAY, history
from tests.tools.town.telling import told
from tools.oracle.figures import WINDOWS, Figures, Number
from tools.oracle.history import History, collect, day
from tools.oracle.verdict import rule
from tools.town.stories import STORIES
from tools.town.story import Story
from tools.verification.figures import waiting

seeds = st.integers(min_value=0, max_value=10**6)
as_ofs = st.sampled_from([TODAY, TODAY - timedelta(days=1), TODAY - timedelta(days=100)])


class Codebook(dict[tuple[str, str], int]):
    def __call__(self, kind: str, text: str) -> int:
        return self.setdefault((kind, text), len(self) + 1)


def facts(events: list[Message]) -> list[Fact]:
    code = Codebook()
    return [fact for event in events for fact in facts_of(event, code)]


def recollected(events: list[Message]) -> History:
    return collect((BY_MODEL[type(event)].name, orjson.loads(encode(event))) for event in events)


def differs(found: dict[str, Any], expected: Number) -> bool:
    if ("value" in found) != (expected.value is not None) or found["n"] != expected.n:
        return True
    if expected.value is None:
        return bool(found["reason"] != expected.reason)
    numbers = [found["value"], *found.get("interval", ())]
    wanted = [expected.value, *(expected.interval or ())]
    return len(numbers) != len(wanted) or numbers != pytest.approx(wanted, rel=1e-8, abs=1e-9)


@given(seed=seeds, as_of=as_ofs)
@settings(max_examples=40, deadline=None)
def test_every_figure_equals_the_recomputation(seed: int, as_of: Any) -> None:
    assert_figures_agree(history(seed), as_of)


@given(seed=seeds, as_of=as_ofs)
@settings(max_examples=40, deadline=None)
def test_the_class_equals_the_recomputation(seed: int, as_of: Any) -> None:
    assert_classes_agree(history(seed), as_of)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.service)
def test_the_town_equals_its_recomputation(story: Story) -> None:
    events = list(told(story, 1, TODAY))

    assert_figures_agree(events, TODAY)
    assert_classes_agree(events, TODAY)


def assert_figures_agree(events: list[Message], as_of: date) -> None:
    state = ServiceState(as_of)
    state.apply(facts(events))
    again = recollected(events)

    for window in WINDOWS:
        for lens in ("count", "minutes"):
            found = metrics_json(state, window, service_id=SERVICE, receipt={}, lens=lens)
            expected = Figures(again, day(as_of.isoformat()), window, lens).all()
            wrong = {
                id_: (found["metrics"][id_], number)
                for id_, number in expected.items()
                if differs(found["metrics"][id_], number)
            }
            assert wrong == {}, (window, lens)
            assert found["metrics"].keys() == expected.keys()


def assert_classes_agree(events: list[Message], as_of: date) -> None:
    state = ServiceState(as_of)
    state.apply(facts(events))
    again = recollected(events)

    for window in WINDOWS:
        found = classify(state, window)
        expected = rule(again, day(as_of.isoformat()), window)
        assert found.service_class == expected.name, window
        assert set(found.flags) == expected.flags, window
        assert found.grounds.lens == expected.lens, window
        assert (found.grounds.evidence.p, found.grounds.evidence.d) == (expected.p, expected.d)


@given(seed=seeds, as_of=as_ofs)
@settings(max_examples=40, deadline=None)
def test_what_waits_equals_the_recomputation(seed: int, as_of: Any) -> None:
    events = history(seed)
    state = ServiceState(as_of)
    state.apply(facts(events))

    found = waiting_json(state)

    recorded, disputed, days = waiting(recollected(events), as_of.isoformat())
    assert (found["recorded"], found["disputed"]) == (recorded, disputed)
    assert [day(found[name]) for name in ("counts_from", "counts_by") if name in found] == days
