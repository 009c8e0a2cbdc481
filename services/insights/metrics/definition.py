"""Definition: one metric as it is declared, with the function that forms its figure; a family."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure
from services.insights.metrics.readings import (
    FEW_LAY,
    FIELD_MISSING,
    RECEIVERS,
    RECEIVERS_UNKNOWN,
    Reading,
    written,
)

Lens = Literal["weighted", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A metric. ``find`` forms its figure in one window and lens, before anything holds it back.

    ``fields``: what coverage (Q4) looks at; ``since``, ``version``: of the catalogue, in which it
    came and changed last; ``window``: in which a page shows it first; ``reading``: what its values
    say. ``interval``: what a Wilson interval counts, or None; ``unit``: of what is no share; an
    ``index`` lies between 0 and 1, or about 0.

    What the figure depends on: a ``weighted`` one on the lens; a ``dated`` one on the day on which
    the window begins, beside what the window holds. What holds it back: unknown receivers for
    ``exchange``, few lay people for ``few_lay``, a field that most leave blank for one that
    ``asks`` for it, and for all but ``unfloored`` ones the floor.
    """

    id: str
    fr: str
    en: str
    formula: str
    find: Callable[[View, str], Figure]
    fields: tuple[str, ...] = ()
    source: str
    since: str = "1"
    version: str = "2"
    window: str = "90d"
    range: str = "0-1"
    reading: str | None = None
    readings: tuple[Reading, ...] = ()
    lens: Lens = "none"
    dated: bool = False
    exchange: bool = False
    few_lay: bool = False
    asks: str | None = None
    unfloored: bool = False
    interval: str | None = None
    unit: str | None = None

    @property
    def every_reading(self) -> tuple[Reading, ...]:
        """Its own readings, with those of what holds it back."""
        exchange = (RECEIVERS, RECEIVERS_UNKNOWN) if self.exchange else ()
        field = (FIELD_MISSING,) if self.asks else ()
        return (*exchange, *self.readings, *field, *((FEW_LAY,) if self.few_lay else ()))

    def to_json(self, version: str) -> dict[str, Any]:
        """Return the definition as published; ``version`` is with a deployment's thresholds."""
        return {
            "id": self.id,
            "name": {"fr": self.fr, "en": self.en},
            "formula": self.formula,
            "version": version,
            "since": self.since,
            "source": self.source,
            "window": self.window,
            "range": self.range,
            "reading": self.reading,
            "fields": list(self.fields),
            "lens": self.lens,
            "interval": self.interval,
            "unit": self.unit,
            "readings": written(self.every_reading),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The metrics that serve one clause of the founding article; ``clause`` quotes it.

    Its name stands in the table of words.
    """

    id: str
    clause: str
    metrics: tuple[Definition, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "clause": self.clause,
            "metrics": [one.id for one in self.metrics],
        }
