"""Makes the topics of ``shared.contracts.topics`` on a Kafka; holds existing ones to the data."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.contracts.topics import PROVISIONED, Topic

EVERY_TOPIC = tuple(PROVISIONED.values())
READY_SECONDS_MAX = 30
# Any broker may be asked, and each learns a moment later of what was created.
SETTLING_SECONDS_MAX = 5
ABSENT = "does not exist"


class TopicMismatch(Exception):
    """A topic exists but is not as its data say; the message names each difference."""


async def create_topics(
    bootstrap: str,
    prefix: str = "",
    replication_factor: int = 1,
    topics: Iterable[Topic] = EVERY_TOPIC,
) -> list[str]:
    """Create what is missing; return when every partition has a leader. Repeating changes nothing.

    Of more than one replica, a majority has each record before it is acknowledged. Partitions that
    somebody added stay unused; they are returned in words, with what stands in them.

    Raises:
        TopicMismatch: an existing topic has fewer partitions or replicas, or another configuration.
        aiokafka.errors.KafkaError: the brokers do not answer or refuse.
    """
    wanted = _named(prefix, topics, replication_factor)
    async with _admin(bootstrap) as admin:
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(name, topic.partitions, replication_factor, topic_configs=topic.config)
            for name, topic in wanted.items()
            if name not in existing
        ]
        if missing:
            await _create(admin, missing)
        await _await_leaders(admin, wanted)
        await _compare(admin, wanted, replication_factor, settling=bool(missing))
        return await _unused(bootstrap, admin, wanted)


async def verify_topics(
    bootstrap: str,
    prefix: str = "",
    replication_factor: int = 1,
    topics: Iterable[Topic] = EVERY_TOPIC,
) -> None:
    """Hold the topics to their data without changing anything.

    Raises:
        TopicMismatch: a topic is missing or differs.
    """
    async with _admin(bootstrap) as admin:
        wanted = _named(prefix, topics, replication_factor)
        await _compare(admin, wanted, replication_factor)


async def delete_topics(bootstrap: str, prefix: str = "") -> list[str]:
    """Delete this deployment's topics, and nobody else's; return the names of those found."""
    async with _admin(bootstrap) as admin:
        existing = set(await admin.list_topics())
        ours = sorted(existing.intersection(prefix + name for name in PROVISIONED))
        if ours:
            answer: Any = await admin.delete_topics(ours)
            _raise_first(answer.topic_error_codes)
            await _await_absence(admin, set(ours))
        return ours


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","), request_timeout_ms=15_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _named(prefix: str, topics: Iterable[Topic], replication_factor: int) -> dict[str, Topic]:
    """Return the topics as they are to be on this Kafka, by their whole names."""
    durable = {} if replication_factor == 1 else _durability(replication_factor)
    return {
        prefix + topic.name: replace(topic, config={**topic.config, **durable}) for topic in topics
    }


def _durability(replication_factor: int) -> dict[str, str]:
    return {
        "min.insync.replicas": str(replication_factor // 2 + 1),
        # a replica that was left behind would lead without what others have acknowledged
        "unclean.leader.election.enable": "false",
    }


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    answer: Any = await admin.create_topics(topics)
    _raise_first((name, code) for name, code, *_ in answer.topic_errors)


def _raise_first(answers: Iterable[tuple[str, int]]) -> None:
    for name, code in answers:
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:  # another provisioning was faster
            raise error(f"topic {name}")


async def _await_leaders(admin: AIOKafkaAdminClient, wanted: Iterable[str]) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    names = set(wanted)
    while True:
        described = [topic for topic in await admin.describe_topics() if topic["topic"] in names]
        leaders = [part["leader"] for topic in described for part in topic["partitions"]]
        if len(described) == len(names) and all(leader >= 0 for leader in leaders):
            return
        if time.monotonic() > deadline:
            raise TopicMismatch(f"some partitions of {sorted(names)} have no leader")
        await asyncio.sleep(0.05)


async def _await_absence(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until they can be created again: deleting is done behind the answer."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while names.intersection(await admin.list_topics()):
        if time.monotonic() > deadline:
            raise TopicMismatch(f"{sorted(names)} are still there after they were deleted")
        await asyncio.sleep(0.05)


async def _compare(
    admin: AIOKafkaAdminClient,
    wanted: dict[str, Topic],
    replication_factor: int,
    *,
    settling: bool = False,
) -> None:
    deadline = time.monotonic() + SETTLING_SECONDS_MAX
    while differences := await _differences(admin, wanted, replication_factor):
        passes = settling or any(ABSENT in one for one in differences)
        if not passes or time.monotonic() > deadline:
            raise TopicMismatch("; ".join(sorted(differences)))
        await asyncio.sleep(0.05)


async def _differences(
    admin: AIOKafkaAdminClient, wanted: dict[str, Topic], replication_factor: int
) -> list[str]:
    described = {
        topic["topic"]: topic["partitions"]
        for topic in await admin.describe_topics()
        if topic["topic"] in wanted
    }
    partitions = {name: len(parts) for name, parts in described.items()}
    replicas = {
        name: min(len(part["replicas"]) for part in parts) for name, parts in described.items()
    }
    configs = await _configs(admin, partitions)
    # known to the broker that was asked for topics, but not yet to the one asked for configurations
    known = [name for name in partitions if configs.get(name)]
    absent = [name for name in wanted if name not in known]
    differences = [f"{name} {ABSENT}: coprod provision makes it" for name in absent]
    differences += [
        f"{name} has {count} partitions, not {wanted[name].partitions}: add some with "
        f"kafka-topics --alter --topic {name} --partitions {wanted[name].partitions}"
        for name, count in partitions.items()
        if count < wanted[name].partitions
    ]
    differences += [
        f"{name} has {count} replicas, not {replication_factor}: add some with "
        "kafka-reassign-partitions, or ask for fewer with COPROD_KAFKA_REPLICATION_FACTOR"
        for name, count in replicas.items()
        if count < replication_factor
    ]
    differences += [
        f"{name} has {key}={configs[name].get(key)}, not {value}: set it with kafka-configs "
        f"--alter --entity-type topics --entity-name {name} --add-config {key}={value}"
        for name in known
        for key, value in wanted[name].config.items()
        if configs[name].get(key) != value
    ]
    return differences


async def _unused(
    bootstrap: str, admin: AIOKafkaAdminClient, wanted: dict[str, Topic]
) -> list[str]:
    """Return in words which partitions are more than ours: we number those that we write to."""
    more = {
        topic["topic"]: range(wanted[topic["topic"]].partitions, len(topic["partitions"]))
        for topic in await admin.describe_topics()
        if topic["topic"] in wanted
    }
    added = [KafkaPartition(name, number) for name, numbers in more.items() for number in numbers]
    if not added:
        return []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap.split(",")) as consumer:
        ends = await consumer.end_offsets(added)
    notes = []
    for name, numbers in more.items():
        records = sum(ends[KafkaPartition(name, number)] for number in numbers)
        stand = f"{records} records that are not ours stand in" if records else "nothing stands in"
        if numbers:
            notes.append(
                f"{name} has {numbers.stop} partitions, of which {numbers.start} are used; {stand} "
                "the others"
            )
    return notes


async def _configs(
    admin: AIOKafkaAdminClient, names: Iterable[str]
) -> dict[str, dict[str, str | None]]:
    resources = _resources(names)
    found: dict[str, dict[str, str | None]] = {}
    for answer in await admin.describe_configs(resources) if resources else []:
        for resource in answer.to_object()["resources"]:
            found[resource["resource_name"]] = {
                entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]
            }
    return found


def _resources(names: Iterable[str]) -> list[ConfigResource]:
    return [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
