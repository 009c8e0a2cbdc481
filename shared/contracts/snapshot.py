"""ServiceSnapshot: all that insights says of one service at one moment, on the log and live.

The models are the contract of the records of ``insights.services.v1``, of the frames of the live
stream and of the figures that HTTP answers. Nobody validates while rendering: a test reads what a
running insights sends and holds it to these models.
"""

from datetime import date
from typing import Any, Literal

from pydantic import ConfigDict, Field

from shared.contracts.vocabulary import Count, Message, Party, Token

Window = Literal["28d", "90d", "365d", "life"]
Lens = Literal["count", "minutes"]
LensOrNone = Literal["count", "minutes", "none"]
Language = Literal["fr", "en"]
Axis = Literal["p", "d"]
Band = Literal["sole-professional", "shared", "sole-lay"]
Interval = tuple[float, float]


def _never_null(schema: dict[str, Any]) -> None:
    for one in schema["properties"].values():
        one.pop("default", None)
        kinds = [kind for kind in one.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del one["anyOf"]
            one.update(kinds[0])


class Record(Message):
    """A part of a record. A field that is None here is left out there: no record holds null.

    So a JSON merge patch (RFC 7396) can say any change of one. What changes one by one is a map by
    id; a list is replaced whole.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, json_schema_extra=_never_null
    )


class FigureRecord(Record):
    """One figure. Without a ``value`` it has a ``reason``; ``interval`` is Wilson's, for shares.

    ``n`` counts the cases. ``field``: what too few acts carry for a share over it. ``present``: the
    parties that A1 counts; ``people``: how many givers a top share (M3) is of. ``fields`` and
    ``by_metric`` are of Q4: the share of acts that carry each field, and the mean of the fields
    that each metric rests on.
    """

    value: float | None = None
    n: Count
    interval: Interval | None = None
    reason: Token | None = None
    definition_version: str
    numerator: int | None = None
    denominator: int | None = None
    field: Token | None = None
    present: list[Party] | None = None
    people: Count | None = None
    fields_: dict[str, float] | None = Field(default=None, alias="fields")
    by_metric: dict[str, float] | None = None


class ConditionRecord(Record):
    """What one condition of a test compares: a figure with a threshold, such as ``>= 0.3``."""

    verdict: Literal["pass", "fail", "unknown"]
    threshold: str
    value: float | None = None
    interval: Interval | None = None
    n: Count | None = None
    reason: Token | None = None


class GradeTestRecord(ConditionRecord):
    """One test of the grade: what the first condition that decides it says of its ``metric``.

    ``conditions``: by metric. ``missing``: the fields of an act that figures without a value rest
    on.
    """

    metric: str
    missing: list[str]
    conditions: dict[str, ConditionRecord]
    text: dict[Language, str]


class StepRecord(Record):
    """How many units to add, and the share after it."""

    add: Count
    numerator: int
    denominator: int
    value: float


class FlipRecord(Record):
    """The smallest move of one quantity that gives another class.

    ``to_announce``: what it takes to have it announced, where any move of it can.
    """

    metric: str
    value: float
    threshold: float
    direction: Literal["up", "down"]
    from_class: Token = Field(alias="from")
    to_class: Token = Field(alias="to")
    unit: Literal["people", "minutes", "contributions", "vote_weight"]
    numerator: int
    denominator: int
    givers_missing: Count
    to_change: StepRecord
    to_announce: StepRecord | None = None
    text: dict[Language, str]


class AnnouncedRecord(Record):
    """What this deployment announced last; ``since``: the day on which it announced the class."""

    class_: Token = Field(alias="class")
    grade: Token | None = None
    since: date


class EvidencedRecord(Record):
    """The last verdict that had evidence."""

    as_of: date
    class_: Token = Field(alias="class")
    grade: Token | None = None
    reasons: dict[Language, list[str]]


class EvidenceRecord(Record):
    """What a verdict rests on: ``span_days`` from the first act to the as-of day."""

    acts: Count
    givers: Count
    span_days: Count


class VerdictRecord(Record):
    """The class of one window and why. ``lens``: in which its figures are; ``tests``: by id.

    ``axes``: the lay shares of planning and of delivery; one that is not there has a reason in
    ``axis_reasons``, and no band in ``cell``.
    ``holds_since``: the day since which the facts give this class without a break; there is none
    where there never was another class, and in the stream until it was looked for.
    """

    class_: Token = Field(alias="class")
    grade: Token | None = None
    cell: dict[Axis, Band]
    axes: dict[Axis, float]
    axis_reasons: dict[Axis, Token]
    flags: list[Token]
    tentative: bool
    tests: dict[str, GradeTestRecord]
    reasons: dict[Language, list[str]]
    nearest_flip: FlipRecord | None = None
    announced: AnnouncedRecord | None = None
    last_evidenced: EvidencedRecord | None = None
    lens: Lens
    evidence: EvidenceRecord
    holds_since: date | None = None


class WaitingRecord(Record):
    """Acts that do not count yet, of days up to the as-of day; they wait now.

    Those ``recorded`` count by themselves between ``counts_from`` and ``counts_by`` unless somebody
    disputes them; those ``disputed`` when people say so. ``text``: the same in sentences.
    """

    recorded: Count
    disputed: Count
    counts_from: date | None = None
    counts_by: date | None = None
    text: dict[Language, list[str]]


class ReceiptRecord(Record):
    """Where figures come from. ``positions``: ``topic/partition`` to the last position folded.

    ``events``: how many of them made a fact of this service. ``complete`` is false where events of
    types that this build knows were skipped when they came.
    """

    as_of: date
    definition_version: str
    deployment: str
    events: Count
    positions: dict[str, Count]
    complete: bool
    release: str


class ServiceRecord(Record):
    """What registry says of a service."""

    service_id: str
    agency_ids: list[str]
    local_id: str | None = None
    name: str
    provides: str | None = None
    starts_on: date
    closed_on: date | None = None
    providers: list[str]


class GlanceWindow(Record):
    verdict: VerdictRecord


class SnapshotWindow(GlanceWindow):
    """``metrics``: every figure by id and by lens; by ``none`` where it does not differ by lens."""

    metrics: dict[str, dict[LensOrNone, FigureRecord]]


class _Known(Record):
    service: ServiceRecord
    as_of: date
    version: tuple[Count, ...] = Field(
        min_length=7,
        max_length=7,
        description="Orders the snapshots of one service, compared from the left: "
        "incarnation of the database, projection, sum of the positions, ordinal of the as-of day, "
        "ordinal of the newest announcement's day, events, position the class's first day is from.",
    )
    waiting: WaitingRecord
    receipt: ReceiptRecord


class ServiceSnapshot(_Known):
    """Everything that is known of one service; a newer one takes its place whole."""

    windows: dict[Window, SnapshotWindow]


class ServiceGlance(_Known):
    """A snapshot without its figures: the verdicts alone."""

    windows: dict[Window, GlanceWindow]
