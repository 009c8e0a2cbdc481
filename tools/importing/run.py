"""One import from beginning to end: read, look up, check, register, send, report."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.bulk import Service
from tools.importing import rejects
from tools.importing.check import check
from tools.importing.problem import Problem
from tools.importing.registration import Registered, Source, look_up, register
from tools.importing.report import Summary
from tools.importing.row import Row
from tools.importing.sending import EFFECTS, Sender
from tools.importing.spool import Spool
from tools.importing.table import Table

_ROWS_BETWEEN_TICKS = 1_000


@dataclass(frozen=True, slots=True)
class Options:
    """``rejects``: where rejected rows are written; a dry run writes them only where it is told."""

    source: Source
    register_missing: bool = False
    dry_run: bool = False
    rejects: Path | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """What is imported: ``rows`` in the order in which they are to be sent, read from ``table``.

    ``repeats`` tells, when all rows are read, how many lines said nothing new and are no rows.
    """

    table: Table
    rows: Iterable[Row]
    notices: tuple[Problem, ...] = ()
    header: tuple[Problem, ...] = ()
    repeats: Callable[[], int] = int


async def run(
    feed: Feed, options: Options, services: tuple[Service, Service], spool: Spool
) -> Summary:
    """Import a feed through ``services`` (registry, exchange); the spool then holds the problems.

    Raises:
        Failure: a service stays away or refuses what was planned. What was done until then stands,
            and the same import goes on from there.
    """
    registry, exchange = services
    summary = Summary(
        str(feed.table.path),
        options.dry_run,
        notices=list(feed.notices),
        header=list(feed.header),
    )
    _read(feed, spool)
    await look_up(spool, registry, options.source)
    with progress("checking", spool.counts()[0]) as advance:
        # with a header in doubt nothing is planned, because nothing would be taken
        register_missing = options.register_missing and not feed.header
        check(spool, register_missing=register_missing, on_progress=advance)
    if options.dry_run:
        _foresee(summary, spool)
    else:
        registered = await register(spool, registry, options.source)
        summary.registered = asdict(registered)
        await _send(spool, Sender(spool, exchange, options.source, registry.positions), summary)
    summary.rows, summary.rejected = spool.counts()
    summary.rows += feed.repeats()
    summary.effects["unchanged"] += feed.repeats()
    _write_rejects(feed, options, spool, summary)
    return summary


def _read(feed: Feed, spool: Spool) -> None:
    table = feed.table
    with progress("reading", table.size) as advance:
        reached = 0
        for number, row in enumerate(feed.rows):
            spool.add(row)
            if number % _ROWS_BETWEEN_TICKS == 0:
                advance(table.bytes_read - reached)
                reached = table.bytes_read


def _foresee(summary: Summary, spool: Spool) -> None:
    summary.effects = dict.fromkeys(EFFECTS, 0)
    summary.registered = asdict(Registered())
    summary.would_register = spool.known.planned()


async def _send(spool: Spool, sender: Sender, summary: Summary) -> None:
    rows, rejected = spool.counts()
    with progress("sending", rows - rejected) as advance:
        await sender.send(advance)
    summary.effects = sender.effects


def _write_rejects(feed: Feed, options: Options, spool: Spool, summary: Summary) -> None:
    if options.rejects is None:
        return
    if not summary.rejected:
        rejects.remove_stale(options.rejects)
        return
    try:
        rejects.write(options.rejects, feed.table, spool)
    except OSError as error:  # what was taken is told all the same
        summary.rejects_lost = f"{options.rejects}: {(error.strerror or str(error)).lower()}"
    else:
        summary.rejects = str(options.rejects)


@contextmanager
def progress(step: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, if somebody is looking."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task(step, total=total)
        pending = 0

        def advance(amount: int) -> None:
            nonlocal pending
            pending += amount
            if pending >= _ROWS_BETWEEN_TICKS:  # a bar is slower than a row
                bar.advance(task, pending)
                pending = 0

        yield advance
