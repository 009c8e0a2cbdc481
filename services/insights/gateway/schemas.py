"""What insights answers, as its OpenAPI document shows it; ``release`` writes the bodies."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.insights.projection.generation import BuildState
from shared.contracts.snapshot import (
    FigureRecord,
    Lens,
    ReceiptRecord,
    Record,
    ServiceRecord,
    VerdictRecord,
    WaitingRecord,
    Window,
)


class Body(BaseModel):
    model_config = ConfigDict(extra="allow")


class WindowReceipt(ReceiptRecord):
    window: Window


class MetricsBody(Record):
    service_id: str
    window: Window
    as_of: date
    lens: Lens
    metrics: dict[str, FigureRecord]
    receipt: WindowReceipt


class VerdictBody(VerdictRecord):
    service_id: str
    window: Window
    as_of: date
    definition_version: str
    waiting: WaitingRecord
    receipt: WindowReceipt


class PointBody(FigureRecord):
    """``lens``: in which this day's figure is, of those that differ by lens."""

    day: date
    lens: Lens


class HistoryBody(Record):
    """Without ``lens`` each point is in the lens of its own day's verdict."""

    service_id: str
    metric: str
    window: Window
    lens: Lens | None = None
    from_: date = Field(alias="from")
    to: date
    points: list[PointBody]
    receipt: WindowReceipt


class TrendsBody(Record):
    """``series``: by figure, its value on each of the ``days``; null where it has none."""

    service_id: str
    window: Window
    lens: Lens | None = None
    days: list[date]
    series: dict[str, list[float | None]]
    receipt: WindowReceipt


class ServiceItem(ServiceRecord):
    """``verdicts`` (by window) and ``waiting``: as of ``as_of``; none until its first snapshot."""

    as_of: date | None = None
    verdicts: dict[Window, VerdictRecord] | None = None
    waiting: WaitingRecord | None = None


class ReadingBody(Body):
    """How a definition is read where its formula leaves a choice."""

    id: str
    text: str


class VerdictDefinitionBody(Body):
    """``tests``: what each grade asks."""

    readings: list[ReadingBody]
    tests: list[dict[str, Any]]


class TextBody(Body):
    fr: str
    en: str


class DefinitionsBody(Body):
    """``readings`` are of all figures; each metric has its own beside.

    ``thresholds``: the numbers of this deployment, with their version.
    ``words``: by kind (classes, flags, reasons, ...) and by what is named, how people read it.
    """

    version: str
    thresholds: dict[str, Any]
    families: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    readings: list[ReadingBody]
    verdict: VerdictDefinitionBody
    words: dict[str, dict[str, TextBody]]


class FoldedBody(Body):
    """``folded``: ``topic/partition`` to the last position taken, by whichever replica did."""

    deployment: str
    projection: int
    folded: dict[str, int]
    complete: bool


class RebuildBody(Body):
    """``from`` serves; ``to`` is the newest projection; ``folded``: events it has taken so far."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    state: BuildState
    from_: int = Field(alias="from")
    to: int
    folded: int
    started_at: datetime
    finished_at: datetime | None
    equal: bool | None
    differences: list[dict[str, Any]] | None
    report: dict[str, Any] | None
