"""A frame of the stream is held against what was answered before: as new, or saying the same."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tools.verification import stream
from tools.verification.report import Report
from tools.verification.service import Said

HERE = "exchange.activity.v1/0"


def said(position: int, value: float) -> Said:
    receipt = {"positions": {HERE: position}}
    metrics = {"window": "life", "lens": "count", "metrics": {"A1": value}, "receipt": receipt}
    verdict = {"window": "life", "class": "mutual_aid", "axes": {}, "receipt": receipt}
    return Said("s", [metrics], [verdict])


def frame(position: int, value: float) -> dict[str, Any]:
    shown = {"verdict": {"class": "mutual_aid", "axes": {}}, "metrics": {"A1": {"none": value}}}
    return {
        "service": {"service_id": "s"},
        "as_of": "2026-06-30",
        "waiting": {"recorded": 0, "disputed": 0},
        "windows": {"life": shown},
        "receipt": {"positions": {HERE: position}},
    }


@contextmanager
def streaming(*frames: tuple[int, Mapping[str, Any]]) -> Iterator[str]:
    """Serve these frames, with their ids and heartbeats, as insights does; then the stream ends."""
    body = "".join(
        "event: heartbeat\ndata: {}\n\n"
        f"event: change\nid: x-{number}\ndata: {json.dumps(record)}\n\n"
        for number, record in frames
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("shown", "sound"),
    [
        ((7, 0.5), True),
        ((8, 0.6), True),  # more came since it was asked
        ((6, 0.5), True),  # what came last moved no figure
        ((6, 0.4), False),
    ],
)
def test_a_frame_is_as_new_as_the_answer_or_says_the_same(
    shown: tuple[int, float], sound: bool
) -> None:
    report, one = Report(), said(7, 0.5)

    with streaming((1, frame(*shown))) as url:
        stream.listen(url, [one], report)

    assert report.clean is sound
    assert report.compared["frames of the stream"] == 1
    assert one.metrics[-1]["metrics"] == {"A1": shown[1]}, "it is recomputed with the answers"


def test_a_service_that_is_never_shown_is_missed() -> None:
    report = Report()

    with streaming() as url:
        stream.listen(url, [said(7, 0.5)], report)

    assert report.counts[stream.CHECK] == 1


def test_ids_that_do_not_rise_are_found() -> None:
    report = Report()

    with streaming((2, frame(5, 0.1)), (2, frame(7, 0.5))) as url:
        stream.listen(url, [said(7, 0.5)], report)

    assert report.counts[stream.CHECK] == 1
