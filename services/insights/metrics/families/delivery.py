"""Delivery: who carries the service out, and whether both kinds of knowledge meet (G1, G2)."""

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.party import lay_shares
from services.insights.metrics.figure import Figure, Reason, missing, share

LAY_SHARES = {"G1": (q.DELIVERY, q.LAY_DELIVERY)}


def delivery(view: View, lens: str) -> dict[str, Figure]:
    return lay_shares(view, lens, LAY_SHARES)


def knowledge(view: View) -> dict[str, Figure]:
    return {"G2": complementary(view)}


def complementary(view: View) -> Figure:
    episodes = view.tables.episodes
    n = len(episodes)
    if n and view.few_givers(q.WITH_EPISODE):
        return missing(Reason.BELOW_K, n)
    return share(episodes.complementary, n, n)
