"""The limit of the C client: confluent-kafka's ``consume`` and msgspec, without any promise."""

import secrets

from confluent_kafka import Consumer

from benchmarks.peers.small import Small, decode
from benchmarks.peers.stopwatch import answer, asked


def main() -> None:
    bootstrap, topic, _, watch = asked()
    small = Small()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": secrets.token_hex(4),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "queued.min.messages": 100_000,
        }
    )
    consumer.subscribe([topic])
    done = False
    while not done:
        records = consumer.consume(5_000, timeout=0.2)
        if records:
            watch.begin()
        for record in records:
            small.add(decode(record.value()).act)
        done = watch.took(len(records))
    told = watch.told()
    consumer.close()
    answer(told, small.digest())


if __name__ == "__main__":
    main()
