"""Three real Kafka brokers from the jars, each a process that can be killed, paused and restarted.

Every broker listens twice: ``bootstrap`` leads to it directly, ``proxied`` through a proxy of ours,
and a client that came through a proxy is led on through proxies.
"""

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.support.polling import eventually
from tests.support.proxy import Proxy, proxy
from tools.deployment.kafka.jars import find_java, find_libraries
from tools.deployment.kafka.local_kafka import KafkaAbsent, free_port

BROKERS = 3
STARTUP_SECONDS_MAX = 240
MENDING_SECONDS_MAX = 180
# the cleaner alone would take half of the heap, were it not told otherwise below
HEAP = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
STARTED = b"Kafka Server started"
PROPERTIES = """\
process.roles=broker,controller
node.id={number}
controller.quorum.bootstrap.servers={controllers}
listeners=DIRECT://127.0.0.1:{direct},BEHIND://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{quorum}
advertised.listeners=DIRECT://127.0.0.1:{direct},BEHIND://127.0.0.1:{proxied}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,DIRECT:PLAINTEXT,BEHIND:PLAINTEXT
inter.broker.listener.name=DIRECT
log.dirs={log}
min.insync.replicas=2
default.replication.factor=3
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
share.coordinator.state.topic.num.partitions=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.initial.task.delay.ms=500
log.retention.check.interval.ms=1000
log.cleaner.dedupe.buffer.size=8388608
"""


def _id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


@dataclass
class Broker:
    """One of the three; it is controller, too."""

    number: int
    folder: Path
    log: Path
    direct: int = field(default_factory=free_port)
    behind: int = field(default_factory=free_port)
    quorum: int = field(default_factory=free_port)
    directory: str = field(default_factory=_id)
    process: psutil.Popen | None = None

    @property
    def output(self) -> Path:
        return self.folder / "output.log"

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it without waiting until it has."""
        assert not self.alive
        command = [find_java(), *HEAP, "-cp", f"{find_libraries()}/*", "kafka.Kafka"]
        with self.output.open("wb") as output:
            self.process = psutil.Popen(
                [*command, str(self.properties)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_start(self) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS_MAX
        while STARTED not in self.output.read_bytes():
            assert self.alive, f"broker {self.number} ended: {self.end_of_output()}"
            assert time.monotonic() < deadline, f"not started: {self.end_of_output()}"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a crash of the process does: the operating system keeps what it wrote."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def end_of_output(self) -> str:
        return self.output.read_text(errors="replace")[-2000:]

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.alive:
            self.process.send_signal(number)


class KafkaCluster:
    """``proxies`` and ``brokers`` are by the broker's number, from 1."""

    def __init__(self, folder: Path, logs: Mapping[int, Path] | None = None) -> None:
        self.brokers = {
            number: Broker(
                number, folder / str(number), (logs or {}).get(number, folder / str(number) / "log")
            )
            for number in range(1, BROKERS + 1)
        }
        self.proxies: dict[int, Proxy] = {}

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{broker.direct}" for broker in self.brokers.values())

    @property
    def proxied(self) -> str:
        return ",".join(each.address for each in self.proxies.values())

    def prepare(self) -> None:
        """Write what each broker needs to start; the proxies run already."""
        initial, cluster = self._initial_controllers(), _id()
        for broker in self.brokers.values():
            broker.folder.mkdir(parents=True)
            broker.properties.write_text(self._properties(broker))
        tool = [find_java(), *HEAP, "-cp", f"{find_libraries()}/*", "kafka.tools.StorageTool"]
        formatting = [
            subprocess.Popen(
                [
                    *(*tool, "format", f"--cluster-id={cluster}"),
                    *(f"--config={broker.properties}", f"--initial-controllers={initial}"),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for broker in self.brokers.values()
        ]
        for each in formatting:
            said, _ = each.communicate(timeout=STARTUP_SECONDS_MAX)
            assert each.returncode == 0, said

    def start(self) -> None:
        """Start whoever is not running, and wait."""
        starting = [broker for broker in self.brokers.values() if not broker.alive]
        for broker in starting:
            broker.start()
        for broker in starting:
            broker.await_start()

    def stop(self) -> None:
        # together, for a lone one waits for a controller that is gone; and nothing is to be kept
        for broker in self.brokers.values():
            broker.kill()

    async def mend(self) -> None:
        """Bring everything back: brokers, proxies, and every replica of every partition."""
        for each in self.proxies.values():
            each.clear()
        for broker in self.brokers.values():
            broker.resume()
        await asyncio.to_thread(self.start)
        await eventually(self._in_sync, MENDING_SECONDS_MAX)

    async def clear(self) -> None:
        """Delete every topic of earlier tests; each costs files, memory and time to start."""
        left = [each["topic"] for each in await self._topics() if not each["is_internal"]]
        if left:
            async with self.admin() as admin:
                await admin.delete_topics(left)

    async def leader_of(self, topic: str, partition: int) -> Broker:
        """Return the broker that leads it; ``topic`` is a whole name, prefix and all."""
        return self.brokers[(await self.described(topic))[partition]["leader"]]

    async def described(self, topic: str) -> dict[int, dict[str, Any]]:
        """Return what the brokers say of each partition: leader, replicas, isr."""
        (found,) = await self._topics([topic])
        return {each["partition"]: each for each in found["partitions"]}

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        up = [f"127.0.0.1:{broker.direct}" for broker in self.brokers.values() if broker.alive]
        admin = AIOKafkaAdminClient(bootstrap_servers=up, request_timeout_ms=5_000)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    async def _topics(self, names: list[str] | None = None) -> list[dict[str, Any]]:
        """Ask until a broker answers: the client asks any, also one that is down."""
        async with asyncio.timeout(MENDING_SECONDS_MAX):
            while True:
                with suppress(KafkaError, OSError, TimeoutError):
                    async with asyncio.timeout(10), self.admin() as admin:
                        return await admin.describe_topics(names)
                await asyncio.sleep(0.2)

    async def _in_sync(self) -> bool:
        return all(
            part["leader"] >= 0 and len(part["isr"]) == len(part["replicas"])
            for topic in await self._topics()
            for part in topic["partitions"]
        )

    def _properties(self, broker: Broker) -> str:
        return PROPERTIES.format(
            number=broker.number,
            controllers=",".join(f"127.0.0.1:{each.quorum}" for each in self.brokers.values()),
            direct=broker.direct,
            behind=broker.behind,
            quorum=broker.quorum,
            proxied=self.proxies[broker.number].port,
            log=broker.log,
        )

    def _initial_controllers(self) -> str:
        return ",".join(
            f"{each.number}@127.0.0.1:{each.quorum}:{each.directory}"
            for each in self.brokers.values()
        )


@contextmanager
def kafka_cluster(logs: Mapping[int, Path] | None = None) -> Iterator[KafkaCluster]:
    """Run three brokers; ``logs`` says which of them keep their log elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="coprod-brokers-"))
    running = KafkaCluster(folder, logs)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for number, broker in running.brokers.items():
            door = proxy(("127.0.0.1", broker.behind), seed=number)
            running.proxies[number] = stack.enter_context(door)
        stack.callback(running.stop)
        running.prepare()
        running.start()
        yield running


def demand_jars() -> None:
    """Skip loudly, or fail in CI, where no broker of our own can be run."""
    try:
        find_java()
        find_libraries()
    except KafkaAbsent as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must test on three brokers: {absent}")
        pytest.skip(f"=== NO BROKERS, SO NO FAULT OF THEIRS WAS TESTED: {absent} ===")


@pytest.fixture(scope="session")
def brokers() -> Iterator[KafkaCluster]:
    """The three brokers of the session; tests ask for ``cluster``."""
    demand_jars()
    with kafka_cluster() as running:
        yield running


@pytest.fixture
async def cluster(brokers: KafkaCluster) -> KafkaCluster:
    """Three brokers in good health and empty, whatever the test before has done to them."""
    await brokers.mend()
    await brokers.clear()
    return brokers
