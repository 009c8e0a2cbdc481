"""Writes results to standard output, and everything else to standard error."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tools.terminal.failure import Failure


def write_anywhere() -> None:
    """Show ``?`` for a letter that the terminal lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def write_no_more() -> None:
    """Drop what standard output did not take, or the interpreter would try again at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_json(value: Any) -> None:
    """Write one JSON document, keys sorted, so that equal answers are equal bytes."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n")
    sys.stdout.buffer.flush()


def result_console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Print a message for a person on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)


def print_failure(failure: Failure) -> None:
    say(f"error: {failure.message}")
    if failure.remedy:
        say(f"       {failure.remedy}")


def print_table(
    title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    result_console().print(table)


@contextmanager
def progress_bar(
    work: str, total: int | None, *, every: int = 1, transient: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show a person at a terminal how long the work goes on.

    Yield the function that takes the number of steps done. The bar moves ``every`` so many steps:
    moving it takes longer than a small step does.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=transient,
    ) as progress:
        task = progress.add_task(work, total=total)
        pending = 0

        def advance(steps: int) -> None:
            nonlocal pending
            pending += steps
            if pending >= every:
                progress.advance(task, pending)
                pending = 0

        yield advance
