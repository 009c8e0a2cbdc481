"""Comparison: whether two projections say the same of every service, at the same positions."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from services.insights.metrics.thresholds import LENSES, WINDOW_DAYS
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.reader import Reader
from services.insights.projection.receipt import Moment
from services.insights.release import rendering as release
from services.insights.release.rendering import Subject

DIFFERENCES_MAX = 100  # that a report spells out; all are counted


@dataclass(slots=True)
class Comparison:
    services: int = 0
    figures: int = 0
    differences_count: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return self.differences_count == 0

    def add(self, service_id: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.services += 1
        self.figures += len(old)
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                self.differences_count += 1
                if len(self.differences) < DIFFERENCES_MAX:
                    self.differences.append(
                        {"service_id": service_id, "figure": name}
                        | {"from": old.get(name), "to": new.get(name)}
                    )

    def report(self, old: int, new: int) -> dict[str, Any]:
        return {
            "from": old,
            "to": new,
            "equal": self.equal,
            "services": self.services,
            "figures": self.figures,
            "differences": self.differences,
            "differences_count": self.differences_count,
        }


async def compare(old: Reader, new: Reader, services: list[ServiceInfo], as_of: date) -> Comparison:
    """Compare every figure and verdict of these services, as of one day."""
    comparison = Comparison()
    for service in services:
        common = {
            source: min(position, (await new.positions(service))[source])
            for source, position in (await old.positions(service)).items()
        }
        told = [
            await reader.folded(service, as_of, lambda moment: dict(_told(moment, service)), common)  # noqa: B023
            for reader in (old, new)
        ]
        comparison.add(service.service_id, *told)
    return comparison


def _told(moment: Moment, service: ServiceInfo) -> Iterator[tuple[str, Any]]:
    today_alone = replace(moment, held_before=lambda _: None)  # days before cost more than all else
    for window in WINDOW_DAYS:
        for lens in LENSES:
            told = release.metrics(moment, service.service_id, window, lens)["metrics"]
            yield from ((f"{window} {lens} {metric}", figure) for metric, figure in told.items())
        verdict = release.verdict(today_alone, Subject(service, {}), window)
        del verdict["receipt"]
        yield f"{window} verdict", verdict
