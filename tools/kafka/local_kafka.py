"""Finds a real Kafka for tests and for ``coprod up --log kafka``, and starts one if there is none.

The order: the address in ``KAFKA_BOOTSTRAP``, a container if a Docker engine answers, Apache Kafka
from its published jars if there is a Java 17.
"""

import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VERSION = "4.3.1"
PORTS = range(10_000, 32_000)


class KafkaAbsent(Exception):
    """There is no Kafka and none can be started here; the message says why, way by way."""


@dataclass(frozen=True, slots=True)
class LocalKafka:
    """A Kafka that answers at ``bootstrap`` ("host:port"); ``stop`` leaves a given one alone."""

    bootstrap: str
    origin: str  # "given", "docker" or "jars"
    stop: Callable[[], None]
    pid: int | None = None


def find_kafka(data: Path | None = None) -> LocalKafka:
    """Return a Kafka that answers.

    Args:
        data: where a Kafka started here keeps its log, so that the next start finds it again;
            None for one whose log is thrown away.

    Raises:
        KafkaAbsent: none was found and none could be started.
    """
    given = os.environ.get("KAFKA_BOOTSTRAP")
    if given:
        return _given(given)
    # Imported on demand: one needs the testcontainers package, the other psutil.
    from tools.kafka import container, jars  # noqa: PLC0415

    tried = ["KAFKA_BOOTSTRAP is not set"]
    for start in (container.start, jars.start):
        try:
            return start(data)
        except KafkaAbsent as absent:
            tried.append(str(absent))
    raise KafkaAbsent("; ".join(tried))


def free_port() -> int:
    """Return a loopback port that nobody listens on now, and that stays free until it is taken.

    Not one of those that connections are given: while its server is away, whoever tries to connect
    could be given that very port, be connected with itself, and keep the server from starting.
    """
    while True:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def answers(bootstrap: str) -> bool:
    """Tell whether somebody listens at the first of the addresses."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].strip().rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=3):
            return True
    except OSError:
        return False


def _given(bootstrap: str) -> LocalKafka:
    if not answers(bootstrap):
        raise KafkaAbsent(f"KAFKA_BOOTSTRAP={bootstrap} does not answer; start it or unset it")
    return LocalKafka(bootstrap, "given", lambda: None)
