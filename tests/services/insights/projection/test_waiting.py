"""Acts that wait to be confirmed are counted, whatever befalls them and in whatever order."""

import random
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from services.exchange.contribution.life import INITIAL, Disputed, Recorded, State, Status, evolve
from services.exchange.contribution.rules import (
    Command,
    Confirm,
    ConfirmAutomatically,
    Correct,
    Dispute,
    Record,
    Resolve,
    Void,
    decide,
)
from services.exchange.contribution.synchronisation import Synchronise, synchronise
from services.insights.facts.encoding import pack, unpack
from services.insights.facts.fact import Fact, WaitingFact, day_number
from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.timeline import Timeline
from services.insights.verdict.sentences.waiting import waiting_json
from shared.contracts.vocabulary import Message, Outcome
from shared.eventstore.port import Rejected
from tests.services.exchange.builders import NOON, act
from tests.support.archetypes import Codes

TODAY = (NOON + timedelta(days=60)).date()
DUE = day_number(NOON + timedelta(days=14))
EARLIER = NOON - timedelta(days=3)
acts = st.sampled_from([act(), act(minutes=90), act(occurred_at=EARLIER)])
people = st.sampled_from(["bob", "pat"])
commands = st.one_of(
    st.builds(Record, acts, st.just(NOON)),
    st.builds(Confirm, people),
    st.just(ConfirmAutomatically()),
    st.builds(Dispute, people, st.just("mistake")),
    st.builds(Resolve, people, st.sampled_from(Outcome), st.none() | acts),
    st.builds(Correct, people, acts),
    st.builds(Void, people, st.just("mistake")),
    st.builds(Synchronise, acts, st.sampled_from(Status), st.just("system:file"), st.just(NOON)),
)


def lived(script: Sequence[Command | Synchronise]) -> tuple[list[Message], State]:
    """Return what the commands that were accepted led to."""
    state: State = INITIAL
    events: list[Message] = []
    for command in script:
        try:
            asked = synchronise if isinstance(command, Synchronise) else decide
            found = asked(command, state)  # type: ignore[arg-type]
        except Rejected:
            continue
        events += found
        state = reduce(evolve, found, state)
    return events, state


def facts_told(events: Sequence[Message]) -> list[Fact]:
    code = Codes()
    return [fact for event in events for fact in facts_of(event, code)]


def folded(facts: Sequence[Fact], as_of: date = TODAY) -> dict[int, int]:
    state = ServiceState(as_of)
    state.apply(facts)
    return state.life.waiting


def due(state: State) -> dict[int, int]:
    match state:
        case Recorded():
            return {DUE: 1}
        case Disputed():
            return {0: 1}
        case _:
            return {}


@given(st.lists(commands, max_size=12), st.randoms(use_true_random=False))
def test_an_act_waits_as_long_as_its_life_says(
    script: list[Command | Synchronise], chance: random.Random
) -> None:
    events, state = lived(script)
    facts = facts_told(events)

    assert unpack(pack(facts)) == facts
    assert folded(facts) == due(state)
    chance.shuffle(facts)
    assert folded(facts) == due(state)
    assert Timeline(facts).at(TODAY).life.waiting == due(state)
    if not isinstance(state, type(INITIAL)):
        day = state.act.occurred_at.astimezone(UTC).date()
        assert folded(facts, day) == due(state)
        assert folded(facts, day - timedelta(days=1)) == {}


def test_a_row_that_is_confirmed_already_never_waits() -> None:
    events, _ = lived([Synchronise(act(), Status.CONFIRMED, "system:file", NOON)])

    assert not any(isinstance(fact, WaitingFact) for fact in facts_told(events))


def told(*dues: int, disputed: int = 0) -> dict[str, list[str]]:
    state = ServiceState(TODAY)
    acts = [WaitingFact(1, state.day, 1, due) for due in (*dues, *[0] * disputed)]
    state.apply(acts)
    text: dict[str, list[str]] = waiting_json(state)["text"]
    return text


def test_what_waits_is_said_with_the_day_from_which_it_counts() -> None:
    fourteenth = day_number(date(2026, 12, 14))

    assert told() == {"fr": [], "en": []}
    assert told(fourteenth) == {
        "fr": [
            (
                "1 contribution attend d'être confirmée (elle compte à partir du 14 décembre 2026, "
                "sauf contestation)"
            )
        ],
        "en": [
            "1 contribution waits to be confirmed (it counts from 14 December 2026 unless disputed)"
        ],
    }
    assert told(*[fourteenth] * 20)["en"] == [
        "20 contributions wait to be confirmed (they count from 14 December 2026 unless disputed)"
    ]
    assert told(fourteenth - 13, fourteenth, disputed=2) == {
        "fr": [
            (
                "2 contributions attendent d'être confirmées (elles comptent entre le 1er décembre "
                "2026 et le 14 décembre 2026, sauf contestation)"
            ),
            "2 contributions contestées attendent d'être tranchées",
        ],
        "en": [
            (
                "2 contributions wait to be confirmed (they count between 1 December 2026 and 14 "
                "December 2026 unless disputed)"
            ),
            "2 disputed contributions wait to be settled",
        ],
    }


def test_what_waits_lets_figures_that_were_read_stay() -> None:
    state = ServiceState(TODAY)
    confirmed, _ = lived([Record(act(), NOON), Confirm("bob")])
    state.apply(facts_told(confirmed))
    before = state.view("life")

    recorded, _ = lived([Record(act(), NOON)])
    state.apply(facts_told(recorded))

    assert state.view("life") is before
    assert state.life.waiting == {DUE: 1}
