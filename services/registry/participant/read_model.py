"""What agencies call the participants: stored after the participants, and in no event."""

from collections.abc import Sequence

from services.registry.projection import Columns

IDENTITY = ("agency_id", "system", "local_id", "participant_id")


def naming(changes: Sequence[Columns]) -> Sequence[Columns]:
    """Return the change that stores what the agencies call those who are added; none if nothing."""
    named = [
        {name: change[name] for name in IDENTITY}
        for change in changes
        if change["change"] == "add_participant" and change["local_id"] is not None
    ]
    return [{"change": "name_participants", "rows": named}] if named else []
