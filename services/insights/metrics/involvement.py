"""Involvement: more than an opinion, more than once, and for how long (J1, J2, J3)."""

from services.insights.metrics.cell import OPINION
from services.insights.metrics.defaults import (
    J2_OBSERVED_DAYS,
    J3_BLOCK_DAYS,
    J3_BLOCKS,
    J3_BLOCKS_MIN,
)
from services.insights.metrics.exchange import people_share
from services.insights.metrics.figure import Figure
from services.insights.metrics.view import View


def involvement(view: View) -> dict[str, Figure]:
    k = view.defaults.k
    more = {gift.giver for gift in view.gifts if gift.cell.mode != OPINION}
    return {
        "J1": people_share(view.lay_givers - more, view.lay_givers, k),
        "J2": _one_off(view),
        "J3": _staying(view),
    }


def _one_off(view: View) -> Figure:
    observed = {
        person
        for person in view.lay_ever
        if min(view.life.days[person]) <= view.day - J2_OBSERVED_DAYS
    }
    once = {person for person in observed if len(view.life.days[person]) == 1}
    return people_share(once, observed, view.defaults.k)


def _staying(view: View) -> Figure:
    blocks_of: dict[int, set[int]] = {}
    for person in view.lay_ever:
        blocks = {
            (view.day - day) // J3_BLOCK_DAYS
            for day in view.life.days[person]
            if view.day - day < J3_BLOCKS * J3_BLOCK_DAYS
        }
        if blocks:
            blocks_of[person] = blocks
    staying = {person for person, blocks in blocks_of.items() if len(blocks) >= J3_BLOCKS_MIN}
    return people_share(staying, set(blocks_of), view.defaults.k)
