"""Stopwatch: from the first record that a peer is handed until it answers for all of them."""

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Stopwatch:
    """``handled`` records of ``events``; waiting for a group and a first fetch is not counted."""

    events: int
    handled: int = 0
    begun_at: float = 0.0
    cpu: float = 0.0

    def begin(self) -> None:
        if not self.begun_at:
            self.begun_at, self.cpu = time.perf_counter(), time.process_time()

    def took(self, records: int) -> bool:
        """Count these as dealt with; return whether all are."""
        self.handled += records
        return self.handled >= self.events

    def told(self) -> dict[str, Any]:
        """Return what it took until now."""
        seconds, cpu = time.perf_counter() - self.begun_at, time.process_time() - self.cpu
        return {
            "events_per_second": round(self.events / seconds),
            "cpu_us_per_event": round(cpu / self.events * 1e6, 2),
            "peak_mb": peak_mb(),
        }


def peak_mb() -> int:
    """Return the most memory this program ever held; what its parent held is not counted."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def asked() -> tuple[str, str, str, Stopwatch]:
    """Return what every peer is told: the brokers, the topic, a database, and how many events."""
    bootstrap, topic, dsn, events = sys.argv[1:5]
    return bootstrap, topic, dsn, Stopwatch(int(events))


def answer(told: dict[str, Any], digest: str) -> None:
    print(json.dumps({**told, "digest": digest}))
