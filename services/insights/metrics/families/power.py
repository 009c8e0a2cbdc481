"""H. Power: whose votes decide, and who decides on the money."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing, ratio
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import plain


def _votes(view: View) -> Figure:
    decisions, lay, whole = view.tables.power
    return ratio(lay, whole, decisions)


def _resources(view: View) -> Figure:
    currencies = list(view.tables.allocations.values())
    if len(currencies) > 1 and any(whole for _, _, whole in currencies):
        return missing(Reason.CURRENCIES_MIXED, sum(count for count, _, _ in currencies))
    count, lay, whole = map(sum, zip(*currencies, strict=True)) if currencies else (0, 0, 0)
    return ratio(lay, whole, count)


FAMILY = Family(
    id="H",
    clause="fait basculer une partie du pouvoir, de la responsabilité et des ressources",
    metrics=(
        plain(
            "H1",
            _votes,
            fr="pouvoir",
            en="power",
            formula="Σ lay vote weight·level / Σ weight·level",
            source="Arnstein 1969",
            window="365d",
            reading="0.5 or more: citizens decide",
            readings=(
                Reading(
                    "levels",
                    "Level of a decision: operational 1, service 2, strategic and budget 3. n"
                    " counts decisions.",
                ),
            ),
        ),
        plain(
            "H3",
            _resources,
            fr="ressources",
            en="resources",
            formula="amount allocated by lay majority or to lay stewards / allocated",
            source="the founding article",
            window="365d",
            readings=(
                Reading(
                    "allocations",
                    "Lay: the decision named had a lay majority (more than half), or the steward is"
                    " lay. Amounts in several currencies are never added: currencies_mixed.",
                ),
            ),
        ),
    ),
)
