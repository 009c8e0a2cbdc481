"""An agency's office that has only the command line: what it imports and what stands then."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.deployment import Up

CASES = Path(__file__).parents[3] / "shared" / "data" / "cases"


def needed(name: str) -> Path:
    """Return a file of the cases, or skip the test where the data is not beside the checkout."""
    path = CASES / name
    if not path.exists():
        pytest.skip(f"=== NOT TESTED: the cases are not beside the checkout: {name} ===")
    return path


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
        return Path(shutil.copy(needed(name), self.folder / name))

    def take(self, name: str, *options: str) -> Told:
        """Import a case's file, with whatever it names registered, and hear the JSON."""
        return self.run("contributions", str(self.file(name)), "--register-missing", *options)

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

    def acts(self, service: str) -> list[dict[str, Any]]:
        """Return the contributions to a service, whatever their status, with their acts whole."""
        ready = self.running.ready
        asked = {"agency_id": self.agency, "local_id": service}
        with httpx.Client(trust_env=False) as http:
            found = http.get(f"{ready['registry']}/v1/services", params=asked).json()["items"]
            if not found:
                return []
            listed = f"{ready['exchange']}/v1/contributions"
            of_service = {"service_id": found[0]["service_id"], "limit": "200"}
            page = http.get(listed, params=of_service).json()["items"]
            return [http.get(f"{listed}/{one['contribution_id']}").json() for one in page]

    def standing(self, service: str) -> list[dict[str, Any]]:
        """Return the acts of a service that are not void."""
        return [one["act"] for one in self.acts(service) if one["status"] != "voided"]
