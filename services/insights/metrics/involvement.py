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
    more = view.givers(lambda cell: cell.mode != OPINION)
    return {
        "J1": people_share(view.lay_givers - more, view.lay_givers, k),
        "J2": _one_off(view),
        "J3": _staying(view),
    }


def _one_off(view: View) -> Figure:
    observed = {
        person
        for person in view.lay_ever
        if min(view.days_of(person)) <= view.day - J2_OBSERVED_DAYS
    }
    once = {person for person in observed if len(view.days_of(person)) == 1}
    return people_share(once, observed, view.defaults.k)


def _staying(view: View) -> Figure:
    days_max = J3_BLOCKS * J3_BLOCK_DAYS
    recent = range(view.day - days_max + 1, view.day + 1)
    givers = {
        person
        for person in view.lay_ever
        if any(stamped >> 1 in recent and stamped & 1 for stamped in view.life.days[person])
    }
    staying = {
        person
        for person in givers
        if len({(view.day - day) // J3_BLOCK_DAYS for day in view.days_of(person) if day in recent})
        >= J3_BLOCKS_MIN
    }
    return people_share(staying, givers, view.defaults.k)
