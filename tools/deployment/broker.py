"""The Kafka of a deployment: a given one, or one that `up` runs, watches and replaces."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.runtime.retry import Backoff, retry
from tools.deployment import process
from tools.deployment.kafka import container, jars
from tools.deployment.kafka.finding import find_kafka
from tools.deployment.kafka.local_kafka import KafkaAbsent, LocalKafka, answers
from tools.deployment.record import Identity, Kafka
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import say

WATCH_SECONDS = 1.0
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 1.0, 5.0


class Broker:
    """``moved`` is called with a broker that replaces a dead one, and its process."""

    def __init__(
        self,
        folder: Path,
        given: str | None,
        before: Kafka | None,
        moved: Callable[[Kafka, Identity | None], None],
    ) -> None:
        self._folder, self._moved = folder, moved
        self._find = _way_to(folder, given, before)
        self._running: LocalKafka | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def kafka(self) -> Kafka:
        """The address of the broker, once it was started."""
        assert self._running is not None  # noqa: S101 - see above
        return Kafka(bootstrap=self._running.bootstrap, origin=self._running.origin)

    @property
    def identity(self) -> Identity | None:
        pid = self._running.pid if self._running is not None else None
        return None if pid is None else process.identify(pid)

    async def __aenter__(self) -> Self:
        await self._start()
        if self.identity is not None:
            self._watch = asyncio.create_task(self._replace_when_dead(), name="watch kafka")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._running is not None:
            await asyncio.to_thread(self._running.stop)

    async def _start(self) -> None:
        starting = asyncio.create_task(asyncio.to_thread(self._find))
        try:
            self._running = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # a thread cannot be cut short: wait for the broker in order to stop it
            await asyncio.wait([starting])
            if starting.exception() is None:
                await asyncio.to_thread(starting.result().stop)
            raise
        except KafkaAbsent as absent:
            raise Failure(
                f"no Kafka: {absent}",
                "Name one with --bootstrap HOST:PORT, install Docker or Java 17 with Maven, "
                "or do without: --log embedded.",
                code=ExitCode.UNREACHABLE,
            ) from None

    async def _replace_when_dead(self) -> None:
        identity = self.identity
        while identity is not None:
            while process.alive(identity):  # noqa: ASYNC110 - not a child of this loop
                await asyncio.sleep(WATCH_SECONDS)
            say("kafka ended; starting another one on the same data")
            await self._start_again()
            identity = self.identity
            self._moved(self.kafka, identity)

    async def _start_again(self) -> None:
        await retry(
            self._start,
            Backoff(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX),
            on=(Failure,),
            failed=lambda error, seconds: say(f"{error}; again in {seconds:.0f} s"),
        )


def _way_to(folder: Path, given: str | None, before: Kafka | None) -> Callable[[], LocalKafka]:
    """Return the function that finds or starts the Kafka in which the deployment's events are.

    Raises:
        Failure: another Kafka is asked for than the one that this directory runs itself.
    """
    if before is not None and before.managed:
        if given is not None:
            raise Failure(
                "the events of this deployment lie in a Kafka of its own",
                "Leave --bootstrap out, or begin another deployment with --data DIR or --fresh.",
                code=ExitCode.USAGE,
            )
        return partial(container.start if before.origin == "docker" else jars.start, folder)
    address = given or (before.bootstrap if before is not None else None)
    return partial(find_kafka, folder) if address is None else partial(_somebody_elses, address)


def _somebody_elses(bootstrap: str) -> LocalKafka:
    if not answers(bootstrap):
        raise Failure(
            f"nothing answers at {bootstrap}",
            "Start that Kafka or correct --bootstrap HOST:PORT.",
            code=ExitCode.UNREACHABLE,
        )
    return LocalKafka(bootstrap, "given", lambda: None)
