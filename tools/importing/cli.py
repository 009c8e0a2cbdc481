"""``coprod import``: the files of agencies, and of two kinds of open data."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from integrations.columns import COLUMNS
from integrations.contribution import Calendar, Contributions
from integrations.open_repair import SYSTEM as OPEN_REPAIR
from integrations.open_repair import OpenRepair
from integrations.polis import SYSTEM as POLIS
from integrations.polis import Polis
from integrations.translator import InvalidValue
from tools.bulk import ServiceClient
from tools.deployment.record import DataOption, Deployment, JsonOption, find
from tools.importing import polis, report
from tools.importing import rejects as rejected_rows
from tools.importing.feed import Feed, records
from tools.importing.problem import RowProblem
from tools.importing.registration import Source
from tools.importing.row import check_header, days_in, refuse_header, rows_of
from tools.importing.run import ImportOptions, run
from tools.importing.scope import UniqueIn, scoped
from tools.importing.spool import Spool
from tools.importing.table import Table
from tools.terminal.failure import EXIT_CODES_HELP, ExitCode, Failure

FILE_SYSTEM = "file"
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

AgencyOption = Annotated[str, typer.Option("--agency", help="Whose file it is.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Change nothing; report every problem.")
]
RejectsOption = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        metavar="PATH",
        help="Where rejected rows go, with reasons [default: FILE.rejects.csv beside the input].",
        show_default=False,
    ),
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace", help="Do it though much is corrected, moved or voided; let rows move."
    ),
]
CompleteOption = Annotated[
    bool,
    typer.Option(
        "--complete", help="All rows of its services are in the file: tell which are gone."
    ),
]
VoidMissingOption = Annotated[
    bool, typer.Option("--void-missing", help="Void those that are gone from a --complete file.")
]
IF_IDS_BEGIN_ANEW = (
    "If its ids begin anew, say what they are unique in: --ids-unique-in service, year or month; "
    "if it comes out of another system: --system NAME."
)
IF_ITEMS_ARE_RENUMBERED = (
    "A release that numbers its items anew is imported whole, in place of the one before: with "
    "--replace --complete --void-missing."
)
ServiceOption = Annotated[
    str, typer.Option("--service", metavar="ID", help="The service, by its id or the agency's own.")
]


@app.command(epilog=EXIT_CODES_HELP)
def contributions(  # noqa: PLR0913 - one parameter an option
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Or - for a pipe.")],
    *,
    agency: AgencyOption = "local",
    system: Annotated[
        str, typer.Option("--system", help="The system it came out of; ids are scoped by it.")
    ] = FILE_SYSTEM,
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="ID", help="The service of rows that name none."),
    ] = None,
    fill: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="COLUMN=VALUE", help="Fill a column where the file lacks it."
        ),
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", help="Of times without an offset.")
    ] = "UTC",
    register_missing: Annotated[
        bool, typer.Option("--register-missing", help="Register unknown services and people.")
    ] = False,
    dry_run: DryRunOption = False,
    rejects: RejectsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    unique_in: Annotated[
        list[UniqueIn] | None,
        typer.Option(
            "--ids-unique-in",
            help="What contribution_id is unique in, where it begins anew; can be given twice.",
        ),
    ] = None,
    replace_: ReplaceOption = False,
    complete: CompleteOption = False,
    void_missing: VoidMissingOption = False,
) -> None:
    """Import contributions from a table, comma or semicolon, UTF-8, with a header line.

    Required: contribution_id, service_id, occurred_at, giver_id, giver_party. Optional: giver_kind,
    receiver_ids (separated by |), receiver_kind, receiver_party, minutes, phase, mode, choice,
    kind, scope, stage, knowledge, episode_id, organisation_id, channel, status, revised_at.
    The same file can be imported again at will: only what changed since is done. A column that is
    not in the file says nothing; an empty cell takes away what was there. Where more than a tenth
    of what stands would be corrected or moved, it stops before it changes anything.
    """
    filled = _filled(fill or [], service)
    table = Table(file, COLUMNS)
    checked = check_header(table.header, filled)
    if not dry_run:
        refuse_header(checked)
    zone = _zone(timezone)
    days = zone.key != "UTC" and days_in(table)
    calendar = Calendar(datetime.now(UTC), zone, days)
    with _filling():
        translator = Contributions(table.header, filled, calendar, checked.required)
    feed = Feed(
        table,
        scoped(rows_of(table, translator), unique_in or ()),
        translator.fills,
        notices=(*checked.notices, *([_read_as_days(zone)] if days else [])),
        header=tuple(checked.blocking),
        if_another=IF_IDS_BEGIN_ANEW,
    )
    options = ImportOptions(
        _source(agency, system),
        register_missing,
        dry_run,
        rejects,
        replace_,
        complete,
        void_missing,
    )
    _import(feed, options, data, as_json=as_json)


@app.command("polis", epilog=EXIT_CODES_HELP)
def polis_votes(  # noqa: PLR0913 - one parameter an option
    directory: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    service: ServiceOption,
    agency: AgencyOption = "local",
    dry_run: DryRunOption = False,
    rejects: RejectsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    conversation: Annotated[
        str | None,
        typer.Option(
            "--conversation",
            metavar="ID",
            help="Whose ids of comments and voters they are [default: the one that summary.csv "
            "names, else the service].",
            show_default=False,
        ),
    ] = None,
    replace_: ReplaceOption = False,
    complete: CompleteOption = False,
    void_missing: VoidMissingOption = False,
) -> None:
    """Import the votes of a Polis export: each is an opinion of a user on what was asked."""
    source = _source(agency, POLIS)
    options = ImportOptions(source, True, dry_run, rejects, replace_, complete, void_missing)
    named = conversation or polis.conversation_of(directory) or service
    with _filling():
        translator = Polis(service, named, datetime.now(UTC))
    _import(polis.votes(directory, translator), options, data, as_json=as_json)


@app.command("open-repair", epilog=EXIT_CODES_HELP)
def open_repair_items(  # noqa: PLR0913 - one parameter an option
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    service: ServiceOption,
    agency: AgencyOption = "local",
    dry_run: DryRunOption = False,
    rejects: RejectsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    replace_: ReplaceOption = False,
    complete: CompleteOption = False,
    void_missing: VoidMissingOption = False,
) -> None:
    """Import Open Repair data: each item seen is an act that a group of volunteers delivered."""
    source = _source(agency, OPEN_REPAIR)
    options = ImportOptions(source, True, dry_run, rejects, replace_, complete, void_missing)
    with _filling():
        translator = OpenRepair(service, datetime.now(UTC))
    feed = records(file, translator, if_another=IF_ITEMS_ARE_RENUMBERED)
    _import(feed, options, data, as_json=as_json)


def _import(feed: Feed, options: ImportOptions, data: Path | None, *, as_json: bool) -> None:
    if options.void_missing and not options.complete:
        raise Failure(
            "--void-missing says nothing of a file that may lack rows",
            "If it has all rows that there are, add --complete.",
            code=ExitCode.USAGE,
        )
    if options.complete and feed.table.is_rejects:
        raise Failure(
            f"{feed.table.path} holds what was rejected of another file, so it is not complete",
            "Import it without --complete.",
            code=ExitCode.USAGE,
        )
    if not options.dry_run:
        options = replace(options, rejects=options.rejects or rejected_rows.place_of(feed.table))
    if options.rejects is not None:
        rejected_rows.check_place(options.rejects, feed.table.path)
    deployment = find(data)
    try:
        with Spool() as spool:
            summary = asyncio.run(_run(feed, options, deployment, spool))
            (report.print_json if as_json else report.print_text)(summary, spool)
    except sqlite3.OperationalError as error:
        raise Failure(
            f"the rows are kept in {gettempdir()} meanwhile: {error}",
            "Make room there, or name another folder with TMPDIR.",
        ) from None
    raise typer.Exit(summary.exit_code)


async def _run(
    feed: Feed, options: ImportOptions, deployment: Deployment, spool: Spool
) -> report.Summary:
    async with AsyncExitStack() as stack:
        registry, exchange = [
            await stack.enter_async_context(await ServiceClient.reach(name, deployment.url(name)))
            for name in ("registry", "exchange")
        ]
        return await run(feed, options, (registry, exchange), spool)


def _read_as_days(zone: ZoneInfo) -> RowProblem:
    return RowProblem(
        *(1, "occurred_at", "", f"all times are midnight, so they are read as days of {zone.key}"),
        "write an offset, as in 2024-05-31T00:00:00+02:00, where a time is meant",
    )


@contextmanager
def _filling() -> Iterator[None]:
    try:
        yield
    except InvalidValue as reason:
        raise Failure(f"--set {reason.problem}", reason.remedy, code=ExitCode.USAGE) from None


def _filled(pairs: list[str], service: str | None) -> dict[str, str]:
    filled = {}
    for pair in pairs:
        column, equals, value = pair.partition("=")
        if not equals or not column.strip() or not value.strip():
            raise Failure(
                f"--set {pair} is not of the form COLUMN=VALUE",
                "For instance --set giver_party=user.",
                code=ExitCode.USAGE,
            )
        filled[column.strip().lower()] = value.strip()
    if service is not None:
        filled["service_id"] = service
    if "contribution_id" in filled:
        raise Failure(
            "--set contribution_id would give all rows one id",
            "Each row needs an id of its own, in the file.",
            code=ExitCode.USAGE,
        )
    return filled


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Failure(
            f"--timezone {name}: there is no such time zone",
            "Use a name such as Europe/Paris, America/Montreal or UTC.",
            code=ExitCode.USAGE,
        ) from None


def _source(agency: str, system: str) -> Source:
    for option, name in (("--agency", agency), ("--system", system)):
        if not _SLUG.fullmatch(name):
            raise Failure(
                f"{option} {name} is not a short name",
                "Use lower-case letters, digits, dot, dash and underscore, at most 63.",
                code=ExitCode.USAGE,
            )
    return Source(agency, system)
