"""The aggregates of registry. Names in bulk, bodies, builders, routes and refusals follow."""

from services.registry.agency import commands as agency
from services.registry.participant import commands as participant
from services.registry.role import commands as role
from services.registry.service import commands as service
from shared.commands.aggregate import Aggregates

SLICES = (agency, service, participant, role)
AGGREGATES = Aggregates("registry", [one.AGGREGATE for one in SLICES])
CHANGES = {event: change for one in SLICES for event, change in one.CHANGES.items()}
