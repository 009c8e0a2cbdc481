"""A row as a command to exchange, and what registry has to know before it is sent.

An empty cell takes the value away. A column that the file lacks changes nothing.
"""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tools.importing.directory import DirectoryPlan
from tools.importing.row import Row

# What exchange is told where a column of this name is there and its cell is empty.
_EMPTY: dict[str, tuple[str, object]] = {
    "receiver_ids": ("receivers", []),
    "episode_id": ("episode_local_id", None),
    "status": ("status", "confirmed"),
    **{
        name: (name, None)
        for name in (
            "minutes",
            "phase",
            "mode",
            "choice",
            "kind",
            "scope",
            "stage",
            "knowledge",
            "organisation_id",
            "channel",
        )
    },
}


class Commands:
    """Makes commands of rows. What is not registered yet has a made-up id until then."""

    def __init__(self, directory: DirectoryPlan, columns: Collection[str], *, move: bool) -> None:
        """``columns``: those of the file; ``move``: acts may go to another service."""
        self._directory = directory
        self._empty = dict(_EMPTY[name] for name in _EMPTY if name in columns)
        self._move = {"move": True} if move else {}

    def data(self, row: Row) -> dict[str, Any]:
        """Return the row as the data of a command that synchronises its contribution."""
        values = {**self._empty, **self._move, **row.values}
        giver = values["giver_id"]
        receivers = values.pop("receiver_ids", None)
        if receivers is not None:
            values["receivers"] = [self._person(one) for one in receivers if one != giver]
        values["local_id"] = values.pop("contribution_id")
        values["service_id"] = self._service(values["service_id"])
        values["giver_id"] = self._person(giver)
        if "episode_id" in values:
            values["episode_local_id"] = values.pop("episode_id")
        return values

    def assumed(self, row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what is registered before the row is sent: its kind, and its data."""
        service = self._directory.service(row.values["service_id"])
        service_id = self._service(service.local_id)
        if service.begins is not None:
            yield "services", {"service_id": service_id, "starts_on": service.begins}
        for local_id in (row.values["giver_id"], *row.values.get("receiver_ids", ())):
            person = self._directory.person(local_id)
            participant_id = self._person(local_id)
            if person.wanted:
                yield "participants", {"participant_id": participant_id, "kind": person.kind}
            for period in self._directory.periods(service.local_id, local_id):
                if period.begins is not None:
                    yield (
                        "roles",
                        {
                            "service_id": service_id,
                            "participant_id": participant_id,
                            "party": period.party,
                            "since": period.begins,
                        },
                    )

    def _service(self, local_id: str) -> str:
        return self._directory.service(local_id).service_id or _made_up("service", local_id)

    def _person(self, local_id: str) -> str:
        return self._directory.person(local_id).participant_id or _made_up("person", local_id)


def _made_up(kind: str, local_id: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{kind}/{local_id}"))
