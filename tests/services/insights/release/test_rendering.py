"""What is rendered from what was kept is, to the byte, what the plain answers say made anew."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from services.insights.facts.fact import Fact
from services.insights.metrics.catalogue import BY_ID
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.thresholds import LENSES, WINDOW_DAYS, Thresholds
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.receipt import Moment, Standing
from services.insights.release import rendering as release
from services.insights.release.rendering import Subject
from services.insights.verdict.announcement import Announced
from services.insights.verdict.lookback import Past
from services.insights.verdict.rule import ServiceClass
from tests.services.insights.projection.test_columns import told
from tests.support.archetypes import OPEN
from tests.support.histories import TODAY

SUBJECT = Subject(
    ServiceInfo("s", 0, ("town",), "meals", "Meals", "care", TODAY),
    {"90d": Announced(ServiceClass.CO_DELIVERY, None, TODAY)},
)
PIECES = 8
limits = st.sampled_from([Thresholds(), OPEN])
seeds = st.integers(0, 10**6)
FEW = settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def moment(state: ServiceState, facts: Sequence[Fact]) -> Moment:
    past = Past(Timeline(facts, state.thresholds), TODAY).found()
    return Moment(state, past, Standing("d", len(facts), {}))


def plain(at: Moment) -> bytes:
    """Return the body as one who knows the answers of the API only would put it together."""
    windows: dict[str, object] = {}
    for window in WINDOW_DAYS:
        verdict = release.verdict(at, SUBJECT, window)
        for beside in (*release.IN_ANSWERS_ALONE, "waiting"):
            del verdict[beside]
        by_lens = {lens: release.metrics(at, "s", window, lens)["metrics"] for lens in LENSES}
        figures = {
            id_: {lens: by_lens[lens][id_] for lens in LENSES}
            if definition.lens == "weighted"
            else {"none": by_lens["count"][id_]}
            for id_, definition in BY_ID.items()
        }
        windows[window] = {"verdict": verdict, "metrics": figures}
    rendered = release.snapshot(at, SUBJECT)
    return orjson.dumps(
        {
            "service": release.identity(SUBJECT.service),
            "as_of": TODAY.isoformat(),
            "version": list(rendered.version),
            "windows": windows,
            "waiting": release.verdict(at, SUBJECT, "90d")["waiting"],
            "receipt": release.receipt(at),
        }
    )


def patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7396) that makes the new record of the old one."""
    gone = dict.fromkeys(old.keys() - new.keys())
    changed = {name: one for name, one in new.items() if name not in old or old[name] != one}
    return gone | {
        name: patch(old[name], one)
        if isinstance(one, dict) and isinstance(old.get(name), dict)
        else one
        for name, one in changed.items()
    }


def merged(target: object, said: object) -> object:
    """Apply a merge patch as section 2 of RFC 7396 says it."""
    if not isinstance(said, dict):
        return said
    found = dict(target) if isinstance(target, dict) else {}
    for name, one in said.items():
        if one is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), one)
    return found


@FEW
@example(seed=6000, thresholds=Thresholds())  # its delivery has weight, and no case, for a while
@given(seed=seeds, thresholds=limits)
def test_a_snapshot_between_any_facts_is_the_plain_one_of_a_state_never_read_before(
    seed: int, thresholds: Thresholds
) -> None:
    facts = [fact for event in told(seed, 1) for fact in event]
    chance = random.Random(seed)
    if chance.random() < 0.5:
        chance.shuffle(facts)  # so that some is taken back before it came
    cuts = {0, len(facts), *chance.choices(range(len(facts) + 1), k=PIECES)}
    state = ServiceState(TODAY, thresholds)
    before: dict[str, Any] = {}

    for first, last in pairwise(sorted(cuts)):
        state.apply(facts[first:last])
        anew = ServiceState(TODAY, thresholds)
        anew.apply(facts[:last])

        kept = release.snapshot(moment(state, facts[:last]), SUBJECT)

        assert kept.body == plain(moment(anew, facts[:last]))
        whole = orjson.loads(kept.body)
        assert merged(before, patch(before, whole)) == whole
        before = whole
        glance = orjson.loads(kept.body)
        for window in glance["windows"].values():
            del window["metrics"]
        assert kept.glance == orjson.dumps(glance)


@FEW
@given(seed=seeds, thresholds=limits)
def test_one_act_after_another_is_rendered_as_if_all_had_come_at_once(
    seed: int, thresholds: Thresholds
) -> None:
    facts = [fact for event in told(seed, 1) for fact in event]
    state = ServiceState(TODAY, thresholds)
    begun = max(len(facts) - 15, 0)
    state.apply(facts[:begun])

    for number, fact in enumerate(facts[begun:], start=begun + 1):
        state.apply([fact])
        release.snapshot(moment(state, facts[:number]), SUBJECT)

    anew = ServiceState(TODAY, thresholds)
    anew.apply(facts)
    at = moment(anew, facts)
    assert release.snapshot(moment(state, facts), SUBJECT).body == plain(at)
