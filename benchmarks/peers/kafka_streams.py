"""Kafka Streams, exactly once (v2), from its jars: stores in memory or in RocksDB, with changelogs.

``kafka_streams memory-1``: the kind of store and the number of threads. Needs a JDK 17 and Maven.
What is timed leaves out its start, not its warm-up; ``steady`` is the rate of the second half. The
last commit, 100 ms at most, is not waited for.
"""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers.small import digest_of
from benchmarks.peers.stopwatch import answer
from tools.deployment.kafka.jars import find_java, home

SOURCE = Path(__file__).with_name("streams")


def built() -> Path:
    """Return the folder of jars and of the compiled program, made if need be."""
    folder = home().parent / "streams-peer"
    libraries = folder / "libs"
    if not libraries.is_dir():
        command = ["mvn", "-q", "-B", "-f", str(SOURCE / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*command, f"-DoutputDirectory={libraries}"], check=True, stdout=sys.stderr)
    program = SOURCE / "SmallWork.java"
    command = ["javac", "-cp", f"{libraries}/*", "-d", str(folder / "classes"), str(program)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return folder


def main() -> None:
    bootstrap, topic, _, events, variant = sys.argv[1:6]
    kind, threads = variant.split("-")
    folder = built()
    days: list[list[str | int]] = []
    pairs: list[list[str | int]] = []
    givers: defaultdict[str, list[str]] = defaultdict(list)
    with TemporaryDirectory() as state:
        command = [find_java(), "-Xms512m", "-Xmx1g", "-cp", f"{folder}/libs/*:{folder}/classes"]
        done = subprocess.run(
            [*command, "SmallWork", bootstrap, topic, events, kind, threads, state],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    figures, *lines = done.stdout.splitlines()
    for line in lines:
        what, service, *rest = line.split("|")
        if what == "day":
            days.append([service, rest[0], int(rest[1]), int(rest[2])])
        elif what == "pair":
            pairs.append([service, rest[0], int(rest[1])])
        else:
            givers[service].append(rest[0])
    rate, steady, cpu, peak = figures.split()
    told = {
        "events_per_second": int(rate),
        "steady": int(steady),
        "cpu_us_per_event": float(cpu),
        "peak_mb": int(peak),
    }
    answer(told, digest_of(days, pairs, givers))


if __name__ == "__main__":
    main()
