"""The live stream as a dashboard reads it: its frames, to be held against the stored figures."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import orjson

from tools.verification.figures import Answer
from tools.verification.report import Report
from tools.verification.service import Said

CHECK = "the stream shows what is stored"
PATIENCE_SECONDS = 20.0
Record = Mapping[str, Any]


def listen(url: str, said: Sequence[Said], report: Report) -> None:
    """Add to what was said of each service what one client of the stream is shown of it.

    The client stays until no frame is older than what was answered before it came.
    """
    wanted = {one.service_id: one.positions for one in said}
    shown: dict[str, Record] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        for record in _records(url, deadline, report):
            shown[record["service"]["service_id"]] = record
            if all(_reached(shown.get(name), due) for name, due in wanted.items()):
                break
    except httpx.HTTPError as failed:
        report.problem(CHECK, f"{url} ended the stream: {failed!r}")
    for one in said:
        newest = shown.get(one.service_id)
        if not _reached(newest, wanted[one.service_id]):
            stands = newest["receipt"]["positions"] if newest else "nothing"
            report.problem(
                CHECK,
                f"{url} shows {one.service_id} as of {stands} after {PATIENCE_SECONDS:g} s, "
                f"answered was {wanted[one.service_id]}",
            )
        if newest is not None:
            report.compared["frames of the stream"] += 1
            _add(one, newest)


def _records(url: str, deadline: float, report: Report) -> Iterator[Record]:
    """Yield what the frames carry until the deadline; ids have to rise."""
    last, data = -1, b""
    with (
        httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as http,
        http.stream("GET", f"{url}/v1/stream") as answer,
    ):
        answer.raise_for_status()
        lines = answer.iter_lines()
        while time.monotonic() < deadline:
            try:
                line = next(lines)
            except (StopIteration, httpx.ReadTimeout):
                return
            if line.startswith("id: "):
                number = int(line.rpartition("-")[2])
                if number <= last:
                    report.problem(CHECK, f"{url}: id {number} came after {last}")
                last = number
            elif line.startswith("data: "):
                data = line.removeprefix("data: ").encode()
            elif not line and data:
                yield orjson.loads(data)
                data = b""


def _reached(record: Record | None, due: Mapping[str, int]) -> bool:
    if record is None:
        return not due
    positions = record["receipt"]["positions"]
    return all(positions.get(partition, 0) >= position for partition, position in due.items())


def _add(said: Said, record: Record) -> None:
    common: Answer = {
        "service_id": said.service_id,
        "as_of": record["as_of"],
        "receipt": record["receipt"],
    }
    for window, shown in record["windows"].items():
        said.verdicts.append({**common, **shown["verdict"], "window": window})
        said.metrics.extend(
            {**common, "window": window, "lens": lens, "metrics": metrics}
            for lens, metrics in shown["metrics"].items()
        )
