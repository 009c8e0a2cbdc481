"""One deployment of separate processes under a test's control: any of them can be made to fail.

It is put together as one in production is (a PostgreSQL server, provisioning, services), without
the supervisor of ``coprod up``, so that a test decides what is started again and when.
"""

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Literal

import httpx
from prometheus_client.parser import text_string_to_metric_families

from shared.database.provisioning import address
from shared.database.schema import MIGRATIONS, READ_ONLY_ROLE, role_of
from tests.faults.database import Postgres
from tests.faults.process import Process
from tests.support.deployment import environment
from tests.support.polling import eventually
from tools.commands.progress import Progress, read_progress
from tools.deployment import lock, process, record
from tools.deployment.client import Services, ready_problem
from tools.deployment.kafka.local_kafka import free_port
from tools.deployment.process import Program
from tools.deployment.record import SERVICES, Deployment, Kafka
from tools.deployment.supervisor import ROOT
from tools.terminal.failure import ExitCode, Failure

READY_SECONDS_MAX = 90.0
LogKind = Literal["embedded", "kafka"]


class World:
    """``postgres`` and the processes by name ("registry-1", "insights-2"), all on loopback.

    ``environment`` holds, by service or by process, what is set beside what the world itself sets;
    change it before ``start``, or pass changes to a process's ``restart``.
    """

    def __init__(
        self, directory: Path, log: LogKind = "embedded", bootstrap: str | None = None
    ) -> None:
        self.directory, self.log, self.bootstrap = directory, log, bootstrap
        self.postgres = Postgres(directory, free_port())
        self.processes: dict[str, Process] = {}
        self.environment: dict[str, dict[str, str]] = {}
        self.passwords = {name: secrets.token_urlsafe(12) for name in (*MIGRATIONS, "readonly")}
        self.topic_prefix = f"f{secrets.token_hex(5)}." if log == "kafka" else ""
        self.deployment_id = secrets.token_hex(16)

    @property
    def deployment_file(self) -> Path:
        """Where ``coprod --data`` finds what it needs to know of this deployment."""
        return self.directory / record.FILE_NAME

    @property
    def urls(self) -> dict[str, str]:
        """Service -> address of its first process that runs and is not paused."""
        return {service: self.addresses(service)[0] for service in SERVICES}

    def process(self, name: str) -> Process:
        """Return a process by its name, or the first of a service by the service's."""
        return self.processes[name if name in self.processes else f"{name}-1"]

    def replicas(self, service: str) -> list[Process]:
        return [one for name, one in self.processes.items() if name.rpartition("-")[0] == service]

    def addresses(self, service: str) -> list[str]:
        """Return where a service's processes listen, those that can answer first."""
        found = self.replicas(service)
        return [one.url for one in sorted(found, key=lambda one: one.paused or not one.alive)]

    def database(self, service: str) -> str:
        """Return the address with which the service itself reaches its database."""
        return address(
            self.postgres.admin, role_of(service), role_of(service), self.passwords[service]
        )

    async def provision(self, **changes: str) -> None:
        """Make databases and topics with ``coprod provision``, as an operator does."""
        settings = {
            "COPROD_ADMIN_URL": self.postgres.admin,
            "COPROD_DEPLOYMENT": self.deployment_id,
            **self._log_settings(),
            **{f"COPROD_{name.upper()}_PASSWORD": word for name, word in self.passwords.items()},
            **self.environment.get("provision", {}),
            **changes,
        }
        done = await self._run("provision", settings=settings)
        assert done[0] == ExitCode.OK, done[1]

    def add(self, service: str, *, restarts: bool = True, **settings: str) -> Process:
        """Describe one more process of the service; ``start`` or its own starts it."""
        name = f"{service}-{len(self.replicas(service)) + 1}"
        port = free_port()
        env = {
            "COPROD_DATABASE_URL": self.database(service),
            "COPROD_HOST": "127.0.0.1",
            "COPROD_PORT": str(port),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self._log_settings(),
            **self.environment.get(service, {}),
            **self.environment.get(name, {}),
            **settings,
        }
        program = Program(
            name=name,
            argv=[sys.executable, "-m", f"services.{service}"],
            log=self.directory / "logs" / f"{name}.log",
            env=environment(**env),
        )
        added = Process(program, url=f"http://127.0.0.1:{port}", restarts=restarts)
        self.processes[name] = added
        return added

    async def start(self) -> None:
        """Start every process that does not run, and wait until all are ready."""
        for one in self.processes.values():
            if not one.alive:
                await one.start()
        await self.ready()

    async def kill(self) -> None:
        """End every service's process at once; the test is over."""
        await asyncio.gather(*(one.kill_and_leave() for one in self.processes.values()))

    async def kill_postgres(self) -> None:
        """End the server that is in use by now."""
        await self.postgres.kill()

    async def ready(self, within_seconds: float = READY_SECONDS_MAX) -> None:
        """Wait until every process that is not paused says that it can do its work."""
        told: dict[str, str | None] = {}

        async def all_ready() -> bool:
            for name, one in self.processes.items():
                if not one.paused:
                    told[name] = await ready_problem(one.url)
            return not any(told.values())

        try:
            await eventually(all_ready, within_seconds)
        except AssertionError:
            stories = [self._story(name, why) for name, why in told.items()]
            raise AssertionError("\n".join(stories)) from None

    async def coprod(self, *arguments: str, seconds_max: float = 180) -> tuple[int, str]:
        """Run a command against this deployment; return its exit code and all that it said."""
        self.write_record()
        settings = {"COPROD_DATA": str(self.directory)}
        return await self._run(*arguments, settings=settings, seconds_max=seconds_max)

    async def folded(self, within_seconds: float) -> float:
        """Wait until all that is acknowledged now shows in the figures; return how long it took.

        This is the recovery time of a scenario when called as its fault ends. The load may go on.

        Raises:
            AssertionError: not in time; the message names what lags, and what the processes said.
        """
        begun = time.monotonic()
        target: dict[str, int] | None = None
        behind: Any = "nobody answered"
        while target is None or behind:
            assert time.monotonic() < begun + within_seconds, self._lagging(behind, within_seconds)
            try:
                progress = await asyncio.to_thread(self._progress)
            except Failure as away:
                behind = str(away)
            else:
                target = target if target is not None else dict(progress.heads)
                behind = progress.behind(target)
            await asyncio.sleep(0.05)
        return time.monotonic() - begun

    async def metric(self, name: str, process_name: str | None = None) -> float:
        """Return the sum of a counter or gauge over the processes that answer, or of one."""
        asked = [self.process(process_name)] if process_name else list(self.processes.values())
        total = 0.0
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            for one in asked:
                if one.alive and not one.paused:
                    told = await http.get(f"{one.url}/metrics")
                    total += _sum(told.text, name)
        return total

    def deployment(self) -> Deployment:
        """Return what a tool needs to reach this deployment."""
        names = [name for name in MIGRATIONS if self.log == "embedded" or name != "log"]
        reader = self.passwords["readonly"]
        return Deployment(
            directory=self.directory,
            deployment=self.deployment_id,
            log=self.log,
            urls=self.urls,
            databases={name: self.database(name) for name in names},
            readonly={
                name: address(self.postgres.admin, role_of(name), READ_ONLY_ROLE, reader)
                for name in names
            },
            admin=self.postgres.admin,
            kafka=Kafka(bootstrap=self.bootstrap) if self.bootstrap else None,
            topic_prefix=self.topic_prefix,
        )

    def write_record(self) -> None:
        """Write down, for commands, who of each service can be asked now."""
        record.write(self.deployment(), self.directory)

    def _progress(self) -> Progress:
        with closing(Services(self.deployment())) as services:
            return read_progress(services)

    def _log_settings(self) -> dict[str, str]:
        if self.log == "kafka":
            assert self.bootstrap is not None, "a world on Kafka needs its address"
            return {
                "COPROD_LOG": "kafka",
                "COPROD_KAFKA_BOOTSTRAP": self.bootstrap,
                "COPROD_TOPIC_PREFIX": self.topic_prefix,
            }
        return {"COPROD_LOG": "embedded", "COPROD_LOG_URL": self.database("log")}

    async def _run(
        self, *arguments: str, settings: Mapping[str, str], seconds_max: float = 120
    ) -> tuple[int, str]:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tools", *arguments),
            env=environment(PYTHONPATH=str(ROOT), **settings),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(seconds_max):
                said, _ = await running.communicate()
        except TimeoutError:
            running.kill()
            said, _ = await running.communicate()
            late = f"{arguments} not within {seconds_max} s:\n{said.decode()}"
            raise AssertionError(late) from None
        assert running.returncode is not None
        return running.returncode, said.decode(errors="replace")

    def _lagging(self, behind: Any, within_seconds: float) -> str:
        stories = [self._story(name, None) for name in self.processes]
        return "\n".join([f"not folded within {within_seconds} s: {behind}", *stories])

    def _story(self, name: str, why: str | None) -> str:
        one = self.processes[name]
        state = "paused" if one.paused else "alive" if one.alive else f"ended {one.exit_codes}"
        return f"== {name} ({state}): {why}\n{process.tail(one.log)}"


@asynccontextmanager
async def world(
    directory: Path,
    *,
    log: LogKind = "embedded",
    bootstrap: str | None = None,
    replicas: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    started: bool = True,
) -> AsyncIterator[World]:
    """Run a deployment for the length of the block.

    ``replicas``: service -> how many processes, one each unless said. ``env`` is for all of them
    and for provisioning. With ``started`` False only PostgreSQL runs, empty: the test provisions,
    adds and starts by itself.
    """
    w = World(directory, log, bootstrap)
    for name in (*SERVICES, "provision"):
        w.environment[name] = dict(env or {})
    async with AsyncExitStack() as stack:
        stack.enter_context(lock.held(directory))  # commands take it for that of a supervisor
        await w.postgres.make()
        stack.push_async_callback(w.kill_postgres)
        await w.postgres.start()
        stack.push_async_callback(w.kill)
        if started:
            await w.provision()
            for service in SERVICES:
                for _ in range((replicas or {}).get(service, 1)):
                    w.add(service)
            await w.start()
        yield w


def _sum(exposition: str, name: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == name
    )
