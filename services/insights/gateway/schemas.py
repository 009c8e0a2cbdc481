"""What insights answers, as its OpenAPI document shows it; ``release`` writes the bodies."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.insights.projection.generation import BuildState

Window = Literal["28d", "90d", "365d", "life"]
Lens = Literal["count", "minutes"]


class Body(BaseModel):
    model_config = ConfigDict(extra="allow")


class ReceiptBody(Body):
    """Where figures come from. ``positions``: ``topic/partition`` to the last position folded.

    ``complete`` is false where events of types that this build knows were skipped when they came.
    """

    as_of: date
    definition_version: str
    deployment: str
    events: int
    positions: dict[str, int]
    complete: bool
    release: str


class FigureBody(Body):
    """``value`` is null together with a ``reason``; ``interval`` is Wilson's, for shares."""

    value: float | None
    n: int
    interval: tuple[float, float] | None
    reason: str | None
    definition_version: str


class MetricsBody(Body):
    service_id: str
    window: Window
    as_of: date
    lens: Lens
    metrics: dict[str, FigureBody]
    receipt: ReceiptBody


class AnnouncedBody(Body):
    """What this deployment announced last; ``since``: the day on which it announced the class."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    class_: str = Field(alias="class")
    grade: str | None
    since: date


class WaitingBody(Body):
    """Acts that do not count yet, of days up to the as-of day; they wait now.

    Those ``recorded`` count by themselves between ``counts_from`` and ``counts_by`` unless somebody
    disputes them; those ``disputed`` when people say so. ``text``: the same in sentences.
    """

    recorded: int
    disputed: int
    counts_from: date | None
    counts_by: date | None
    text: dict[str, list[str]]


class VerdictBody(Body):
    """``holds_since``: the day since which the facts give this class without a break.

    It is null where there never was another class, and in the stream until it was looked for.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    service_id: str
    window: Window
    as_of: date
    class_: str = Field(alias="class")
    grade: str | None
    cell: dict[str, str | None]
    axes: dict[str, float | None]
    axis_reasons: dict[str, str | None]
    flags: list[str]
    tentative: bool
    tests: list[dict[str, Any]]
    reasons: dict[str, list[str]]
    nearest_flip: dict[str, Any] | None
    holds_since: date | None
    announced: AnnouncedBody | None
    last_evidenced: dict[str, Any] | None
    waiting: WaitingBody
    definition_version: str
    receipt: ReceiptBody


class PointBody(FigureBody):
    day: date


class HistoryBody(Body):
    """``lens`` null: each point is in the lens of its own day's verdict."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    service_id: str
    metric: str
    window: Window
    lens: Lens | None
    from_: date = Field(alias="from")
    to: date
    points: list[PointBody]
    receipt: ReceiptBody


class TrendsBody(Body):
    """``series``: by figure, its value on each of the ``days``; null where it has none."""

    service_id: str
    window: Window
    lens: Lens | None
    days: list[date]
    series: dict[str, list[float | None]]
    receipt: ReceiptBody


class ServiceItem(Body):
    """``verdicts`` (by window) and ``waiting``: as of ``as_of``; null until its first snapshot."""

    service_id: str
    agency_ids: list[str]
    local_id: str | None
    name: str
    provides: str | None
    starts_on: date
    closed_on: date | None
    providers: list[str]
    as_of: date | None
    verdicts: dict[Window, dict[str, Any]] | None
    waiting: WaitingBody | None


class ReadingBody(Body):
    """How a definition is read where its formula leaves a choice."""

    id: str
    text: str


class VerdictDefinitionBody(Body):
    """``tests``: what each grade asks."""

    readings: list[ReadingBody]
    tests: list[dict[str, Any]]


class DefinitionsBody(Body):
    """``readings`` are of all figures; each metric has its own beside.

    ``thresholds``: the numbers of this deployment, with their version.
    """

    version: str
    thresholds: dict[str, Any]
    metrics: list[dict[str, Any]]
    readings: list[ReadingBody]
    verdict: VerdictDefinitionBody


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
