"""Open Repair Data Standard: an item seen at a repair event is an act delivered by the group.

The data names no person, so none is invented: the giver is the group, and who received is unknown.
Format: a row of the standard's table (id, group_identifier, event_date; nothing else is read).
"""

from collections.abc import Mapping
from datetime import datetime

from integrations.contribution import Calendar, Contributions
from integrations.translator import Translation, renamed

SYSTEM = "open-repair"
FIELDS = {"contribution_id": "id", "giver_id": "group_identifier", "occurred_at": "event_date"}
_FILLED = {
    "giver_kind": "group",
    "giver_party": "family_social",
    "phase": "deliver",
    "mode": "act",
    "kind": "repair",
}


class OpenRepair:
    """Translates the items that were brought to one ``service``."""

    reads = tuple(FIELDS.values())

    def __init__(self, service: str, now: datetime) -> None:
        """Take the service by its id or the agency's own, and the moment until which items count.

        Raises:
            InvalidValue: ``service`` is no id.
        """
        filled = {**_FILLED, "service_id": service}
        self._contributions = Contributions(FIELDS, filled, Calendar(now))
        self.fills = self._contributions.fills

    def translate(self, record: Mapping[str, str]) -> Translation:
        """Return a command that synchronises the act of one item."""
        contribution = {column: record[name] for column, name in FIELDS.items()}
        return renamed(self._contributions.translate(contribution), FIELDS)
