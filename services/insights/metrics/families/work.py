"""D. Work: what counts as work; no metric is measured yet."""

from services.insights.metrics.definition import Family

FAMILY = Family(
    id="D",
    clause="Redéfinir l'idée de travail … entretenir un famille, prendre soin d'un personne",
)
