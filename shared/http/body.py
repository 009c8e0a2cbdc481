"""The body of a command: read whole before anything is done, JSON, and not too large."""

from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import HttpRefusal, response

BODY_BYTES_MAX = 1_048_576
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
# No page of another site can send one of these without the permission that it never gets; a form
# or a link can't send them at all.
JSON_TYPES = frozenset(
    {"application/json", "application/cloudevents-batch+json", "application/x-ndjson"}
)
log = structlog.get_logger(__name__)


class CutShort(Exception):
    """The client left before the request was whole."""


class WholeBody:
    """Hands on a request with a body once it is whole; one that is cut short does nothing."""

    def __init__(self, app: ASGIApp, larger: Mapping[str, int]) -> None:
        self._app = app
        self._larger = larger  # path -> bytes, where more than BODY_BYTES_MAX is allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in WITHOUT_BODY:
            return await self._app(scope, receive, send)
        try:
            body = await _read(receive, self._larger.get(scope["path"], BODY_BYTES_MAX))
            _check(scope, body)
        except CutShort:
            log.info("request_cut_short", method=scope["method"], path=scope["path"])
            return None
        except HttpRefusal as refusal:
            # what is left unread of a body can't be told from a next request
            extra = {"Connection": "close"} if refusal.problem.status == 413 else None
            return await response(refusal.problem, extra)(scope, receive, send)
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        return await self._app(scope, replay, send)


async def _read(receive: Receive, limit: int) -> bytes:
    chunks = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CutShort
        chunks += message.get("body", b"")
        if len(chunks) > limit:
            raise HttpRefusal(
                413,
                "body_too_large",
                f"The body has more than {limit} bytes.",
                remedy="Send several smaller requests.",
            )
        if not message.get("more_body", False):
            return bytes(chunks)


def _check(scope: Scope, body: bytes) -> None:
    headers = Headers(scope=scope)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HttpRefusal(
            415,
            "unsupported_encoding",
            "A compressed body is not taken.",
            remedy="Send it as it is, without Content-Encoding.",
        )
    if scope["method"] not in {"POST", "PUT", "PATCH"}:
        return
    if headers.get("content-type", "").partition(";")[0].strip().lower() not in JSON_TYPES:
        raise HttpRefusal(
            415,
            "unsupported_media_type",
            "A command comes as JSON.",
            remedy="Send Content-Type: application/json, with {} where nothing has to be said.",
        )
    if not body:
        raise HttpRefusal(
            400,
            "body_missing",
            "A command without a body is not taken.",
            remedy="Send {} where nothing has to be said.",
        )
