"""C. Allies: people are recognised for what they know and can do; no metric is measured yet."""

from services.insights.metrics.definition import Family

FAMILY = Family(
    id="C",
    clause="Reconnaître les gens comme des alliés",
)
