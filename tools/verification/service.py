"""What insights says of every service, and the events of those services from the stores."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from shared.contracts.topics import EXCHANGE_ACTIVITY, REGISTRY_SERVICES
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tools.deployment.client import Services
from tools.verification.figures import Answer, Told
from tools.verification.folding import Left
from tools.verification.store import Pool

WINDOWS = ("28d", "90d", "365d", "life")
LENSES = ("count", "minutes")
SOURCES = (REGISTRY_SERVICES, EXCHANGE_ACTIVITY)
PAGE_EVENTS = 5_000

EVENTS = """
SELECT position, key, type, data FROM event
WHERE topic = $1 AND partition = $2 AND position > $3 AND position <= $4 AND key = ANY($5)
ORDER BY position LIMIT $6
"""


@dataclass(slots=True)
class Said:
    """Every answer about one service."""

    service_id: str
    metrics: list[Answer] = field(default_factory=list)
    verdicts: list[Answer] = field(default_factory=list)

    @property
    def positions(self) -> dict[str, int]:
        """The furthest position of each partition in any of the receipts."""
        furthest: dict[str, int] = defaultdict(int)
        for answer in (*self.metrics, *self.verdicts):
            for partition, position in answer["receipt"]["positions"].items():
                furthest[partition] = max(furthest[partition], position)
        return dict(furthest)


def listed(services: Services) -> Iterator[str]:
    """Yield the id of every service that insights knows."""
    cursor = None
    while True:
        page = services.get("insights", "/v1/services", cursor=cursor, limit="200")
        yield from (item["service_id"] for item in page["items"])
        cursor = page.get("next_cursor")
        if cursor is None:
            return


def asked(services: Services, service_id: str, as_of: str | None) -> Said:
    """Ask for every window and lens; each answer brings a receipt of its own."""
    said = Said(service_id)
    path = f"/v1/services/{service_id}"
    for window in WINDOWS:
        verdict = services.get("insights", f"{path}/verdict", window=window, as_of=as_of)
        said.verdicts.append(verdict)
        said.metrics.extend(
            services.get("insights", f"{path}/metrics", window=window, as_of=as_of, lens=lens)
            for lens in LENSES
        )
    return said


def by_partition(said: Iterable[Said]) -> dict[int, list[Said]]:
    """Group services by the partition that their events are in, in both topics alike."""
    groups: dict[int, list[Said]] = defaultdict(list)
    for one in said:
        groups[partition_of(one.service_id, EXCHANGE_ACTIVITY.partitions)].append(one)
    return dict(groups)


async def events_of(
    pools: Mapping[str, Pool],
    partition: int,
    services: Iterable[Said],
    left: Mapping[TopicPartition, Left],
) -> dict[str, list[Told]]:
    """Return service id -> its events up to the furthest of its receipts, read page by page.

    All services of a partition are read in one pass: they share its pages. What the fold left is
    left out: whether it may be is another check.
    """
    wanted = list(services)
    found: dict[str, list[Told]] = {one.service_id: [] for one in wanted}
    for topic in SOURCES:
        name = f"{topic.name}/{partition}"
        skipped = left.get(TopicPartition(topic.name, partition), Left()).positions
        upto = max((one.positions.get(name, 0) for one in wanted), default=0)
        after = 0
        while rows := await pools[topic.producer].fetch(
            EVENTS, topic.name, partition, after, upto, list(found), PAGE_EVENTS
        ):
            for position, key, type_name, data in rows:
                if position not in skipped:
                    found[key].append(Told(name, position, type_name, orjson.loads(data)))
            after = rows[-1]["position"]
    return found
