"""Runs one deployment in the foreground: PostgreSQL, Kafka where wanted, and the three services.

Started in that order, stopped in the opposite one; what ends by itself is started again.
"""

import asyncio
import os
import secrets
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from shared.database.provisioning import provision
from shared.database.schema import MIGRATIONS
from shared.log.kafka.provisioning import TopicMismatch, create_topics
from tools.deployment import lock, ports, postgres, process, record
from tools.deployment.broker import Broker
from tools.deployment.client import ready_problem
from tools.deployment.fresh import remove_previous
from tools.deployment.log_rotation import keep_small
from tools.deployment.record import SERVICES, Deployment, Identity, Kafka
from tools.deployment.watch import Watch
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import say

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 90.0
FOREIGN_SETTINGS = frozenset(
    f"COPROD_{name}"
    for name in (
        "DATABASE_URL",
        "LOG",
        "LOG_URL",
        "KAFKA_BOOTSTRAP",
        "TOPIC_PREFIX",
        "HOST",
        "PORT",
    )
)
POSTGRES_SECONDS_MAX = 60.0

Session = Callable[[Deployment], Awaitable[None]]
"""What to do while the deployment runs; the deployment ends when it returns."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options of ``coprod up``. ``log`` None: as in the earlier run, else embedded."""

    directory: Path
    log: Literal["embedded", "kafka"] | None = None
    bootstrap: str | None = None
    port_base: int = 8400
    fresh: bool = False


def run(options: UpOptions, session: Session) -> None:
    """Run the deployment until the session ends, SIGINT or SIGTERM; then stop all of it.

    Raises:
        Failure: it could not be started; everything that was started is stopped again.
    """
    record.make_directory(options.directory)
    with lock.held(options.directory):
        asyncio.run(_until_signal(Supervisor(options).run(session)))


async def _until_signal(body: Coroutine[object, object, None]) -> None:
    task = asyncio.create_task(body)
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if task.cancelling():
            return  # already on the way down; a second signal must not cut the stopping short
        say(f"{number.name}: stopping")
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        say("stopped")


class Supervisor:
    """Runs the programs of a deployment, and writes its record whenever it changes."""

    def __init__(self, options: UpOptions) -> None:
        self._options = options
        self._directory = options.directory
        self._record = Deployment()
        self._watches: dict[str, Watch] = {}

    async def run(self, session: Session) -> None:
        await self._take_over()
        async with AsyncExitStack() as stack:
            stack.callback(self._forget_processes)
            rotation = asyncio.create_task(keep_small(self._logs), name="rotate logs")
            stack.push_async_callback(_ended, rotation)
            await self._start_postgres(stack)
            await self._start_kafka(stack)
            await self._provision()
            await self._start_services(stack)
            await self._until_ready()
            await session(self._record)

    async def _take_over(self) -> None:
        """Stop what an earlier run left running, and go on from its record."""
        previous = record.read(self._directory)
        await stop_leftovers(self._directory, previous)
        if self._options.fresh:
            await remove_previous(self._directory, previous)
            previous = None
        self._record = _continued(self._options, previous)
        self._directory.chmod(0o700)  # it was there, perhaps, and everybody's to look into
        (self._directory / "logs").mkdir(exist_ok=True)
        ports.demand_free(self._ports)
        self._write()

    def _logs(self) -> Iterable[Path]:
        kafka = self._directory / "kafka" / "server.log"
        return [*(self._directory / "logs").glob("*.log"), *([kafka] if kafka.exists() else [])]

    @property
    def _ports(self) -> dict[str, int]:
        base = self._options.port_base
        return {name: base + number for number, name in enumerate((*SERVICES, "postgres"), start=1)}

    async def _start_postgres(self, stack: AsyncExitStack) -> None:
        await postgres.make_cluster(self._directory)
        port = self._ports["postgres"]
        self._record.admin = postgres.address(self._directory, port)
        watch = self._watch(lambda: postgres.program(self._directory, port))
        stack.push_async_callback(watch.stop)
        await watch.start()
        try:
            await postgres.wait_until_it_answers(self._record.admin, POSTGRES_SECONDS_MAX)
        except TimeoutError:
            log = self._directory / "logs" / "postgres.log"
            raise Failure(f"PostgreSQL does not answer:\n{process.tail(log)}") from None

    async def _start_kafka(self, stack: AsyncExitStack) -> None:
        if self._record.log != "kafka":
            return
        say("looking for Kafka, or starting one")
        broker = Broker(
            self._directory / "kafka",
            self._options.bootstrap,
            self._record.kafka,
            self._kafka_moved,
        )
        await stack.enter_async_context(broker)
        self._record.kafka = broker.kafka
        self._process_changed("kafka", broker.identity)

    def _kafka_moved(self, kafka: Kafka, identity: Identity | None) -> None:
        """Give the services the address of the broker that replaces a dead one."""
        self._record.kafka = kafka
        self._process_changed("kafka", identity)
        for name in SERVICES:
            self._watches[name].restart()

    async def _provision(self) -> None:
        made = await asyncio.to_thread(
            provision,
            self._record.admin or "",
            with_log=self._record.log == "embedded",
            passwords=self._record.passwords,
            deployment=self._record.deployment,
        )
        self._record.databases, self._record.readonly = dict(made.services), dict(made.readers)
        if self._record.kafka is not None:
            await _make_topics(self._record.kafka.bootstrap, self._record.topic_prefix)
        self._write()

    async def _start_services(self, stack: AsyncExitStack) -> None:
        self._record.urls = {name: f"http://{ports.HOST}:{self._ports[name]}" for name in SERVICES}
        watches = [self._watch(partial(self._service, name)) for name in SERVICES]
        stack.push_async_callback(_stop_all, watches)
        for watch in watches:
            await watch.start()

    def _service(self, name: str) -> process.Program:
        return process.Program(
            name=name,
            argv=[sys.executable, "-m", f"services.{name}"],
            log=self._directory / "logs" / f"{name}.log",
            env=_environment(self._record, name, self._ports[name]),
        )

    def _watch(self, describe: Callable[[], process.Program]) -> Watch:
        watch = Watch(describe, self._process_changed)
        self._watches[watch.program.name] = watch
        return watch

    async def _until_ready(self) -> None:
        waiting: dict[str, str] = {}
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                for name in SERVICES:
                    while (problem := await ready_problem(self._record.urls[name])) is not None:
                        waiting[name] = problem
                        await asyncio.sleep(0.1)
                    waiting.pop(name, None)
        except TimeoutError:
            raise Failure(_not_ready(self._directory, waiting), code=ExitCode.TIMEOUT) from None

    def _process_changed(self, name: str, identity: Identity | None) -> None:
        if identity is None:
            self._record.processes.pop(name, None)
        else:
            self._record.processes[name] = identity
        self._write()

    def _forget_processes(self) -> None:
        self._record.supervisor, self._record.processes = None, {}
        self._write()

    def _write(self) -> None:
        record.write(self._record, self._directory)


async def stop_leftovers(directory: Path, previous: Deployment | None) -> None:
    """Stop what an earlier, killed run left running: services first, PostgreSQL last."""
    known = previous.processes if previous is not None else {}
    left = {name: each for name, each in known.items() if process.alive(each)}
    if left:
        say(f"stopping what an earlier run left behind: {', '.join(sorted(left))}")
    services = [each for name, each in left.items() if name in SERVICES]
    await asyncio.gather(*(process.stop_leftover(each, signal.SIGTERM) for each in services))
    if "kafka" in left:
        await process.stop_leftover(left["kafka"], signal.SIGTERM)
    server = postgres.leftover(directory)
    if server is not None:
        await process.stop_leftover(server, signal.SIGINT)


def _continued(options: UpOptions, previous: Deployment | None) -> Deployment:
    """Return the record this run begins with.

    Raises:
        Failure: the events of the earlier run lie in a log of the other kind.
    """
    supervisor = process.identify(os.getpid())
    asked = options.log or ("kafka" if options.bootstrap else None)
    if previous is None:
        made, log = uuid.uuid4().hex, asked or "embedded"
        return Deployment(
            directory=options.directory,
            deployment=made,
            log=log,
            topic_prefix=f"coprod-{made[:8]}." if log == "kafka" else "",
            passwords={name: secrets.token_urlsafe(24) for name in (*MIGRATIONS, "readonly")},
            supervisor=supervisor,
        )
    if asked not in (None, previous.log):
        raise Failure(
            f"the deployment in {options.directory} was made with --log {previous.log}",
            "Its events are in that log. Leave --log out, start afresh with --fresh, "
            "or begin another deployment with --data DIR.",
            code=ExitCode.USAGE,
        )
    return previous.model_copy(update={"supervisor": supervisor, "processes": {}, "urls": {}})


def _environment(record: Deployment, name: str, port: int) -> dict[str, str]:
    """Return the whole environment of a service, without the settings of other services."""
    inherited = {key: value for key, value in os.environ.items() if key not in FOREIGN_SETTINGS}
    path = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    settings = {
        "COPROD_DATABASE_URL": record.databases[name],
        "COPROD_LOG": record.log or "embedded",
        "COPROD_LOG_URL": record.databases.get("log", ""),
        "COPROD_KAFKA_BOOTSTRAP": record.kafka.bootstrap if record.kafka else "",
        "COPROD_TOPIC_PREFIX": record.topic_prefix,
        "COPROD_HOST": ports.HOST,
        "COPROD_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
    }
    return {**inherited, **{key: value for key, value in settings.items() if value}}


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _make_topics(bootstrap: str, prefix: str) -> None:
    try:
        notes = await create_topics(bootstrap, prefix)
    except TopicMismatch as differs:
        raise Failure(str(differs), "Then start again.") from None
    for note in notes:
        say(note)


async def _stop_all(watches: Sequence[Watch]) -> None:
    await asyncio.gather(*(watch.stop() for watch in watches))


def _not_ready(directory: Path, waiting: dict[str, str]) -> str:
    stories = [
        f"{name}: {problem}\n{process.tail(directory / 'logs' / f'{name}.log')}"
        for name, problem in waiting.items()
    ]
    return "not ready in time; " + "\n".join(stories)
