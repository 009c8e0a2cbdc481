"""A Kafka that answers, and the ports on which one may be started."""

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass

VERSION = "4.3.1"
PORTS = range(10_000, 32_000)


class KafkaAbsent(Exception):
    """There is no Kafka and none can be started here; the message gives the reason for each way."""


@dataclass(frozen=True, slots=True)
class LocalKafka:
    """A Kafka that answers at ``bootstrap`` ("host:port"); ``stop`` leaves a given one alone."""

    bootstrap: str
    origin: str  # "given", "docker" or "jars"
    stop: Callable[[], None]
    pid: int | None = None


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
    """Tell whether a server listens at the first of the addresses."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].strip().rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=3):
            return True
    except OSError:
        return False
