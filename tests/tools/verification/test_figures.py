"""Figures that differ from their recomputation are found, and those that don't are not."""

from typing import Any

import pytest

from tools.recompute.figures import Number
from tools.verification.figures import Histories, Told, difference

SERVICE = "exchange.activity.v1/3"


def figure(**changes: Any) -> dict[str, Any]:
    return {"value": 0.5, "n": 10, "interval": [0.25, 0.75], "reason": None, **changes}


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
