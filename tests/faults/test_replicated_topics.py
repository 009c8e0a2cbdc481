"""Topics on several brokers: as many replicas as asked for, and no acknowledgement by one alone."""

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.kafka.provisioning import TopicMismatch, create_topics, verify_topics
from tests.support.kafka_cluster import KafkaCluster

pytestmark = [pytest.mark.kafka, pytest.mark.faults]
TOPICS = [EXCHANGE_ACTIVITY]
ROUNDS = 12


async def test_a_topic_has_its_replicas_and_a_majority_must_have_what_is_acknowledged(
    cluster: KafkaCluster, topic_prefix: str
) -> None:
    name = topic_prefix + EXCHANGE_ACTIVITY.name

    await create_topics(cluster.bootstrap, topic_prefix, 3, TOPICS)
    await create_topics(cluster.bootstrap, topic_prefix, 3, TOPICS)

    described = await cluster.described(name)
    assert {len(part["replicas"]) for part in described.values()} == {3}
    configuration = await _configuration(cluster, name)
    assert configuration["min.insync.replicas"] == "2"
    assert configuration["unclean.leader.election.enable"] == "false"


async def test_a_broker_that_learns_of_a_topic_late_is_no_reason_to_fail(
    cluster: KafkaCluster, topic_prefix: str
) -> None:
    """Any of them may be asked; in a dozen rounds one that does not know yet is."""
    for number in range(ROUNDS):
        await create_topics(cluster.bootstrap, f"{topic_prefix}{number}.", 3, TOPICS)


async def test_a_topic_with_fewer_replicas_than_asked_for_is_named(
    cluster: KafkaCluster, topic_prefix: str
) -> None:
    await create_topics(cluster.bootstrap, topic_prefix, 1, TOPICS)
    await verify_topics(cluster.bootstrap, topic_prefix, topics=TOPICS)

    with pytest.raises(TopicMismatch, match="has 1 replicas, not 3"):
        await create_topics(cluster.bootstrap, topic_prefix, 3, TOPICS)


async def _configuration(cluster: KafkaCluster, topic: str) -> dict[str, str]:
    async with cluster.admin() as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    (resource,) = answer.to_object()["resources"]
    return {each["config_names"]: each["config_value"] for each in resource["config_entries"]}
