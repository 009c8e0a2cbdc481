"""The real Kafka of the ``kafka`` tests: one a session, and a topic prefix for each test."""

import os
import uuid
from collections.abc import Iterator

import pytest

from tools.deployment.kafka.finding import find_kafka
from tools.deployment.kafka.local_kafka import KafkaAbsent, LocalKafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    """A Kafka that answers. Without one the tests skip with one loud line; in CI they fail."""
    try:
        found = find_kafka()
    except KafkaAbsent as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must test on a real Kafka: {absent}")
        pytest.skip(f"=== NO KAFKA, SO NOTHING WAS TESTED ON ONE: {absent} ===")
    yield found
    found.stop()


@pytest.fixture
def topic_prefix() -> str:
    return f"t{uuid.uuid4().hex[:12]}."
