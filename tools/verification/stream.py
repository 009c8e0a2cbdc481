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
HEARTBEAT = "data: {}"
LENSES = ("count", "minutes")
Record = Mapping[str, Any]


def listen(url: str, said: Sequence[Said], report: Report) -> None:
    """Add to what was said of each service what one client of the stream is shown of it.

    The client stays until no frame is older than what was answered before it came. One that says
    the same is not older: an event that moves no figure makes no new frame.
    """
    wanted = {one.service_id: one for one in said}
    shown: dict[str, Record] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        for record in _records(url, deadline, report):
            shown[record["service"]["service_id"]] = record
            if all(_shows(shown.get(name), due) for name, due in wanted.items()):
                break
    except httpx.HTTPError as failed:
        report.problem(CHECK, f"{url} ended the stream: {failed!r}")
    for one in said:
        newest = shown.get(one.service_id)
        if not _shows(newest, one):
            stands = newest["receipt"]["positions"] if newest else "nothing"
            report.problem(
                CHECK,
                f"{url} shows {one.service_id} as of {stands} after {PATIENCE_SECONDS:g} s, "
                f"answered was {one.positions}",
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
            elif line.startswith("data: ") and line != HEARTBEAT:
                data = line.removeprefix("data: ").encode()
            elif not line and data:
                yield orjson.loads(data)
                data = b""


def _shows(record: Record | None, said: Said) -> bool:
    """Tell whether the frame is as new as what was answered, or says the same."""
    due = said.positions
    if record is None:
        return not due
    positions = record["receipt"]["positions"]
    reached = all(positions.get(partition, 0) >= position for partition, position in due.items())
    return reached or _says_the_same(record, said)


def _says_the_same(record: Record, said: Said) -> bool:
    windows = record["windows"]
    return all(
        _of_lens(windows[answer["window"]], answer["lens"]) == answer["metrics"]
        for answer in said.metrics
    ) and all(
        windows[answer["window"]]["verdict"][name] == answer[name]
        for answer in said.verdicts
        for name in ("class", "axes")
    )


def _add(said: Said, record: Record) -> None:
    common: Answer = {
        "service_id": said.service_id,
        "as_of": record["as_of"],
        "waiting": record["waiting"],
        "receipt": record["receipt"],
    }
    for window, shown in record["windows"].items():
        # since when it holds may be of a moment before, or not known yet
        verdict = {name: one for name, one in shown["verdict"].items() if name != "holds_since"}
        said.verdicts.append({**common, **verdict, "window": window})
        said.metrics.extend(
            {**common, "window": window, "lens": lens, "metrics": _of_lens(shown, lens)}
            for lens in LENSES
        )


def _of_lens(shown: Mapping[str, Any], lens: str) -> dict[str, Any]:
    """Return the figures of one lens by id; of those that do not differ by lens, the only one."""
    metrics = shown["metrics"].items()
    return {id_: by_lens.get(lens) or by_lens["none"] for id_, by_lens in metrics}
