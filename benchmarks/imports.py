"""Imports: a file of a million acts through ``coprod import``, and the same file again.

    python -m benchmarks.imports [--rows 1000000] [--services 200] [--people 5000]
        [--log embedded|kafka] [--json FILE]

A deployment of ``coprod up``; the importer is a process of its own, as an agency would run it.
``csv`` is the limit: Python's reader over the same file and nothing done with a row. ``dry run``
reads, looks up and checks every row and sends none. Then the import, after which exchange must hold
exactly the rows, and the import of the same file again, after which it must hold nothing more. The
default takes about twenty minutes on two cores; a tenth of the rows a tenth of that.
"""

import argparse
import csv
import json
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import psutil
import psycopg

from benchmarks.place import deployed
from tests.support.deployment import Up, environment

HEADER = (
    "contribution_id,service_id,occurred_at,giver_id,giver_party,receiver_ids,minutes,phase,mode"
)
PARTIES = ("professional", "user", "user", "family_social")
PHASES = ("deliver", "deliver", "deliver", "design", "commission", "assess", "")
DAYS = 400
LOOK_SECONDS = 0.1
SETTLING_SECONDS_MAX = 3_600
HELD = """
SELECT (SELECT count(*) FROM contribution WHERE status = 'confirmed'), (SELECT count(*) FROM event)
"""
MOST = re.compile(r"VmHWM:\s+(\d+) kB")


def rows(count: int, services: int, people: int) -> Iterator[str]:
    """Yield lines of an agency's file; everybody is at home in one service."""
    chance = random.Random(1)
    home = max(2, people // services)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for number in range(count):
        service = chance.randrange(services)
        giver = service * home + min(int(chance.random() ** 2 * home), home - 1)
        others = {service * home + chance.randrange(home) for _ in range(chance.choice((0, 1, 2)))}
        receivers = "|".join(f"p{one}" for one in sorted(others - {giver}))
        when = now - timedelta(minutes=chance.randrange(60, DAYS * 1440))
        mode = "opinion" if chance.random() < 0.1 else "act"
        yield (
            f"c{number},s{service},{when.isoformat()},p{giver},{PARTIES[giver % 4]},{receivers},"
            f"{chance.randrange(5, 240)},{chance.choice(PHASES)},{mode}\n"
        )


def write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        file.writelines(lines)


def read_alone(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        return sum(1 for _ in reader) - 1


def limit(path: Path, count: int) -> dict[str, Any]:
    began, cpu = time.monotonic(), time.process_time()
    assert read_alone(path) == count
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    return {"rows_per_second": round(count / seconds), "cpu_seconds": round(used, 2)}


def run(running: Up, path: Path, count: int, *more: str) -> dict[str, Any]:
    """Import the file; return what that took of the importer and of exchange, and its summary."""
    exchange = psutil.Process(running.pid("exchange"))
    before, began = _cpu(exchange), time.monotonic()
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tools", "import", "contributions", str(path)]
    said, peak = _watched([*command, "--register-missing", "--json", *more], running.data)
    seconds, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(said)
    assert (summary["rows"], summary["rejected"]) == (count, 0), said[:2_000]
    return {
        "rows_per_second": round(count / seconds),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime - ours.ru_utime - ours.ru_stime, 1),
        "exchange_cpu_seconds": round(_cpu(exchange) - before, 1),
        "peak_mb": peak,
        **{name: summary[name] for name in ("recorded", "corrected", "unchanged", "registered")},
    }


def _watched(command: Sequence[str], data: Path) -> tuple[str, int]:
    """Return what it printed, and the most memory it held: what it held at its end, but a moment.

    The kernel's own account of a child that has ended counts its parent's memory too.
    """
    peak = 0
    with TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, env=environment(COPROD_DATA=str(data)))
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            found = MOST.search(status.read_text())  # a zombie has none
            peak = max(peak, int(found[1]) // 1024) if found else peak
            time.sleep(LOOK_SECONDS)
        assert process.returncode == 0, f"the importer ended with {process.returncode}"
        out.seek(0)
        return out.read(), peak


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def held(running: Up) -> tuple[int, int]:
    """Return how many contributions exchange holds that count, and how many events."""
    with psycopg.connect(running.record()["databases"]["exchange"]) as connection:
        found = connection.execute(HELD).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def settled(running: Up) -> float:
    """Return the seconds until insights had folded all of it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tools", "wait", "--timeout", str(SETTLING_SECONDS_MAX)]
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment(COPROD_DATA=str(running.data)),
    )
    return round(time.monotonic() - began, 1)


def measured(running: Up, path: Path, count: int) -> dict[str, Any]:
    results: dict[str, Any] = {}

    def step(name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        results[name] = work()
        print(f"{name:10s} {results[name]}", flush=True)
        return results[name]  # type: ignore[no-any-return]

    step("csv", lambda: limit(path, count))
    step("dry run", lambda: run(running, path, count, "--dry-run"))
    first = step("import", lambda: run(running, path, count))
    contributions, events = held(running)
    assert (first["recorded"], contributions) == (count, count), f"exchange holds {contributions}"
    results["folded_seconds_later"] = settled(running)
    again = step("again", lambda: run(running, path, count))
    assert (again["recorded"], again["corrected"], again["unchanged"]) == (0, 0, count)
    assert held(running) == (contributions, events), "the second import recorded something"
    print(f"exchange holds the {count} rows, each once; folded {results['folded_seconds_later']} s")
    print("after the first import had ended, and nothing more after the second")
    return results


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--log", choices=("embedded", "kafka"), default="embedded")
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    with TemporaryDirectory(prefix="coprod-bench-") as folder:
        path = Path(folder) / "acts.csv"
        write(path, rows(asked.rows, asked.services, asked.people))
        with deployed(asked.log) as running:
            results = measured(running, path, asked.rows)
    if asked.json:
        asked.json.write_text(json.dumps({"rows": asked.rows, "results": results}, indent=1))


if __name__ == "__main__":
    main()
