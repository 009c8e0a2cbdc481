"""Apache Kafka in a container, on a free loopback port; the official image's own variables only."""

import contextlib
import hashlib
import os
import socket
from pathlib import Path
from typing import Any

from tools.deployment.kafka.local_kafka import VERSION, KafkaAbsent, LocalKafka, free_port

IMAGE = f"apache/kafka:{VERSION}"
LOG_FOLDER = "/var/lib/kafka/data"
STARTUP_SECONDS_MAX = 90


def start(data: Path | None) -> LocalKafka:
    """Start a container; its log is in a volume named after ``data``, or goes away with it.

    Raises:
        KafkaAbsent: no engine answers, or the image or the container could not be had.
    """
    _ask_engine()
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

    port = free_port()
    container: Any = DockerContainer(IMAGE).with_envs(**_environment(port))
    container.ports["9092/tcp"] = ("127.0.0.1", port)
    if data is not None:
        container.with_volume_mapping(_volume(data), LOG_FOLDER, "rw")
    wait = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(STARTUP_SECONDS_MAX)
    try:
        container.waiting_for(wait).start()
    except Exception as broken:  # docker, requests and testcontainers share no base class
        with contextlib.suppress(Exception):
            container.stop()
        raise KafkaAbsent(f"the container {IMAGE} did not start ({broken})") from broken
    return LocalKafka(f"127.0.0.1:{port}", "docker", container.stop)


def _ask_engine() -> None:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # we stop what we start
    try:
        from testcontainers.core.docker_client import (  # noqa: PLC0415
            DockerClient,
            get_docker_host,
        )
    except ImportError:
        raise KafkaAbsent("the testcontainers package is not installed") from None
    host = get_docker_host() or "unix:///var/run/docker.sock"
    if host.startswith("unix://") and not _listens(host.removeprefix("unix://")):
        raise KafkaAbsent("no Docker engine answers")
    try:
        DockerClient(timeout=5).client.close()
    except Exception as silent:  # docker's, requests' and urllib3's errors share no base class
        raise KafkaAbsent("no Docker engine answers") from silent


def _listens(path: str) -> bool:
    """Check that the engine answers, because docker's client leaks a socket when none does."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _volume(data: Path) -> str:
    return f"coprod-kafka-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]}"


def _environment(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
            "CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT"
        ),
        "KAFKA_LISTENERS": "OUTSIDE://:9092,CONTROLLER://:9093,INSIDE://:9094",
        # clients outside the container reach the published port, the broker itself its own
        "KAFKA_ADVERTISED_LISTENERS": f"OUTSIDE://127.0.0.1:{port},INSIDE://localhost:9094",
        "KAFKA_LOG_DIRS": LOG_FOLDER,
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
