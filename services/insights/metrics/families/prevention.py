"""I. Prevention: needs found early and prevented; no metric is measured yet."""

from services.insights.metrics.definition import Family

FAMILY = Family(
    id="I",
    clause="détecter et de prévenir un besoin plus que de le solutionner",
)
