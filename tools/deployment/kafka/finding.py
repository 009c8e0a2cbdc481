"""Finds a real Kafka for tests and for ``coprod up --log kafka``, and starts one if there is none.

The order: the address in ``KAFKA_BOOTSTRAP``, a container if a Docker engine answers, Apache Kafka
from its published jars if there is a Java 17.
"""

import os
from pathlib import Path

from tools.deployment.kafka import container, jars
from tools.deployment.kafka.local_kafka import KafkaAbsent, LocalKafka, answers


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
    tried = ["KAFKA_BOOTSTRAP is not set"]
    for start in (container.start, jars.start):
        try:
            return start(data)
        except KafkaAbsent as absent:
            tried.append(str(absent))
    raise KafkaAbsent("; ".join(tried))


def _given(bootstrap: str) -> LocalKafka:
    if not answers(bootstrap):
        raise KafkaAbsent(f"KAFKA_BOOTSTRAP={bootstrap} does not answer; start it or unset it")
    return LocalKafka(bootstrap, "given", lambda: None)
