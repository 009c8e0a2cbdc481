"""Quix Streams, exactly once: state in RocksDB with a changelog, in Kafka's transactions."""

import secrets
from collections import defaultdict
from tempfile import TemporaryDirectory
from typing import Any

from quixstreams import Application
from quixstreams.models import TopicConfig

from benchmarks.peers.small import decode, digest_of, pair_of
from benchmarks.peers.stopwatch import Stopwatch, answer, asked


class Work:
    """Keeps everything in the state it is given, and for the digest what it wrote there last."""

    def __init__(self, watch: Stopwatch) -> None:
        self.watch = watch
        self.days: dict[tuple[str, str], list[int]] = {}
        self.pairs: dict[tuple[str, str], int] = {}
        self.givers: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, value: bytes, state: Any) -> None:
        self.watch.begin()
        act = decode(value).act
        service, day = act.service_id, act.occurred_at[:10]
        pair = pair_of(act.giver_party, [one.party for one in act.receivers])
        count, minutes = state.get(f"day:{day}", (0, 0))
        held = [count + 1, minutes + act.minutes]
        state.set(f"day:{day}", held)
        weight = state.get(f"pair:{pair}", 0) + act.minutes
        state.set(f"pair:{pair}", weight)
        if not state.exists(f"giver:{act.giver_id}"):
            state.set(f"giver:{act.giver_id}", 1)
            self.givers[service].append(act.giver_id)
        self.days[service, day], self.pairs[service, pair] = held, weight

    def digest(self) -> str:
        days = [[*name, *held] for name, held in self.days.items()]
        pairs = [[*name, weight] for name, weight in self.pairs.items()]
        return digest_of(days, pairs, self.givers)


def main() -> None:
    bootstrap, topic, _, watch = asked()
    with TemporaryDirectory() as folder:
        app = Application(
            broker_address=bootstrap,
            consumer_group=f"quix-{secrets.token_hex(4)}",
            auto_offset_reset="earliest",
            processing_guarantee="exactly-once",
            state_dir=folder,
            loglevel="WARNING",
        )
        # without a retention of its own the changelog cannot be made
        kept = TopicConfig(None, None, {"retention.ms": "-1"})
        source = app.topic(topic, value_deserializer="bytes", config=kept)
        work = Work(watch)
        app.dataframe(source).update(work.add, stateful=True)
        app.run(count=watch.events)  # returns once the last transaction is committed
        answer(watch.told(), work.digest())


if __name__ == "__main__":
    main()
