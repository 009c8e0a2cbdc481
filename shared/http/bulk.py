"""Many commands in one request: CloudEvents batches and JSON lines in, one answer per item out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.eventstore.port import Answer, Idempotency, Provenance, Refusal
from shared.http.problems import (
    FieldError,
    HttpRefusal,
    Meanings,
    Problem,
    field_errors,
    problem,
    problem_of,
)
from shared.http.strict import StrictModel
from shared.http.submission import (
    Actor,
    After,
    Submission,
    SubmissionContext,
    parse_positions,
    request_hash,
)

BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
PATH = "/v1/commands"
ITEMS_MAX = 1_000
BYTES_MAX = 4 * 1_048_576
# Small enough that other writers get their turn at a partition's head between two of them.
TRANSACTION_ITEMS_MAX = 500
SLUG = "[a-z0-9][a-z0-9._-]{0,62}"


class CommandEvent(BaseModel):
    """A command as a CloudEvent; (``source``, ``id``) is its idempotency key, byte for byte."""

    model_config = ConfigDict(frozen=True, extra="allow")  # the standard allows any extension

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
    source: Annotated[str, StringConstraints(pattern=f"^/agencies/{SLUG}/systems/{SLUG}$")]
    type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    actor: Actor = "anonymous"
    data: dict[str, Any]


class ItemAnswer(BaseModel):
    """``body`` of an accepted command, or the ``problem`` of a refused one."""

    id: str | None
    status: int
    body: dict[str, Any] | None = None
    problem: Problem | None = None
    position: str | None = Field(default=None, description="what Coprod-Position would say")


class BulkAnswer(BaseModel):
    """One answer for each command, in the order they were sent."""

    items: list[ItemAnswer]


Submit = Callable[[Sequence[Submission]], Awaitable[Sequence[Answer | Refusal]]]
"""Decides submissions in turn, each on its own merits, and returns one outcome for each."""


@dataclass(frozen=True, slots=True)
class BulkIntake:
    """The commands that a service takes in bulk: full type name -> body model, and who decides."""

    kinds: Mapping[str, type[StrictModel]]
    submit: Submit
    meanings: Meanings


@dataclass(frozen=True, slots=True)
class _Broken:
    id: str | None
    problem: Problem


def router(intake: BulkIntake) -> APIRouter:
    routes = APIRouter(tags=["bulk"])

    @routes.post(
        PATH, response_model=BulkAnswer, openapi_extra={"requestBody": request_body(intake.kinds)}
    )
    async def take_commands(
        request: Request, coprod_after: Annotated[After | None, Header()] = None
    ) -> Response:
        """Decide many commands in order; a refused one does not stop those after it."""
        after = parse_positions(coprod_after) if coprod_after else {}
        items = await _taken(request, after, intake)
        return Response(orjson.dumps({"items": items}), media_type="application/json")

    return routes


async def _taken(
    request: Request, after: Mapping[tuple[str, int], int], intake: BulkIntake
) -> list[dict[str, Any]]:
    correlation_id = str(request.state.correlation_id)
    read = [
        _read(item, after, correlation_id, intake.kinds)
        for item in _items(_media_type(request), await request.body())
    ]
    answers = [
        _refused(item.id, item.problem) if isinstance(item, _Broken) else {} for item in read
    ]
    sound = [(at, *item) for at, item in enumerate(read) if not isinstance(item, _Broken)]
    for first in range(0, len(sound), TRANSACTION_ITEMS_MAX):
        chunk = sound[first : first + TRANSACTION_ITEMS_MAX]
        outcomes = await intake.submit([order for _, _, order in chunk])
        for (at, event_id, _), outcome in zip(chunk, outcomes, strict=True):
            answers[at] = _answered(event_id, outcome, intake.meanings)
    return answers


def request_body(kinds: Mapping[str, type[StrictModel]]) -> dict[str, Any]:
    """Return OpenAPI's ``requestBody``; the bodies themselves are schemas of the components."""
    event = {"oneOf": [_event_schema(name, model) for name, model in sorted(kinds.items())]}
    return {
        "required": True,
        "content": {
            BATCH: {"schema": {"type": "array", "maxItems": ITEMS_MAX, "items": event}},
            LINES: {"schema": {"type": "string", "description": "one of these a line"}},
        },
    }


def _event_schema(name: str, model: type[StrictModel]) -> dict[str, Any]:
    schema = CommandEvent.model_json_schema()
    properties = schema["properties"] | {
        "type": {"const": name},
        "data": {"$ref": f"#/components/schemas/{model.__name__}"},
    }
    return {"type": "object", "required": schema["required"], "properties": properties}


def _media_type(request: Request) -> str:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {BATCH, LINES}:
        raise HttpRefusal(
            415,
            "unsupported_media_type",
            "Commands in bulk come in one of two formats.",
            remedy=f"Send Content-Type: {BATCH} or {LINES}.",
        )
    return media_type


def _items(media_type: str, body: bytes) -> list[object]:
    if media_type == LINES:
        lines = (line for line in BytesIO(body) if line.strip())
        # no more than is needed to know that there are too many
        items = [_line(line) for line in islice(lines, ITEMS_MAX + 1)]
    else:
        items = _array(body)
    if len(items) > ITEMS_MAX:
        raise HttpRefusal(
            413,
            "too_many_items",
            f"More than {ITEMS_MAX} commands came.",
            remedy="Send several smaller requests.",
        )
    return items


def _array(body: bytes) -> list[object]:
    try:
        items = orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        raise HttpRefusal(
            400,
            "malformed_json",
            f"The body is not JSON: {broken.msg}.",
            remedy="Send an array of CloudEvents.",
        ) from None
    if not isinstance(items, list):
        raise HttpRefusal(
            422,
            "invalid_request",
            "A batch is an array of CloudEvents.",
            remedy="Send an array, even for one command.",
        )
    return items


def _line(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as broken:
        return _Broken(None, problem(400, "malformed_json", f"The line is not JSON: {broken.msg}."))


def _read(
    item: object,
    after: Mapping[tuple[str, int], int],
    correlation_id: str,
    kinds: Mapping[str, type[StrictModel]],
) -> tuple[str, Submission] | _Broken:
    if isinstance(item, _Broken):
        return item
    try:
        event = CommandEvent.model_validate(item)
    except ValidationError as invalid:
        return _Broken(_id_of(item), _invalid(field_errors(invalid.errors())))
    model = kinds.get(event.type)
    if model is None:
        unknown = FieldError(pointer="/type", detail=f"is none of {', '.join(sorted(kinds))}")
        return _Broken(event.id, _invalid([unknown]))
    try:
        body = model.model_validate(event.data)
    except ValidationError as invalid:
        return _Broken(event.id, _invalid(field_errors(invalid.errors(), root="/data")))
    return event.id, Submission(body, _context(event, after, correlation_id))


def _context(
    event: CommandEvent, after: Mapping[tuple[str, int], int], correlation_id: str
) -> SubmissionContext:
    _, _, agency, _, system = event.source.split("/")
    written = request_hash(
        event.type.encode(), orjson.dumps(event.data, option=orjson.OPT_SORT_KEYS)
    )
    return SubmissionContext(
        provenance=Provenance(agency, system, event.actor, correlation_id),
        idempotency=Idempotency(event.source, event.id, written),
        after=after,
    )


def _id_of(item: object) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None


def _invalid(errors: Sequence[FieldError]) -> Problem:
    return problem(
        422,
        "invalid_request",
        "The command is not of the documented form.",
        remedy="See errors, and /openapi.json for the form.",
        errors=errors,
    )


def _answered(event_id: str, outcome: Answer | Refusal, meanings: Meanings) -> dict[str, Any]:
    if not isinstance(outcome, Answer):
        return _refused(event_id, problem_of(outcome, meanings))
    answer = {"id": event_id, "status": outcome.status, "body": dict(outcome.body)}
    position = outcome.headers.get("Coprod-Position")
    return answer if position is None else answer | {"position": position}


def _refused(event_id: str | None, found: Problem) -> dict[str, Any]:
    told = found.model_dump(exclude_none=True)
    return {"id": event_id, "status": found.status, "problem": told}
