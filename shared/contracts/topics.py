"""Every topic of the log, as data: name, key, partitions, configuration, who writes and who reads.

Provisioning creates exactly these; nothing else may create a topic. A deployment may put a prefix
before every name (``COPROD_TOPIC_PREFIX``); positions and receipts use the names here.
"""

from dataclasses import dataclass, field

PARTITIONS = 16
# The broker's clock, not the producers': one that is ahead would be refused, or hold up compaction.
TIMESTAMPS = {"message.timestamp.type": "LogAppendTime"}
FOREVER = {"retention.ms": "-1", "cleanup.policy": "delete", **TIMESTAMPS}
THIRTY_DAYS = {**FOREVER, "retention.ms": str(30 * 86_400_000)}  # what may hold what it must not
LATEST_ONLY = {"cleanup.policy": "compact", **TIMESTAMPS}
MESSAGE_BYTES_MAX = 1_048_576


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    key: str
    producer: str
    consumers: tuple[str, ...]
    partitions: int = PARTITIONS
    config: dict[str, str] = field(default_factory=lambda: dict(FOREVER))

    @property
    def compacted(self) -> bool:
        return self.config["cleanup.policy"] == "compact"


REGISTRY_AGENCIES = Topic(
    "registry.agencies.v1", "agency_id", "registry", ("exchange", "insights"), partitions=1
)
REGISTRY_SERVICES = Topic(
    "registry.services.v1", "service_id", "registry", ("exchange", "insights")
)
REGISTRY_PARTICIPANTS = Topic(
    "registry.participants.v1", "participant_id", "registry", ("exchange",)
)
EXCHANGE_ACTIVITY = Topic("exchange.activity.v1", "service_id", "exchange", ("insights",))
INSIGHTS_SERVICES = Topic(
    "insights.services.v1", "service_id", "insights", ("insights",), config=dict(LATEST_ONLY)
)
INSIGHTS_CHANGES = Topic("insights.changes.v1", "service_id", "insights", ())

EVENT_TOPICS = (REGISTRY_AGENCIES, REGISTRY_SERVICES, REGISTRY_PARTICIPANTS, EXCHANGE_ACTIVITY)
TOPICS = (*EVENT_TOPICS, INSIGHTS_SERVICES, INSIGHTS_CHANGES)
BY_NAME = {topic.name: topic for topic in TOPICS}


def dead_letter(topic: str) -> str:
    """Return the name of the topic that mirrors what was quarantined from ``topic``."""
    return f"{topic}.dlq"


DEAD_LETTERS = tuple(
    Topic(
        dead_letter(topic.name), topic.key, "consumers", (), partitions=1, config=dict(THIRTY_DAYS)
    )
    for topic in EVENT_TOPICS
)
PROVISIONED = {topic.name: topic for topic in (*TOPICS, *DEAD_LETTERS)}
"""Name -> topic, for every topic that a deployment's log holds."""
