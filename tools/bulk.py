"""Sends commands in bulk to registry and exchange, and repeats what was not answered.

Every command has an id, so that a repeat after a lost answer is answered and not done again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import httpx
import msgspec
import orjson

from shared.runtime.retry import Backoff
from tools.terminal.failure import ExitCode, Failure

PATH = "/v1/commands"
ITEMS_MAX = 1_000
BYTES_MAX = 3_500_000  # the services take 4 MiB
GIVE_UP_AFTER_SECONDS = 120.0
REACHED_WITHIN_SECONDS = 5.0
_DELAY_MIN_SECONDS = 0.05
_DELAY_MAX_SECONDS = 2.0
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_JSON = {"content-type": "application/json"}
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_CONNECTIONS = httpx.Limits(max_connections=16)


class Envelope(msgspec.Struct, frozen=True):
    """One command to send: ``line`` is its CloudEvent, ``about`` is the sender's own note."""

    line: bytes
    about: Any


class CommandOutcome(msgspec.Struct, frozen=True):
    """The answer to a command: ``body`` if it was accepted, else ``problem`` (RFC 9457)."""

    about: Any
    body: dict[str, Any]
    problem: dict[str, Any] | None = None


class ServiceClient:
    """One service. ``positions``: the highest that its answers named, by "topic/partition"."""

    def __init__(self, name: str, http: httpx.AsyncClient) -> None:
        self.name, self.url = name, str(http.base_url)
        self._http = http
        self.positions: dict[str, int] = {}

    @classmethod
    async def reach(cls, name: str, url: str) -> Self:
        """Return the service at an address, if it is there at all.

        Raises:
            Failure: nothing answers.
        """
        # loopback is never reached through a proxy
        http = httpx.AsyncClient(
            base_url=url, timeout=_TIMEOUT, limits=_CONNECTIONS, trust_env=False
        )
        service = cls(name, http)
        try:
            await service._answer()
        except Failure:
            await http.aclose()
            raise
        return service

    async def _answer(self) -> None:
        attempts = Attempts(self, REACHED_WITHIN_SECONDS)
        while True:
            try:
                await self._http.get("/healthz")
            except httpx.TransportError as error:
                await attempts.wait(str(error) or type(error).__name__)
            else:
                return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON and return the JSON that comes back.

        Raises:
            Failure: the service stays away, or refuses.
        """
        return await self._send(path, orjson.dumps(body), {**_JSON, **(headers or {})})

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of a page, or None where there is none."""
        response = await self._persist(lambda: self._http.get(path, headers=headers))
        return None if response.status_code == 404 else self._checked(response)

    async def commands(
        self, batch: Sequence[Envelope], after: Mapping[str, int] | None = None
    ) -> list[CommandOutcome]:
        """Send commands in order; note the positions that they took in ``positions``.

        Those that were answered "not now" are sent again, in the same order.

        Raises:
            Failure: the service stays away, or refuses the request as a whole.
        """
        headers = {"content-type": "application/x-ndjson"}
        if after:
            headers["coprod-after"] = ", ".join(f"{at}:{last}" for at, last in after.items())
        outcomes: dict[int, CommandOutcome] = {}
        waiting = list(range(len(batch)))
        attempts = Attempts(self)
        while waiting:
            body = b"\n".join(batch[number].line for number in waiting)
            answer = await self._send(PATH, body, headers)
            passing = None
            for number, item in zip(waiting, answer["items"], strict=True):
                if item["status"] in _TRANSIENT_STATUSES:
                    passing = item["problem"]
                    continue
                self._note(item.get("position"))
                outcomes[number] = CommandOutcome(
                    batch[number].about, item.get("body") or {}, item.get("problem")
                )
            waiting = [number for number in waiting if number not in outcomes]
            if passing is not None:
                await attempts.wait(_sentence(passing))
        return [outcomes[number] for number in range(len(batch))]

    def _note(self, positions: str | None) -> None:
        for part in (positions or "").split(","):
            at, _, position = part.strip().rpartition(":")
            if at:
                self.positions[at] = max(int(position), self.positions.get(at, 0))

    async def _send(self, path: str, content: bytes, headers: Mapping[str, str]) -> Any:
        response = await self._persist(
            lambda: self._http.post(path, content=content, headers=headers)
        )
        return self._checked(response)

    async def _persist(self, attempt: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Repeat a request until it is answered by more than "not now"."""
        attempts = Attempts(self)
        while True:
            try:
                response = await attempt()
            except httpx.TransportError as error:
                trouble = str(error) or type(error).__name__
            else:
                if response.status_code not in _TRANSIENT_STATUSES:
                    return response
                trouble = _detail(response)
            await attempts.wait(trouble)

    def _checked(self, response: httpx.Response) -> Any:
        if response.is_error:
            raise Failure(f"{self.name} refused {response.request.url.path}: {_detail(response)}")
        return orjson.loads(response.content)


class Attempts:
    """Waits longer after each attempt, and gives up after ``seconds``."""

    def __init__(self, service: ServiceClient, seconds: float = GIVE_UP_AFTER_SECONDS) -> None:
        self._service = service
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._backoff = Backoff(_DELAY_MIN_SECONDS, _DELAY_MAX_SECONDS)

    async def wait(self, trouble: str) -> None:
        """Let some time pass.

        Raises:
            Failure: enough has passed; ``trouble`` is what was last wrong.
        """
        if asyncio.get_running_loop().time() > self._deadline:
            raise Failure(
                f"{self._service.name} at {self._service.url}: {trouble}",
                "Look at `coprod status`; what was done is safe, and the same command goes on.",
                code=ExitCode.UNREACHABLE,
            )
        await asyncio.sleep(self._backoff.next())


def command(source: str, key: str, kind: str, data: Mapping[str, Any]) -> bytes:
    """Return a command as one line; (``source``, ``key``) makes a repeat of it harmless."""
    return orjson.dumps(
        {"specversion": "1.0", "id": key, "source": source, "type": kind, "data": data}
    )


def batches(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Split commands into requests of a size that the services accept."""
    batch: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        if batch and (len(batch) >= ITEMS_MAX or size + len(envelope.line) > BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(envelope)
        size += len(envelope.line) + 1
    if batch:
        yield batch


def _detail(response: httpx.Response) -> str:
    """Return the sentence of a problem, or the answer that is none."""
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, dict):
        return f"{response.status_code} {response.text[:200]}"
    return _sentence(problem)


def _sentence(problem: Mapping[str, Any]) -> str:
    sentences = (problem.get("title"), problem.get("detail"), problem.get("remedy"))
    return " ".join(str(one) for one in sentences if one)
