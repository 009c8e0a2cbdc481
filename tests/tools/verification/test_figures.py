"""Figures that differ from their recomputation are found, and those that don't are not."""

from datetime import timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from services.insights.metrics.engine.timeline import Timeline
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.receipt import Moment, Standing
from services.insights.release import rendering as release
from services.insights.release.rendering import Subject
from services.insights.verdict.history import held
from services.insights.verdict.lookback import Past
from shared.contracts.catalogue import BY_MODEL, encode
from shared.contracts.exchange import ContributionRecorded
from shared.log.port import TopicPartition
from tests.support.archetypes import DAY, facts_told, moment, time_bank
from tools.oracle.figures import Number
from tools.verification.figures import Histories, Told, check_verdict, difference
from tools.verification.report import Report

SERVICE = "exchange.activity.v1/3"


def figure(**changes: Any) -> dict[str, Any]:
    """Return a figure as it is answered; None in ``changes`` leaves a field out."""
    said = {"value": 0.5, "n": 10, "interval": [0.25, 0.75], **changes}
    return {name: one for name, one in said.items() if one is not None}


def test_a_figure_equal_but_for_its_rounding_is_the_same() -> None:
    third = figure(value=0.333333333, interval=[0.2, 0.4])

    assert difference(third, Number(1 / 3, 10, None, (0.2, 0.4))) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 0.50000001},
        {"value": None, "reason": "below_k"},
        {"n": 11},
        {"interval": [0.25, 0.76]},
        {"interval": None},
        {"reason": "below_floor"},
    ],
)
def test_any_difference_is_named(changes: dict[str, Any]) -> None:
    assert difference(figure(**changes), Number(0.5, 10, None, (0.25, 0.75))) is not None


def test_the_same_reason_for_no_figure_is_the_same() -> None:
    none = figure(value=None, reason="below_floor", n=3, interval=None)

    assert difference(none, Number(None, 7, "below_floor")) is None


def act(position: int, contribution: str) -> Told:
    data = {"act": {"contribution_id": contribution}}
    kind = "org.coprod.exchange.contribution.confirmed.v1"
    return Told(SERVICE, position, kind, data)


def test_a_history_ends_at_the_positions_of_the_receipt() -> None:
    histories = Histories([act(1, "a"), act(2, "b"), act(3, "c")])

    assert set(histories.up_to({SERVICE: 2}).acts) == {"a", "b"}
    assert set(histories.up_to({SERVICE: 3}).acts) == {"a", "b", "c"}
    assert histories.up_to({}).acts == {}


def bank() -> tuple[dict[str, Any], Histories]:
    """Return the verdict of a time bank in which an act waits, and what happened there."""
    story = time_bank()
    waits = story.act("u1", 3, ["u2"])
    due = moment(3) + timedelta(days=14)
    story.events[-1] = ContributionRecorded(act=waits, confirm_due_at=due)
    facts = facts_told(story.events)
    timeline, here = Timeline(facts), TopicPartition("exchange.activity.v1", 3)
    before = held(timeline, DAY - timedelta(days=1), ["90d"])
    at = Moment(
        timeline.at(DAY),
        Past(Timeline(facts), DAY).found(),
        Standing("d", len(facts), {here: len(facts)}),
        before.get,
    )
    info = ServiceInfo("service-1", 3, ("town",), None, "Bank", None, DAY)
    told = [
        Told(SERVICE, position, BY_MODEL[type(event)].name, orjson.loads(encode(event)))
        for position, event in enumerate(story.events, start=1)
    ]
    return release.verdict(at, Subject(info, {}), "90d"), Histories(told)


def problems(answer: dict[str, Any], histories: Histories) -> int:
    report = Report()
    check_verdict(answer, histories, report)
    return sum(report.counts.values())


def test_since_when_a_class_holds_and_what_waits_are_recomputed() -> None:
    answer, histories = bank()
    waiting = answer["waiting"]

    assert (waiting["recorded"], answer["class"]) == (1, "mutual_aid")
    assert problems(answer, histories) == 0
    found = partial(problems, histories=histories)
    assert found(answer | {"holds_since": (DAY - timedelta(days=1)).isoformat()}) == 1
    assert found(answer | {"waiting": waiting | {"recorded": 2}}) == 1
    assert found(answer | {"waiting": waiting | {"counts_by": DAY.isoformat()}}) == 1
    assert found(answer | {"waiting": waiting | {"disputed": 1}}) == 1
