"""The Kafka of a deployment: somebody else's, or one of our own that is watched and replaced."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tools import process
from tools.deployment import Identity
from tools.failure import ExitCode, Failure
from tools.kafka.local_kafka import KafkaAbsent, LocalKafka, answers, find_kafka
from tools.output import say

WATCH_SECONDS = 1.0


class Broker:
    """``moved`` is told where another broker took the place of one of ours that died."""

    def __init__(
        self,
        folder: Path,
        given: str | None,
        moved: Callable[[str, Identity | None], None],
    ) -> None:
        self._folder, self._given, self._moved = folder, given, moved
        self._running: LocalKafka | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def bootstrap(self) -> str:
        assert self._running is not None  # noqa: S101 - asked for after the start only
        return self._running.bootstrap

    @property
    def managed(self) -> bool:
        return self._running is not None and self._running.origin != "given"

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
        if self._given is not None:
            self._running = _somebody_elses(self._given)
            return
        say("looking for a Kafka, or starting one")
        starting = asyncio.create_task(asyncio.to_thread(find_kafka, self._folder))
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
            await self._start()
            identity = self.identity
            self._moved(self.bootstrap, identity)


def _somebody_elses(bootstrap: str) -> LocalKafka:
    if not answers(bootstrap):
        raise Failure(
            f"nothing answers at {bootstrap}",
            "Start that Kafka or correct --bootstrap HOST:PORT.",
            code=ExitCode.UNREACHABLE,
        )
    return LocalKafka(bootstrap, "given", lambda: None)
