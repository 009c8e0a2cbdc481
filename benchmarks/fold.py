"""Fold: the shipped fold from a real Kafka into PostgreSQL, beside the raw limit, interleaved.

    python -m benchmarks.fold [--events 300000] [--services 200] [--people 5000] [--rounds 5]
        [--contestants raw,fold,rebuild,service] [--recorded] [--json FILE]

Each contestant is a process of its own; the median of the rounds counts, and ratios are to ``raw``.
One that does not come to the workload's acts and minutes ends the run.
"""

import argparse
import json
import secrets
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.place import BenchmarkPlace, place
from benchmarks.truth import told
from benchmarks.workload import Size


def once(here: BenchmarkPlace, name: str, prefix: str, events: int) -> dict[str, Any]:
    database = here.database() if name != "raw" else "-"
    command = [sys.executable, "-m", "benchmarks.contestant"]
    arguments = [name, here.bootstrap, prefix, database, str(events)]
    done = subprocess.run([*command, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def medians(results: list[dict[str, Any]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in results) for name in results[0]}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=300_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--contestants", default="raw,fold,rebuild,service")
    arguments.add_argument("--recorded", action="store_true")
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    size = Size(asked.events, asked.services, asked.people, recorded=asked.recorded)
    names = asked.contestants.split(",")
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    truth = told(size)
    expected = {"acts": truth.contributions, "minutes": truth.minutes}
    with place() as here:
        prefix = f"bench-{secrets.token_hex(3)}-"
        here.tell(prefix, size)
        for number in range(asked.rounds):
            for name in names:
                found = once(here, name, prefix, size.events)
                assert all(found.get(what, one) == one for what, one in expected.items()), found
                results[name].append(found)
                print(f"round {number + 1} {name:8s} {found}", flush=True)
    middle = {name: medians(found) for name, found in results.items()}
    for name, found in middle.items():
        for what in ("events_per_second", "cpu_us_per_event"):
            ratio = found[what] / middle[names[0]][what]
            print(f"{name:8s} {what:20s}{found[what]:10.1f}{ratio:7.2f} x {names[0]}")
    if asked.json:
        asked.json.write_text(json.dumps({"size": repr(size), "results": results}, indent=1))


if __name__ == "__main__":
    main()
