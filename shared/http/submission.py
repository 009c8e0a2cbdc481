"""What comes with a command besides its body: sender, key, the version it was decided on."""

import hashlib
import re
from collections.abc import Container, Mapping
from typing import Annotated

import msgspec
import orjson
from fastapi import Depends, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints

from shared.contracts.topics import BY_NAME
from shared.contracts.vocabulary import Slug
from shared.eventstore.port import Answer, Idempotency, Provenance, Refusal
from shared.http.problems import HttpRefusal
from shared.http.strict import StrictModel

POSITION = re.compile(r"([a-z0-9.]+)/(\d{1,4}):(\d{1,18})")
STRONG_TAG = re.compile(r'(?<!W/)"([0-9]{1,9})"')
VERSION_MAX = 10**9 - 1
# As a word, or as RFC 8941 writes a string: between quotes, with \\ before a quote or a backslash.
Key = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=255, pattern=r'^(?:[!#-~][!-~]*|"(?:[ !#-\[\]-~]|\\["\\])+")$'
    ),
    Field(
        description="Names the command: sent again with the same key within 30 days, a command "
        "that changed something is not done again and gets the answer it got. Keys of one "
        "Coprod-Agency and Coprod-System are compared byte for byte, upper and lower case "
        'apart; `"k1"` in the quotes of RFC 8941 and `k1` are one key.'
    ),
]
Actor = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
EntityTags = Annotated[
    str, StringConstraints(max_length=1024, pattern=rf"^(\*|{TAG}([ \t]*,[ \t]*{TAG})*)$")
]
After = Annotated[
    str,
    StringConstraints(
        max_length=4096, pattern=r"^[a-z0-9.]+/[0-9]+:[0-9]+(, ?[a-z0-9.]+/[0-9]+:[0-9]+)*$"
    ),
]


class CommandHeaders(BaseModel):
    """``coprod_after``: positions, as ``Coprod-Position`` gave them, that the sender counts on."""

    idempotency_key: Key | None = None
    if_match: EntityTags | None = None
    coprod_agency: Slug = "local"
    coprod_system: Slug = "api"
    coprod_actor: Actor = "anonymous"
    coprod_after: After | None = None


class SubmissionContext(msgspec.Struct, frozen=True, gc=False):
    """``after``: (topic, partition) to the position that must be known before deciding.

    ``expected_version`` holds the versions that ``If-Match`` names; None means any, or none yet.
    """

    provenance: Provenance
    idempotency: Idempotency | None = None
    expected_version: Container[int] | None = None
    after: Mapping[tuple[str, int], int] = {}


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One command as it was received: its body, already of the right form, and its context."""

    body: StrictModel
    context: SubmissionContext


async def submission_context(
    request: Request, headers: Annotated[CommandHeaders, Header()]
) -> SubmissionContext:
    provenance = Provenance(
        agency=headers.coprod_agency,
        system=headers.coprod_system,
        actor=headers.coprod_actor,
        correlation_id=request.state.correlation_id,
    )
    return SubmissionContext(
        provenance=provenance,
        idempotency=await _idempotency(request, provenance, headers.idempotency_key),
        expected_version=None if headers.if_match is None else versions(headers.if_match),
        after=parse_positions(headers.coprod_after) if headers.coprod_after else {},
    )


Context = Annotated[SubmissionContext, Depends(submission_context)]


def reply(outcome: Answer | Refusal) -> Response:
    """Return the answer as it was stored.

    Raises:
        Rejected, VersionMismatch, KeyReused: the refusal, for the handlers of ``problems``.
    """
    if not isinstance(outcome, Answer):
        raise outcome
    return Response(
        content=orjson.dumps(dict(outcome.body)),
        status_code=outcome.status,
        media_type="application/json",
        headers=dict(outcome.headers),
    )


def entity_tag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def versions(tags: str) -> Container[int]:
    """Return the versions that ``If-Match`` names: ``*`` any that exists, a weak tag none."""
    if tags == "*":
        return range(1, VERSION_MAX + 1)
    return frozenset(int(digits) for digits in STRONG_TAG.findall(tags))


def request_hash(*parts: bytes) -> bytes:
    """Return one hash of all parts; where one ends can't be moved without changing it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


def canonical(body: bytes) -> bytes:
    """Return JSON with its keys in order, so that a client may write a repeat in another order."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body  # empty, or numbers beyond 64 bits: compared as sent


def parse_positions(text: str) -> dict[tuple[str, int], int]:
    """Return (topic, partition) to the highest position named, of ``topic/partition:position, …``.

    Raises:
        HttpRefusal: one of them is not a position of a topic that exists.
    """
    found: dict[tuple[str, int], int] = {}
    for part in text.split(","):
        match = POSITION.fullmatch(part.strip())
        topic = BY_NAME.get(match[1]) if match else None
        if match is None or topic is None or int(match[2]) >= topic.partitions:
            raise HttpRefusal(
                422,
                "invalid_position",
                "Coprod-After names a position that can't exist.",
                remedy="Send what Coprod-Position of an earlier answer said, unchanged.",
            )
        at = (topic.name, int(match[2]))
        found[at] = max(found.get(at, 0), int(match[3]))
    return found


async def _idempotency(
    request: Request, provenance: Provenance, key: str | None
) -> Idempotency | None:
    if key is None:
        return None
    if key.startswith('"'):
        key = re.sub(r"\\(.)", r"\1", key[1:-1])
    target = f"{request.method} {request.url.path}?{request.url.query}".encode()
    return Idempotency(
        scope=provenance.source,
        key=key,
        request_hash=request_hash(target, canonical(await request.body())),
    )
