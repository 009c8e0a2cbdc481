"""sentry-arroyo, at least once: rows copied into PostgreSQL before their offsets are committed."""

import secrets
import warnings
from collections.abc import Mapping
from typing import Any

import psycopg
from arroyo.backends.kafka import KafkaConsumer, KafkaPayload
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import ProcessingStrategy, ProcessingStrategyFactory
from arroyo.types import BrokerValue, Commit, Message, Partition, Topic

from benchmarks.peers.small import Small, decode, pair_of
from benchmarks.peers.stopwatch import Stopwatch, answer, asked

ROWS = 5_000
TABLE = "CREATE TABLE arroyo (service text, day text, giver text, pair text, minutes int)"


class Copying(ProcessingStrategy[KafkaPayload]):
    """Folds in memory and copies the rows, ``ROWS`` at a time."""

    def __init__(self, work: "Work", commit: Commit) -> None:
        self._work, self._commit = work, commit
        self._rows: list[tuple[Any, ...]] = []
        self._reached: dict[Partition, int] = {}

    def poll(self) -> None: ...

    def submit(self, message: Message[KafkaPayload]) -> None:
        self._work.watch.begin()
        assert isinstance(message.value, BrokerValue)
        act = decode(message.payload.value).act
        self._work.small.add(act)
        pair = pair_of(act.giver_party, [one.party for one in act.receivers])
        self._rows.append((act.service_id, act.occurred_at[:10], act.giver_id, pair, act.minutes))
        self._reached.update(message.committable)
        handled = self._work.watch.handled + len(self._rows)
        if len(self._rows) == ROWS or handled == self._work.watch.events:
            self._write()

    def _write(self) -> None:
        connection = self._work.connection
        with connection.cursor() as cursor, cursor.copy("COPY arroyo FROM STDIN") as copy:
            for row in self._rows:
                copy.write_row(row)
        connection.commit()
        self._commit(self._reached)
        if self._work.watch.took(len(self._rows)):
            self._work.end()
        self._rows, self._reached = [], {}

    def close(self) -> None: ...

    def terminate(self) -> None: ...

    def join(self, timeout: float | None = None) -> None: ...


class Work(ProcessingStrategyFactory[KafkaPayload]):
    def __init__(self, watch: Stopwatch, connection: "psycopg.Connection[Any]") -> None:
        self.watch, self.connection, self.small = watch, connection, Small()
        self.told: dict[str, Any] = {}
        self.processor: StreamProcessor[KafkaPayload] | None = None

    def create_with_partitions(
        self,
        commit: Commit,
        partitions: Mapping[Partition, int],  # noqa: ARG002 - arroyo's signature
    ) -> ProcessingStrategy[KafkaPayload]:
        return Copying(self, commit)

    def end(self) -> None:
        self.told = self.watch.told()
        assert self.processor is not None
        self.processor.signal_shutdown()


def main() -> None:
    bootstrap, topic, dsn, watch = asked()
    warnings.simplefilter("ignore")
    with psycopg.connect(dsn) as connection:
        connection.execute(TABLE)
        connection.commit()
        work = Work(watch, connection)
        consumer = KafkaConsumer(
            build_kafka_consumer_configuration(
                {"bootstrap.servers": bootstrap},
                group_id=f"arroyo-{secrets.token_hex(4)}",
                auto_offset_reset="earliest",
                queued_min_messages=100_000,
            )
        )
        work.processor = StreamProcessor(consumer, Topic(topic), work)
        work.processor.run()
    answer(work.told, work.small.digest())


if __name__ == "__main__":
    main()
