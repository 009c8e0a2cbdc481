"""L. System: change beyond the needs of each person; no metric is measured yet."""

from services.insights.metrics.definition import Family

FAMILY = Family(
    id="L",
    clause="transformer le service public de façon systémique",
)
