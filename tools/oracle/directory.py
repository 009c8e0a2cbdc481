"""What registry's events leave known of agencies, services, people, affiliations and roles.

Tables are sets of rows, so that they can be compared with those that a fold has written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Data = Mapping[str, Any]


@dataclass(slots=True)
class Directory:
    """``roles`` and ``affiliations``: key -> since -> (party or employed, until).

    ``operators``: service -> its agencies and whoever else was linked as a provider.
    """

    agencies: dict[str, Data] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    operators: dict[str, set[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    roles: dict[tuple[str, str], dict[str, list[Any]]] = field(default_factory=dict)
    affiliations: dict[tuple[str, str], dict[str, list[Any]]] = field(default_factory=dict)

    def play(self, events: Iterable[tuple[str, Data]]) -> None:
        """Take (type name, data) pairs in the order of each partition."""
        for type_name, data in events:
            match type_name.split(".")[3:5]:
                case ["agency", "registered"]:
                    self.agencies[data["agency_id"]] = data
                case ["service", step]:
                    self._service(step, data)
                case ["participant", "registered"]:
                    self.kinds.setdefault(data["participant_id"], data["kind"])
                case ["role", step]:
                    self._role(step, data)
                case ["affiliation", step]:
                    self._affiliation(step, data)
                case _:
                    pass  # of a type that says nothing of these

    def _service(self, step: str, data: Data) -> None:
        service_id = data["service_id"]
        if step == "registered":
            self.services[service_id] = {**data, "closed_on": None, "providers": set()}
            self.operators[service_id] = set(data["agency_ids"])
        elif service_id not in self.services:
            return  # its registration was not taken
        elif step == "described":
            told = {name: data.get(name) for name in ("name", "provides", "starts_on")}
            self.services[service_id] |= told
        elif step == "closed":
            self.services[service_id]["closed_on"] = data["closed_on"]
        elif step.startswith("provider-"):
            for known in (self.services[service_id]["providers"], self.operators[service_id]):
                move = known.add if step == "provider-linked" else known.discard
                move(data["organisation_id"])

    def _role(self, step: str, data: Data) -> None:
        known = self.roles.setdefault((data["service_id"], data["participant_id"]), {})
        if step == "assumed":
            self.kinds.setdefault(data["participant_id"], data["participant_kind"])
            known.setdefault(data["since"], [data["party"], None])
        elif step == "start-moved" and data["since_before"] in known:
            known[data["since"]] = known.pop(data["since_before"])
        elif step == "ended":
            _end(known, data["until"])

    def _affiliation(self, step: str, data: Data) -> None:
        known = self.affiliations.setdefault((data["participant_id"], data["organisation_id"]), {})
        if step == "declared":
            known.setdefault(data["since"], [data["employed"], None])
        elif step == "ended":
            _end(known, data["until"])


def _end(known: Mapping[str, list[Any]], until: str) -> None:
    for one in known.values():
        if one[1] is None:
            one[1] = until
