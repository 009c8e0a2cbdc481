"""L. System: change beyond the needs of each person."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine.dimensions import SERVICE, SYSTEM
from services.insights.metrics.engine.predicates import BY_ACT, KNOWN, acts
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import share

FAMILY = Family(
    id="L",
    clause="transformer le service public de façon systémique",
    metrics=(
        share(
            "L1",
            fr="ce qui vise plus loin que chacun",
            en="system scope",
            formula="M(scope∈{service,system})/M(scope known), of acts",
            source="the founding article",
            since="3",
            version="3",
            fields=("minutes", "mode", "scope"),
            reading="0: only the needs of each person or group are met",
            readings=(Reading("scope", "Acts of all parties, groups' included, with a scope."),),
            asks="scope",
            part=acts(scope=(SERVICE, SYSTEM)),
            whole=acts(scope=KNOWN),
            before=BY_ACT,
        ),
    ),
)
