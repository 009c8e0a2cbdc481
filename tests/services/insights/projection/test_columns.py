"""All facts folded at once leave the states and counts that they leave one by one."""

import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.insights.facts.chunk import Chunk, chunk_of
from services.insights.facts.encoding import UnknownFormat
from services.insights.facts.fact import Fact, turned
from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from services.insights.projection.columns import folded
from services.insights.projection.memory import LiveService
from shared.contracts.vocabulary import Message
from shared.log.port import TopicPartition
from tests.services.insights.feed import renamed
from tests.support.archetypes import Codes, Story
from tests.support.histories import TODAY, history

SOURCE = TopicPartition("exchange.activity.v1", 3)
seeds = st.integers(0, 10**6)
as_ofs = st.sampled_from([0, 1, 27, 28, 100, 400, 900])


def told(seed: int, services: int) -> list[list[Fact]]:
    """Return the facts of each event of several services, one event of each in turn."""
    code = Codes()
    chance = random.Random(seed)
    lives = [history(seed + n) for n in range(services)]
    named = [
        [event for event in life if _renamable(event)] if n else life
        for n, life in enumerate(lives)
    ]
    waiting = [renamed(life, f"service-{n}") if n else life for n, life in enumerate(named)]
    events: list[list[Fact]] = []
    while waiting:
        life = chance.choice(waiting)
        events.append(facts_of(life.pop(0), code))
        if chance.random() < 0.1 and events[-1]:
            events.append([turned(fact) for fact in events[-1]])  # also of what never comes
        waiting = [life for life in waiting if life]
    return events


def _renamable(event: Message) -> bool:
    return getattr(event, "before", None) is None


def chunked(events: Sequence[Sequence[Fact]], sizes: random.Random) -> list[Chunk]:
    chunks, first = [], 0
    while first < len(events):
        last = first + sizes.choice((1, 7, 60, 1000))
        numbered = [(n + 1, facts) for n, facts in enumerate(events[first:last], start=first)]
        chunks.append(chunk_of(SOURCE, numbered))
        first = last
    return [chunk for chunk in chunks if chunk is not None]


def one_by_one(chunks: Sequence[Chunk], as_of: date) -> dict[int, LiveService]:
    services: dict[int, LiveService] = {}
    for chunk in chunks:
        for _, facts in chunk.events():
            code = facts[0].service
            if code not in services:
                services[code] = LiveService(str(code), 3, None, ServiceState(as_of))
            services[code].take([facts])
    return services


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=seeds, services=st.integers(1, 3), back=as_ofs)
def test_all_at_once_is_one_by_one(seed: int, services: int, back: int) -> None:
    chunks = chunked(told(seed, services), random.Random(seed))
    as_of = TODAY - timedelta(days=back)

    found = folded(chunks, as_of)

    expected = one_by_one(chunks, as_of)
    assert found.keys() == expected.keys()
    for code, service in expected.items():
        assert found[code].state == service.state
        counted = (found[code].events, found[code].facts, found[code].late)
        assert counted == (service.events, service.facts, service.late)


def test_extremes_are_folded_as_anything_else() -> None:
    story = Story()
    story.act("u1", 750_000 - 20_000, ["u2"])
    story.act("u1", 3, ["u2"])
    story.allocation(1, 2**80)
    for many in (49, 50, 51):
        story.act("u1", 3, [f"u{number}" for number in range(2, 2 + many)], minutes=31)
    story.act("u1", 3, ["u9"], minutes=31, giver_kind="group")
    code = Codes()
    chunks = chunked([facts_of(event, code) for event in story.events], random.Random(1))

    found = folded(chunks, TODAY)

    ((_, service),) = one_by_one(chunks, TODAY).items()
    assert [one.state for one in found.values()] == [service.state]


def test_no_facts_are_no_services() -> None:
    assert folded([], TODAY) == {}


def test_chunks_of_another_format_are_refused() -> None:
    chunk, *_ = chunked(told(1, 1), random.Random(0))
    other = Chunk(chunk.source, 1, chunk.services, chunk.counts, b"\x94\x63" + chunk.packed[2:])

    with pytest.raises(UnknownFormat):
        folded([other], TODAY)
