"""An agency's office that has only the command line: what it imports and what stands then."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.data import data
from tests.support.deployment import Up


@dataclass(frozen=True, slots=True)
class Told:
    """What one import said: ``summary`` is its JSON, None where it said none (it did not begin)."""

    code: int
    summary: Mapping[str, Any] | None
    said: str

    def __getitem__(self, name: str) -> Any:
        assert self.summary is not None, self.said
        return self.summary[name]

    @property
    def effects(self) -> dict[str, int]:
        """Return the effects that there were."""
        return {name: self[name] for name in EFFECTS if self[name]}

    @property
    def foretold(self) -> dict[str, int]:
        """Return the effects that there would be."""
        return {name: count for name, count in self["foretold"].items() if count}

    @property
    def problems(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self["problems"]
        return found

    def wrong(self) -> set[tuple[int, str]]:
        """Return the row and column of each problem."""
        return {(one["row"], one["column"]) for one in self.problems}


EFFECTS = (
    "recorded",
    "corrected",
    "unchanged",
    "stale",
    "voided",
    "moved",
    "restored",
    "status_changed",
)


@dataclass(frozen=True, slots=True)
class Office:
    """``agency`` is this test's own, so that no test sees what another imported."""

    running: Up
    agency: str
    folder: Path

    def file(self, name: str) -> Path:
        """Return a copy of a case's file in a folder of this test's own, for its rejects too."""
        return Path(shutil.copy(data("cases", name), self.folder / name))

    def take(self, name: str, *options: str) -> Told:
        """Import a case's file, with whatever it names registered, and hear the JSON."""
        return self.run("contributions", str(self.file(name)), "--register-missing", *options)

    def take_polis(self, name: str, service: str, *options: str) -> Told:
        """Import a case's votes as an export of their own: a folder with ``votes.csv``."""
        folder = self.folder / f"{name}-{service}"
        folder.mkdir(exist_ok=True)
        shutil.copy(data("cases", name), folder / "votes.csv")
        return self.run("polis", str(folder), "--service", service, *options)

    def run(self, format_: str, *arguments: str) -> Told:
        done = self.running.coprod("import", format_, *arguments, "--agency", self.agency, "--json")
        summary = json.loads(done.stdout) if done.stdout.startswith("{") else None
        return Told(done.returncode, summary, done.stdout + done.stderr)

    def text(self, name: str, *options: str) -> str:
        """Import a case's file and return what a person is told."""
        done = self.running.coprod(
            *("import", "contributions", str(self.file(name)), "--register-missing"),
            *("--agency", self.agency, *options),
        )
        return done.stdout + done.stderr

    def post(self, address: str, body: str) -> httpx.Response:
        with httpx.Client(trust_env=False) as http:
            headers = {"content-type": "application/json", "coprod-agency": self.agency}
            return http.post(address, content=body, headers=headers)

    def service(self, local_id: str) -> dict[str, Any]:
        """Return a service of the agency as registry has it; empty where it has none."""
        asked = f"agency_id={self.agency}&local_id={local_id}"
        found: list[dict[str, Any]] = self._get("registry", f"/v1/services?{asked}")["items"]
        return found[0] if found else {}

    def begins(self, service: str) -> list[str]:
        """Return the days on which people's roles in a service begin."""
        roles = self._get("registry", f"/v1/services/{self.service(service)['service_id']}/roles")
        return sorted(one["since"] for one in roles["items"])

    def acts(self, service: str) -> list[dict[str, Any]]:
        """Return the contributions to a service, whatever their status, with their acts whole."""
        found = self.service(service)
        if not found:
            return []
        listed = f"/v1/contributions?limit=200&service_id={found['service_id']}"
        return [
            self._get("exchange", f"/v1/contributions/{one['contribution_id']}")
            for one in self._get("exchange", listed)["items"]
        ]

    def standing(self, service: str) -> list[dict[str, Any]]:
        """Return the acts of a service that are not void."""
        return [one["act"] for one in self.acts(service) if one["status"] != "voided"]

    def _get(self, service: str, path: str) -> dict[str, Any]:
        with httpx.Client(trust_env=False) as http:
            found: dict[str, Any] = http.get(f"{self.running.ready[service]}{path}").json()
            return found
