"""Delivery: who carries the service out, and whether both kinds of knowledge meet (G1, G2)."""

from services.insights.metrics.figure import Figure, Reason, missing, share
from services.insights.metrics.party import weighted_share
from services.insights.metrics.tables import (
    EPISODE_BITS,
    EPISODE_LAY_ACT,
    EPISODE_PROFESSIONAL_ACT,
)
from services.insights.metrics.view import Sum, View


def delivery(view: View, lens: str) -> dict[str, Figure]:
    lay, whole = delivered(view, lens)
    return {
        "G1": weighted_share(lay, whole, view.defaults.k),
        "G2": complementary(view),
    }


def delivered(view: View, lens: str) -> tuple[Sum, Sum]:
    """Return what lay givers delivered, and what anybody did."""
    lay = view.sum(lens, lambda cell: cell.delivery and cell.lay)
    return lay, view.sum(lens, lambda cell: cell.delivery)


def complementary(view: View) -> Figure:
    mask = (1 << EPISODE_BITS) - 1
    roles: dict[int, set[int]] = {}
    for key in view.tables.episodes:
        roles.setdefault(key >> EPISODE_BITS, set()).add(key & mask)
    everybody = view.sum("count", lambda cell: cell.episode)
    if roles and everybody.fewer_givers_than(view.defaults.k):
        return missing(Reason.BELOW_K, len(roles))
    both = sum(roles_ >= {EPISODE_LAY_ACT, EPISODE_PROFESSIONAL_ACT} for roles_ in roles.values())
    return share(both, len(roles), len(roles))
