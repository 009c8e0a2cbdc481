"""Every error of every API is a problem document (RFC 9457) with a named reason and a remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from shared.eventstore.port import KeyReused, Refusal, Rejected, StreamFull, VersionMismatch
from shared.eventstore.store import Conflict
from shared.runtime.retry import TRANSIENT

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
ERRORS_MAX = 50
POINTER_LENGTH_MAX = 200  # of names that were sent
TRANSIENT_ERRORS = (
    *TRANSIENT,
    asyncpg.InterfaceError,
    Conflict,  # others kept winning the race for the same stream
)
log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """``pointer`` is the place: ``/body/starts_on``, ``/query/limit``, ``/header/if-match``."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """What went wrong, by a stable ``reason``; ``facts`` are the values that the rule looked at."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    instance: str | None = None
    remedy: str | None = None
    errors: list[FieldError] | None = None
    facts: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason means to an HTTP client."""

    status: int
    title: str
    remedy: str | None = None


Meanings = Mapping[StrEnum, Meaning]


class HttpRefusal(Exception):
    """The HTTP side refuses: no rule of a domain was asked."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        remedy: str | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.problem = problem(status, reason, detail, remedy=remedy, errors=errors)


def problem(  # noqa: PLR0913  # the members of the document
    status: int,
    reason: str,
    detail: str,
    *,
    title: str | None = None,
    remedy: str | None = None,
    errors: Sequence[FieldError] = (),
    facts: Mapping[str, object] | None = None,
) -> Problem:
    return Problem(
        type=f"urn:coprod:problem:{reason}",
        title=title or reason.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        reason=reason,
        remedy=remedy,
        errors=list(errors) or None,
        facts={name: str(value) for name, value in facts.items()} if facts else None,
    )


def problem_of(refusal: Refusal, meanings: Meanings) -> Problem:
    """Return what a refused command is told; a reason without a meaning is a plain 422."""
    match refusal:
        case Rejected():
            meaning = meanings.get(refusal.reason) or Meaning(422, _title(refusal.reason))
            facts = ", ".join(f"{name} {value}" for name, value in refusal.facts.items())
            return problem(
                meaning.status,
                refusal.reason,
                f"{meaning.title} ({facts})" if facts else meaning.title,
                title=meaning.title,
                remedy=_filled(meaning.remedy, refusal.facts),
                facts=refusal.facts,
            )
        case VersionMismatch():
            return problem(
                412,
                "version_mismatch",
                f"It is at version {refusal.actual}, which If-Match does not name.",
                remedy="Read it again, decide again, and send the version you read in If-Match.",
            )
        case StreamFull():
            return problem(
                409,
                "changed_too_often",
                f"It has changed {refusal.events_max} times, which is as often as anything may.",
                remedy="Leave it as it is, or end it (void, close) and record it anew.",
            )
        case KeyReused():
            return problem(
                409,
                "key_reused",
                "This idempotency key was used for another request.",
                remedy="Send the same request again unchanged, or a new key with the new request.",
            )


def response(found: Problem, headers: Mapping[str, str] | None = None) -> Response:
    extra = {"Retry-After": str(RETRY_AFTER_SECONDS)} if found.status == 503 else {}
    return Response(
        content=found.model_dump_json(exclude_none=True),
        status_code=found.status,
        media_type=MEDIA_TYPE,
        headers={**extra, **(headers or {})},
    )


def field_errors(errors: Sequence[Any], root: str = "") -> list[FieldError]:
    """Return pydantic's first errors without the values that were sent: those may be personal."""
    told = [
        FieldError(
            pointer=(root + "".join(f"/{_printable(str(part))}" for part in error["loc"]))[
                :POINTER_LENGTH_MAX
            ],
            detail=_printable(str(error["msg"])),
        )
        for error in errors[:ERRORS_MAX]
    ]
    if len(errors) > ERRORS_MAX:
        first = f"These are the first {ERRORS_MAX} of {len(errors)} errors."
        told.append(FieldError(pointer=root, detail=first))
    return told


def install(app: FastAPI, meanings: Meanings) -> None:
    """Turn every refusal and every failure of ``app`` into a problem document."""

    async def answer(request: Request, raised: Exception) -> Response:
        match raised:
            case Rejected() | VersionMismatch() | StreamFull() | KeyReused():
                return response(problem_of(raised, meanings))
            case HttpRefusal():
                return response(raised.problem)
            case RequestValidationError():
                return response(_invalid(raised))
            case HTTPException(status_code=400):
                return response(_unreadable())
            case HTTPException():
                return response(_http(raised.status_code), raised.headers)
            case _:
                return _passing_failure(request, raised)

    refusals = (Rejected, VersionMismatch, StreamFull, KeyReused, HttpRefusal)
    for kind in (*refusals, RequestValidationError, HTTPException, *TRANSIENT_ERRORS):
        app.add_exception_handler(kind, answer)


def _invalid(invalid: RequestValidationError) -> Problem:
    errors = invalid.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return _unreadable()
    return problem(
        422,
        "invalid_request",
        "The request is not of the documented form.",
        remedy="See errors, and /openapi.json for the form.",
        errors=field_errors(errors),
    )


def _unreadable() -> Problem:
    """What can't be parsed; FastAPI answers 400 by itself for the more unusual of these reasons."""
    return problem(
        400,
        "malformed_json",
        "The body is no JSON that can be read: it is broken, not UTF-8, nested too deeply, or has "
        "a number of thousands of digits.",
        remedy="Send plain JSON with Content-Type: application/json.",
    )


def _http(status: int) -> Problem:
    known = HTTPStatus(status)
    return problem(status, known.name.lower(), known.description or known.phrase)


def _passing_failure(request: Request, failure: Exception) -> Response:
    log.warning("database_unavailable", path=request.url.path, failure=type(failure).__name__)
    return response(
        problem(
            503,
            "unavailable",
            "The service can't reach its database in time.",
            remedy="Send the same request with the same Idempotency-Key again shortly.",
        )
    )


def _filled(remedy: str | None, facts: Mapping[str, object]) -> str | None:
    """Return the remedy with the values in its addresses, so that it can be followed as it is."""
    for name, value in facts.items():
        remedy = remedy and remedy.replace(f"{{{name}}}", str(value))
    return remedy


def _title(reason: str) -> str:
    return reason.replace("_", " ").capitalize()


def _printable(text: str) -> str:
    # A lone surrogate can stand in a JSON name; it can't be written as UTF-8.
    return text.encode("utf-8", "replace").decode()
