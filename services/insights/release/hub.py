"""The newest snapshot of every service, and who follows which: any replica serves any service."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from services.insights.release.snapshot import Snapshot

View: TypeAlias = Literal["full", "glance"]
Kind: TypeAlias = Literal["snapshot", "change"]
NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(slots=True)
class Entry:
    """One snapshot in the order in which this process learnt of it; each frame is encoded once."""

    sequence: int
    event_id: str
    snapshot: Snapshot
    _frames: dict[tuple[View, Kind], bytes] = field(default_factory=dict)

    def frame(self, view: View, kind: Kind) -> bytes:
        """Return the server-sent event, blank line included."""
        if (view, kind) not in self._frames:
            data = self.snapshot.body if view == "full" else self.snapshot.glance
            head = f"event: {kind}\nid: {self.event_id}\ndata: ".encode()
            self._frames[view, kind] = head + data + b"\n\n"
        return self._frames[view, kind]


class Follower:
    """One client's slots: per service only the newest entry waits, however slow the client is.

    Entries are taken in the order of their sequence, so whoever has taken number n misses nothing
    up to n: that is what lets a client come back with ``Last-Event-ID``.
    """

    def __init__(self, has: Iterable[str]) -> None:
        self._waiting: dict[str, Entry] = {}
        self._has = set(has)
        self._woken = asyncio.Event()

    def offer(self, entry: Entry) -> None:
        service_id = entry.snapshot.service_id
        self._waiting.pop(service_id, None)  # the newest goes to the end of the queue
        self._waiting[service_id] = entry
        self._woken.set()

    def take(self) -> tuple[Kind, Entry] | None:
        """Return the next entry and whether it is the first of its service for this client."""
        if not self._waiting:
            self._woken.clear()
            return None
        service_id = next(iter(self._waiting))
        entry = self._waiting.pop(service_id)
        kind: Kind = "change" if service_id in self._has else "snapshot"
        self._has.add(service_id)
        return kind, entry

    async def wait(self, seconds: float) -> bool:
        """Return True as soon as something waits, False when nothing did for ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                return await self._woken.wait()
        except TimeoutError:
            return False


class Latest:
    """Snapshots by service id. ``instance`` names this process's numbering of events."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._sequence = 0
        self._entries: dict[str, Entry] = {}
        self._following_all: set[Follower] = set()
        self._following: dict[str, set[Follower]] = {}

    def offer(self, snapshot: Snapshot) -> bool:
        """Take the snapshot if it is newer than what is there, and hand it to its followers."""
        known = self._entries.get(snapshot.service_id)
        if known is not None and snapshot.version <= known.snapshot.version:
            return False
        self._sequence += 1
        entry = Entry(self._sequence, f"{self._instance}-{self._sequence}", snapshot)
        self._entries[snapshot.service_id] = entry
        for follower in self._following_all | self._following.get(snapshot.service_id, set()):
            follower.offer(entry)
        return True

    def get(self, service_id: str) -> Snapshot | None:
        entry = self._entries.get(service_id)
        return entry.snapshot if entry else None

    def all(self) -> list[Snapshot]:
        """Return the newest snapshot of every service, by name and then by id."""
        snapshots = [entry.snapshot for entry in self._entries.values()]
        return sorted(snapshots, key=lambda one: (str(one.service["name"]), one.service_id))

    @contextmanager
    def follow(
        self, services: frozenset[str] | None, last_event_id: str | None
    ) -> Iterator[Follower]:
        """Follow these services, or all: first what the client has not yet, then every change."""
        has_up_to = self._sequence_of(last_event_id)
        wanted = [
            entry
            for service_id, entry in self._entries.items()
            if services is None or service_id in services
        ]
        follower = Follower(e.snapshot.service_id for e in wanted if e.sequence <= has_up_to)
        for entry in sorted(wanted, key=lambda one: one.sequence):
            if entry.sequence > has_up_to:
                follower.offer(entry)
        groups = self._groups(services)
        for group in groups:
            group.add(follower)
        try:
            yield follower
        finally:
            for group in groups:
                group.discard(follower)

    def _groups(self, services: frozenset[str] | None) -> list[set[Follower]]:
        if services is None:
            return [self._following_all]
        return [self._following.setdefault(service_id, set()) for service_id in services]

    def _sequence_of(self, event_id: str | None) -> int:
        """Return the number behind an id of this process; 0, so everything, for any other."""
        instance, _, number = (event_id or "").rpartition("-")
        if instance != self._instance or not NUMBER.fullmatch(number):
            return 0
        return int(number) if int(number) <= self._sequence else 0
