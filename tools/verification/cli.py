"""``coprod verify``: compares stores, log, facts and figures with each other."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated

import asyncpg
import typer

from tools.deployment.record import DataOption, Deployment, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, print_table, progress_bar, result_console
from tools.verification.report import Report
from tools.verification.run import Depth, opened

AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="Whose figures [default: today]."),
]


DeepOption = Annotated[
    bool,
    typer.Option("--deep", help="Also each fact, directory row and frame of the live stream."),
]
RebuildOption = Annotated[
    bool, typer.Option("--rebuild", help="Also fold all from the start: the same has to come out.")
]


def verify(
    data: DataOption = None,
    as_of: AsOfOption = None,
    deep: DeepOption = False,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check that the log equals the stores, and every figure its recomputation.

    It reads all three databases, with a role that may only read, and may run under load: each
    figure is recomputed from the events up to the positions of its own receipt. With --rebuild the
    serving projection is replaced by the new one, if both are equal. Exit code 1 if it finds
    anything that is not as promised.
    """
    if as_of is not None:
        _has_come(as_of)
    report = asyncio.run(_verified(find(data), Depth(as_of, deep, rebuild)))
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
    if not report.clean:
        raise typer.Exit(ExitCode.PROBLEM)


def _has_come(text: str) -> None:
    """Refuse a day in the future.

    Raises:
        Failure: it has not, or this is no day.
    """
    today = datetime.now(UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Failure(f"{text} is no day", "Write --as-of as YYYY-MM-DD.") from None
    if day > today:
        raise Failure(
            f"{day} has not come yet; the newest day is {today} (UTC)",
            f"Ask for --as-of {today} or an earlier day.",
        )


async def _verified(deployment: Deployment, depth: Depth) -> Report:
    try:
        async with opened(deployment, depth, progress_bar) as verification:
            return await verification.run()
    except (OSError, asyncpg.InvalidAuthorizationSpecificationError) as refused:
        raise Failure(
            f"a database cannot be read: {refused}",
            "Is the deployment running? `coprod status` tells.",
            code=ExitCode.UNREACHABLE,
        ) from None


def _print(report: Report) -> None:
    print_table("compared", ("what", "how many"), sorted(report.compared.items()))
    console = result_console()
    for note in report.notes:
        console.print(f"note: {note}", markup=False)
    for check, sentences in report.problems.items():
        console.print(f"NOT SO: {check} ({report.counts[check]} times)", markup=False)
        for sentence in sentences:
            console.print(f"  - {sentence}", markup=False)
    if report.clean:
        console.print("clean: everything compared is as promised")
