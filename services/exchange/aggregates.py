"""The aggregates of exchange. Names in bulk, bodies, builders, routes and refusals follow."""

from services.exchange.consultation import commands as consultation
from services.exchange.contribution import commands as contribution
from services.exchange.decision import commands as decision
from services.exchange.directory.refusals import REFUSALS
from services.exchange.feedback import commands as feedback
from services.exchange.resource import commands as resource
from shared.commands.aggregate import Aggregates

AGGREGATES = Aggregates(
    "exchange",
    (
        contribution.AGGREGATE,
        feedback.AGGREGATE,
        decision.AGGREGATE,
        resource.AGGREGATE,
        consultation.AGGREGATE,
    ),
    shared=REFUSALS,
)
