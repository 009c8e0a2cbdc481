"""What every Kafka client of this system is told, and how much aiokafka may log."""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from faststream.kafka import KafkaBroker

# Short, so that a client learns of new brokers within seconds: its list only shrinks, and it does
# not go back to the bootstrap addresses. The timeout also bounds what a hung broker can hold up.
METADATA_AGE_MS_MAX = 5_000
REQUEST_TIMEOUT_MS = 5_000
UNREACHABLE = (KafkaError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Clients:
    """What makes the clients of a Kafka. A simulation brings clients of a Kafka of its own."""

    producer: Callable[..., Any] = AIOKafkaProducer
    consumer: Callable[..., Any] = AIOKafkaConsumer
    metadata: Callable[..., Any] = AIOKafkaClient
    broker: Callable[..., Any] = KafkaBroker


def require_topics(existing: Collection[str], topics: Iterable[str]) -> None:
    """Look whether the topics are among those that exist.

    To ask for all that exist is the one way that can't create any: naming a topic in any other
    request makes a broker that is set so create it, with partitions and configuration of its own.

    Raises:
        UnknownTopicOrPartitionError: one does not exist.
    """
    missing = sorted(set(topics).difference(existing))
    if missing:
        raise UnknownTopicOrPartitionError(f"{', '.join(missing)}: not provisioned yet")


class Quieter(logging.Filter):
    """Lets a few records a second through; while Kafka is away aiokafka writes a hundred."""

    def __init__(self, records_per_second_max: int = 5) -> None:
        super().__init__()
        self._records_per_second_max = records_per_second_max
        self._second = 0
        self._records = 0

    def filter(self, _record: logging.LogRecord) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._records = second, 0
        self._records += 1
        return self._records <= self._records_per_second_max


def limit_client_logs() -> None:
    """Limit each of aiokafka's loggers, once for the process: filters are not inherited."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        if name.startswith("aiokafka") and not any(isinstance(f, Quieter) for f in logger.filters):
            logger.addFilter(Quieter())
