"""Small: one small fold from a real Kafka on what a user would pick instead, and on ours.

    python -m benchmarks.small [--events 300000] [--services 200] [--people 5000] [--rounds 5]
        [--peers raw_aiokafka,ours,...] [--json FILE]

Each peer (``benchmarks/peers``) is a process of its own, on the same topic, interleaved; the median
of the rounds counts. A peer whose state is not the one that the workload says is an error. Engines
with other dependencies run in ``.venv-peers`` (``make bench`` makes it).
"""

import argparse
import json
import secrets
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers.small import digest_of, pair_of
from benchmarks.place import BenchmarkPlace, place
from benchmarks.workload import Size, messages
from shared.contracts.topics import EXCHANGE_ACTIVITY

OTHERS = Path(".venv-peers/bin/python")
PEERS = {
    "raw_aiokafka": Path(sys.executable),
    "raw_confluent": OTHERS,
    "ours": Path(sys.executable),
    "ours:small": Path(sys.executable),
    "faststream_tutorial": Path(sys.executable),
    "arroyo_copy": OTHERS,
    "quix": OTHERS,
    "kafka_streams:memory-1": Path(sys.executable),
    "kafka_streams:memory-2": Path(sys.executable),
    "kafka_streams:rocksdb-1": Path(sys.executable),
}
"""Peer -> its Python; after a colon, its variant."""


def truth(size: Size) -> str:
    """Return the digest of what the workload comes to, counted from its models."""
    days: dict[tuple[str, str], tuple[int, int]] = {}
    pairs: dict[tuple[str, str], int] = {}
    givers: dict[str, list[str]] = {}
    for message in messages(size):
        act = message.act  # type: ignore[union-attr]
        minutes = act.minutes or 0
        day = (act.service_id, f"{act.occurred_at:%Y-%m-%d}")
        count, before = days.get(day, (0, 0))
        days[day] = (count + 1, before + minutes)
        parties = [str(one.party) for one in act.receivers]
        pair = (act.service_id, pair_of(str(act.giver_party), parties))
        pairs[pair] = pairs.get(pair, 0) + minutes
        givers.setdefault(act.service_id, []).append(act.giver_id)
    return digest_of(
        [[*name, *held] for name, held in days.items()],
        [[*name, held] for name, held in pairs.items()],
        {name: sorted(set(held)) for name, held in givers.items()},
    )


def once(here: BenchmarkPlace, peer: str, prefix: str, events: int) -> dict[str, Any]:
    dsn = here.database() if peer.startswith(("ours", "arroyo")) else "-"
    module, _, variant = peer.partition(":")
    command = [str(PEERS[peer]), "-W", "ignore", "-m", f"benchmarks.peers.{module}"]
    topic = prefix + EXCHANGE_ACTIVITY.name
    done = subprocess.run(
        [*command, here.bootstrap, topic, dsn, str(events), *filter(None, [variant])],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=300_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--peers", default=",".join(PEERS))
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    size = Size(asked.events, asked.services, asked.people, plain=True)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in asked.peers.split(",")}
    with place() as here:
        prefix, right = f"bench-{secrets.token_hex(3)}-", truth(size)
        here.tell(prefix, size)
        for number in range(asked.rounds):
            for peer, found in results.items():
                one = once(here, peer, prefix, size.events)
                if one.pop("digest") != right:
                    raise SystemExit(f"{peer} came to another state than the workload says")
                found.append(one)
                print(f"round {number + 1} {peer:24s} {one}", flush=True)
    limit = statistics.median(one["events_per_second"] for one in next(iter(results.values())))
    for peer, found in results.items():
        rate, cpu, memory = (
            statistics.median(one[what] for one in found)
            for what in ("events_per_second", "cpu_us_per_event", "peak_mb")
        )
        print(f"{peer:24s}{rate:9.0f}/s {rate / limit:6.2f} x {cpu:8.1f} us CPU {memory:6.0f} MB")
    if asked.json:
        asked.json.write_text(json.dumps({"size": repr(size), "results": results}, indent=1))


if __name__ == "__main__":
    main()
