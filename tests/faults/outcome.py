"""What came of every fault that was injected: one line each, in one table at the end of the run.

A scenario runs inside ``trial``, which waits for recovery, holds the deployment to its promises,
writes the line and fails the test where a promise is broken.
"""

import os
import platform
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.faults import invariants
from tests.faults.invariants import Findings
from tests.faults.load import Load
from tests.faults.world import World

OUTCOMES = pytest.StashKey[list["Outcome"]]()
HEADINGS = (
    *("fault", "", "log", "seed", "s", "acknowledged", "events", "repeats dropped", "fenced"),
    *("recovered in s (at most)", "broken"),
)
PAGE = """# What was broken on purpose, and what came of it

Written by `make faults`: real processes under a steady load of commands that a client writes down,
flushed to its disk, as each is acknowledged, and repeats with the same idempotency key until it is.
After each fault the load ends, everything acknowledged is waited for, and the deployment is held to
every invariant of [guarantees](guarantees.md).

- *acknowledged*: commands answered with success, some of which change nothing (a correction to what
  stands already); *events*: in the log, equal to the stores byte by byte, others' among them.
- *repeats dropped*: records of the log that say again what was said before; every consumer dropped
  each of them.
- *fenced*: attempts to write under an epoch that was no longer the newest.
- *recovered*: from the end of the fault until all that was acknowledged by then shows in the
  figures; in brackets, what it may be at most.
- *broken*: invariants that did not hold.

{table}

{conditions}
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken: ``number`` is that of the catalogue of faults."""

    what: str
    number: str
    seed: int = 0
    recovery_seconds_max: float = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    fault: Fault
    log: str
    seconds: float
    acknowledged: int
    findings: Findings
    recovery_seconds: float | None

    def cells(self) -> list[str]:
        recovery = "never" if self.recovery_seconds is None else f"{self.recovery_seconds:.1f}"
        return [
            self.fault.what,
            self.fault.number,
            self.log,
            str(self.fault.seed),
            f"{self.seconds:.0f}",
            str(self.acknowledged),
            str(self.findings.events),
            str(self.findings.repeats),
            str(self.findings.fenced),
            f"{recovery} ({self.fault.recovery_seconds_max:g})",
            str(len(self.findings.broken)),
        ]


@dataclass(slots=True)
class Trial:
    """One scenario under way; ``since`` is what the processes needed before the fault, if told.

    ``others`` are positions of events that somebody else than the load had stored.
    """

    world: World
    load: Load
    fault: Fault
    rebuild: bool = False
    since: invariants.Baseline | None = None
    recovery_seconds: float | None = None
    repeats_min: int = 0
    others: set[str] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)

    def expect_repeats(self, at_least: int) -> None:
        """So many records of the log have to be repeats, or the fault was none."""
        self.repeats_min = at_least

    async def warmed(self, commands: int = 40) -> None:
        """Let the load run a little and remember what the processes need; then break things."""
        await self.load.reaches(commands)
        self.since = await invariants.baseline(self.world)

    async def recovered(self) -> float:
        """The fault is over: wait for everything acknowledged by now to show, and time it."""
        self.recovery_seconds = await self.world.folded(self.fault.recovery_seconds_max)
        return self.recovery_seconds

    async def concluded(self) -> Outcome:
        """End the load, wait for the rest, and look at everything."""
        if self.recovery_seconds is None:
            await self.recovered()
        journal = await self.load.finish()
        await self.world.folded(self.fault.recovery_seconds_max)
        findings = await invariants.examine(
            self.world, journal, self.since, rebuild=self.rebuild, others=self.others
        )
        if findings.repeats < self.repeats_min:
            few = f"the log repeats {findings.repeats} records, not {self.repeats_min} or more"
            findings.broken.append(few)
        return self.outcome(findings)

    def outcome(self, findings: Findings) -> Outcome:
        return Outcome(
            self.fault,
            self.world.log,
            time.monotonic() - self.begun,
            self.load.acknowledged,
            findings,
            self.recovery_seconds,
        )


Run: TypeAlias = Callable[..., AbstractAsyncContextManager[Trial]]


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Run:
    """Return ``trial(world, load, fault, rebuild=False)``, to be entered around the fault."""
    outcomes = request.config.stash.setdefault(OUTCOMES, [])

    @asynccontextmanager
    async def run(
        w: World, load: Load, fault: Fault, *, rebuild: bool = False
    ) -> AsyncIterator[Trial]:
        under_way = Trial(w, load, fault, rebuild)
        try:
            yield under_way
            outcome = await under_way.concluded()
        except BaseException as failure:
            why = [f"{type(failure).__name__}: {failure}".partition("\n")[0]]
            outcomes.append(under_way.outcome(Findings(why, 0, 0, 0)))
            raise
        outcomes.append(outcome)
        assert outcome.findings.broken == []

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-faults", metavar="FILE", help="Write what came of the faults to this page."
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    outcomes = config.stash.get(OUTCOMES, [])
    if not outcomes:
        return
    terminalreporter.section("faults")
    rows = [HEADINGS, *(outcome.cells() for outcome in outcomes)]
    terminalreporter.write_line(table(rows))
    for outcome in outcomes:
        for sentence in outcome.findings.broken:
            terminalreporter.write_line(f"BROKEN by {outcome.fault.what}: {sentence}")
    if (file := config.getoption("--write-faults")) is not None:
        Path(file).write_text(PAGE.format(table=table(rows), conditions=conditions()))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows as a table of Markdown, aligned for reading as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def conditions() -> str:
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} cores shared by PostgreSQL (its own "
        "server, flushing every commit), the log, all services and the client."
    )
