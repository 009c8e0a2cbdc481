"""Power: whose votes decide, and who decides on the money (H1, H3)."""

from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing, ratio


def power(view: View) -> dict[str, Figure]:
    return {"H1": vote_power(view), "H3": resources(view)}


def vote_power(view: View) -> Figure:
    decisions, lay, whole = view.tables.power
    return ratio(lay, whole, decisions)


def resources(view: View) -> Figure:
    currencies = list(view.tables.allocations.values())
    if len(currencies) > 1 and any(whole for _, _, whole in currencies):
        return missing(Reason.CURRENCIES_MIXED, sum(count for count, _, _ in currencies))
    count, lay, whole = map(sum, zip(*currencies, strict=True)) if currencies else (0, 0, 0)
    return ratio(lay, whole, count)
