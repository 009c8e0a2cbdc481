"""Which requests a browser may send here, and what it may do with the answers.

A page of another site can name this service by any host name that its owner lets point here, and
can send requests from the browser of whoever reads it. So the host must be one of ours, and what
changes something must come from a page of ours or from no page at all.
"""

import re
from collections.abc import Iterable
from typing import TypeAlias

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import HttpRefusal, response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
READS_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": "80", "https": "443"}
AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+?)\.?(?::([0-9]{1,5}))?")
ORIGIN = re.compile(r"(https?)://(.+)")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Authority: TypeAlias = tuple[str, str | None]
"""A host in lower case and its port, None where none is named."""


class RequestPolicy:
    """``hosts``: names beside those of loopback, for any port or with the one they are known by."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {authority(host) for host in (*LOOPBACK, *hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            _sound(scope)
            self._admit(scope["method"], Headers(scope=scope))
        except HttpRefusal as refusal:
            return await response(refusal.problem)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _admit(self, method: str, headers: Headers) -> None:
        named = headers.getlist("host")
        here = authority(named[0]) if len(named) == 1 else None
        if here is None:
            raise HttpRefusal(
                400,
                "invalid_host",
                "The request does not say for which host it is.",
                remedy="Send one Host header, with the name or address in the request's URL.",
            )
        if here not in self._hosts and (here[0], None) not in self._hosts:
            raise HttpRefusal(
                421,
                "misdirected_request",
                "This service does not answer under that host name.",
                remedy="Use localhost, or a name that the operator listed in COPROD_HOSTS.",
            )
        if method not in READS_ONLY and _from_elsewhere(headers, here):
            raise HttpRefusal(
                403,
                "foreign_page",
                "A page of another site sent this, so nothing was done.",
                remedy="Send it from a page of this service, or from a program.",
            )


def _sound(scope: Scope) -> None:
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise HttpRefusal(
            400,
            "invalid_address",
            "The address has a NUL character, which is in no name.",
            remedy="Send the name as it was registered.",
        )


def authority(text: str) -> Authority | None:
    """Return the parts of ``HOST[:PORT]``, or None where it is nothing of that form."""
    match = AUTHORITY.fullmatch(text)
    return (match[1].lower(), match[2]) if match else None


def protect(message: Message) -> None:
    """Add to the beginning of an answer what browsers are to keep to."""
    headers = MutableHeaders(scope=message)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")


def _from_elsewhere(headers: Headers, here: Authority) -> bool:
    """Say whether a browser marked the request as one that no page of ours sent."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return True
    return any(not _same(origin, here) for origin in headers.getlist("origin"))


def _same(origin: str, here: Authority) -> bool:
    match = ORIGIN.fullmatch(origin)
    there = authority(match[2]) if match else None
    if match is None or there is None:
        return False  # "null" is a page that hides where it comes from
    usual = DEFAULT_PORTS[match[1]]
    return (there[0], there[1] or usual) == (here[0], here[1] or usual)
