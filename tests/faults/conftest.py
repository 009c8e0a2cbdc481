"""Where a scenario's events travel: what ``world`` is to be given for it."""

from typing import Any

import pytest

from tests.support.kafka_cluster import KafkaCluster
from tools.deployment.kafka.local_kafka import LocalKafka

REPLICATED = {"COPROD_KAFKA_REPLICATION_FACTOR": "3"}


@pytest.fixture
def on_embedded() -> dict[str, Any]:
    return {"log": "embedded"}


@pytest.fixture
def on_kafka(kafka: LocalKafka) -> dict[str, Any]:
    return {"log": "kafka", "bootstrap": kafka.bootstrap}


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def on_either(request: pytest.FixtureRequest) -> Any:
    """Run the test twice, once on each log."""
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture
def on_brokers(cluster: KafkaCluster) -> dict[str, Any]:
    """Three brokers that each hold every record; two must have it before it is acknowledged."""
    return {"log": "kafka", "bootstrap": cluster.bootstrap, "env": REPLICATED}
