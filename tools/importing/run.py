"""One import from beginning to end: read, look up, check, preview, register, send, report."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tools.bulk import ServiceClient
from tools.importing import rejects
from tools.importing.check import check
from tools.importing.command import Commands
from tools.importing.feed import Feed
from tools.importing.preview import Missing, Previewer, PreviewTotals, find_missing
from tools.importing.registration import RegisteredCounts, Source, look_up, register
from tools.importing.report import Stop, Summary
from tools.importing.sending import EFFECTS, ExchangeClient, Sender
from tools.importing.spool import Spool
from tools.importing.warning import RowStatistics, warnings
from tools.terminal.output import progress_bar

_ROWS_BETWEEN_TICKS = 1_000

progress = partial(progress_bar, every=_ROWS_BETWEEN_TICKS, transient=True)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """``rejects``: where rejected rows are written; a dry run without it writes none.

    ``replace``: much may be corrected, moved or voided. ``complete``: acts of the file's services
    that the file lacks are gone; ``void_missing`` voids them.
    """

    source: Source
    register_missing: bool = False
    dry_run: bool = False
    rejects: Path | None = None
    replace: bool = False
    complete: bool = False
    void_missing: bool = False


async def run(
    feed: Feed, options: ImportOptions, services: tuple[ServiceClient, ServiceClient], spool: Spool
) -> Summary:
    """Import a feed through ``services`` (registry, exchange); the spool then holds the problems.

    Raises:
        Failure: a service does not answer, or refuses what was planned. What was done until then
            stays, and the same import goes on from there.
    """
    registry, exchange = services
    summary = Summary(
        str(feed.table.path),
        options.dry_run,
        effects=dict.fromkeys(EFFECTS, 0),
        notices=list(feed.notices),
        header=list(feed.header),
    )
    said = _read(feed, spool)
    await look_up(spool, registry, options.source)
    with progress("checking", spool.counts()[0]) as advance:
        # with a header in doubt nothing is planned, because nothing would be taken
        register_missing = options.register_missing and not feed.header
        check(spool, register_missing=register_missing, on_progress=advance)
    commands = Commands(spool.directory, feed.columns, move=options.replace)
    client = ExchangeClient(exchange, options.source, registry.positions)
    previewer = Previewer(spool, client, commands)
    if not feed.header:  # with one in doubt nobody knows what the rows mean
        await _look_ahead(feed, options, spool, previewer, summary)
    if options.dry_run:
        summary.registered = asdict(RegisteredCounts())
        summary.would_register = spool.directory.planned()
    elif summary.stopped is None:
        registered = await register(spool, registry, options.source)
        summary.registered = asdict(registered)
        await _send(spool, Sender(spool, client, commands), options, summary)
    if not feed.header:
        summary.warnings = await warnings(said, spool.directory, registry, previewer)
    _count(feed, spool, previewer.totals, summary)
    _write_rejects(feed, options, spool, summary)
    return summary


async def _look_ahead(
    feed: Feed, options: ImportOptions, spool: Spool, previewer: Previewer, summary: Summary
) -> None:
    """Preview the rows, and decide whether to stop because much would change unasked."""
    totals, missing = previewer.totals, Missing()
    with progress("previewing", spool.counts()[0]) as advance:
        await previewer.preview(advance, standing_only=not options.dry_run)
    if options.complete:
        missing = summary.missing = await find_missing(spool, previewer.exchange)
    summary.stopped = _doubt(feed, options, spool, totals, missing)
    if summary.stopped is not None:
        with progress("previewing", spool.counts()[0]) as advance:
            await previewer.preview(advance)
    if options.void_missing:
        totals.effects["voided"] += missing.gone
    summary.first = totals.first


def _doubt(
    feed: Feed, options: ImportOptions, spool: Spool, totals: PreviewTotals, missing: Missing
) -> Stop | None:
    doubt = totals.doubt(days_stay=feed.days_stay)
    if doubt is not None and not options.replace:
        return Stop(doubt, f"{feed.if_another} If the file is right: --replace.")
    if not (options.void_missing and missing.gone):
        return None
    nameless = spool.nameless()
    if nameless is not None:
        return Stop(
            f"the id of row {nameless} can't be read, so nobody can tell what is gone",
            "Correct the row first.",
        )
    if missing.is_much and not options.replace:
        return Stop(
            f"{missing.gone} of {missing.standing} acts are gone from the file and would be voided",
            "If the file is complete in truth: --replace.",
        )
    return None


def _read(feed: Feed, spool: Spool) -> RowStatistics:
    table, said = feed.table, RowStatistics()
    with progress("reading", table.size) as advance:
        reached = 0
        for number, row in enumerate(feed.rows):
            spool.add(row)
            said.take(row)
            if number % _ROWS_BETWEEN_TICKS == 0:
                advance(table.bytes_read - reached)
                reached = table.bytes_read
    return said


async def _send(spool: Spool, sender: Sender, options: ImportOptions, summary: Summary) -> None:
    rows, rejected = spool.counts()
    with progress("sending", rows - rejected) as advance:
        await sender.send(advance)
        if options.void_missing:
            await sender.retract(advance)
    summary.effects.update(sender.effects)


def _count(feed: Feed, spool: Spool, totals: PreviewTotals, summary: Summary) -> None:
    """Count every row once: as rejected, or by what was done or would be done with it."""
    summary.rows, summary.rejected = spool.counts()
    summary.repeated = spool.repeats()
    summary.rows += feed.repeats()
    done = summary.effects
    if summary.dry_run or summary.stopped is not None:
        done = summary.foretold = dict(totals.effects)
    else:
        for effect, count in totals.settled.items():
            done[effect] += count
    done["unchanged"] += feed.repeats() + summary.repeated.rows


def _write_rejects(feed: Feed, options: ImportOptions, spool: Spool, summary: Summary) -> None:
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
