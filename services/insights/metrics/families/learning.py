"""O. Learning: failures, successes and experiments; no metric is measured yet."""

from services.insights.metrics.definition import Family

FAMILY = Family(
    id="O",
    clause="S'enrichir des cas d'échec est de succès",
)
