"""What every Kafka client of this system is told, and how much aiokafka may log."""

import logging
import time

from aiokafka.errors import KafkaError

# Short, so that a client learns of new brokers within seconds: its list only shrinks, and it does
# not go back to the bootstrap addresses. The timeout also bounds what a hung broker can hold up.
METADATA_AGE_MS_MAX = 5_000
REQUEST_TIMEOUT_MS = 5_000
UNREACHABLE = (KafkaError, OSError, TimeoutError)


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
