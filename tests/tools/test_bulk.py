"""Commands sent in bulk against a service that is away, or behind, or refuses."""

from collections.abc import Callable

import httpx
import orjson
import pytest

from tools.bulk import BYTES_MAX, ITEMS_MAX, Envelope, ServiceClient, batches, command
from tools.terminal.failure import ExitCode, Failure

Answer = Callable[[list[str]], httpx.Response]
BEHIND = {"title": "Directory behind", "detail": "wait", "reason": "directory_behind"}


def served_by(answer: Answer) -> tuple[ServiceClient, list[list[str]]]:
    """Return a service that answers so, and the ids of the commands of each request it got."""
    requests: list[list[str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append([orjson.loads(line)["id"] for line in request.content.splitlines()])
        return answer(requests[-1])

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://service")
    return ServiceClient("exchange", http), requests


def envelopes(*keys: str) -> list[Envelope]:
    return [Envelope(command("/agencies/a/systems/s", key, "x", {}), key) for key in keys]


def items(*answers: tuple[str, int]) -> httpx.Response:
    told = [
        {"id": key, "status": status}
        | ({"body": {"key": key}} if status == 200 else {"problem": BEHIND})
        for key, status in answers
    ]
    return httpx.Response(200, json={"items": told})


async def test_only_what_was_not_taken_yet_is_sent_again_and_in_order() -> None:
    def answer(ids: list[str]) -> httpx.Response:
        if len(ids) == 4:
            return items(("a", 200), ("b", 503), ("c", 422), ("d", 503))
        return items(*((key, 200) for key in ids))

    service, requests = served_by(answer)

    outcomes = await service.commands(envelopes("a", "b", "c", "d"))

    assert requests == [["a", "b", "c", "d"], ["b", "d"]]
    assert [(one.about, one.problem is None) for one in outcomes] == [
        ("a", True),
        ("b", True),
        ("c", False),
        ("d", True),
    ]


async def test_a_request_that_was_not_answered_is_sent_again_as_it_was() -> None:
    attempts = iter((httpx.ConnectError("gone"), httpx.ReadError("cut"), httpx.Response(503), None))

    def answer(ids: list[str]) -> httpx.Response:
        trouble = next(attempts)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble or items(*((key, 200) for key in ids))

    service, requests = served_by(answer)

    outcomes = await service.commands(envelopes("a", "b"))

    assert requests == [["a", "b"]] * 4
    assert [one.body["key"] for one in outcomes] == ["a", "b"]


async def test_a_refused_request_is_not_repeated_and_says_why() -> None:
    service, requests = served_by(
        lambda _: httpx.Response(413, json={"title": "Too large", "remedy": "Send less."})
    )

    with pytest.raises(Failure, match=r"exchange refused /v1/commands: Too large Send less\."):
        await service.commands(envelopes("a"))
    assert len(requests) == 1


async def test_the_highest_positions_are_kept_and_told_to_the_next() -> None:
    def answer(ids: list[str]) -> httpx.Response:
        positions = {"a": "t/1:7", "b": "t/1:5, t/2:9", "c": ""}
        told = [{"id": key, "status": 200, "position": positions[key]} for key in ids]
        return httpx.Response(200, json={"items": told})

    service, _ = served_by(answer)

    await service.commands(envelopes("a", "b", "c"))

    assert service.positions == {"t/1": 7, "t/2": 9}


async def test_nobody_at_an_address_is_told_soon() -> None:
    with pytest.raises(Failure) as refused:
        await ServiceClient.reach("registry", "http://127.0.0.1:9")

    assert refused.value.code is ExitCode.UNREACHABLE


def test_requests_are_cut_by_number_and_by_size() -> None:
    many = list(batches(envelopes(*map(str, range(2 * ITEMS_MAX + 1)))))
    large = list(batches(Envelope(b"x" * (BYTES_MAX // 2), n) for n in range(3)))

    assert [len(batch) for batch in many] == [ITEMS_MAX, ITEMS_MAX, 1]
    assert [len(batch) for batch in large] == [1, 1, 1]
