"""What people and scripts read: results on standard output, everything else on standard error."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tools.failure import Failure


def print_json(value: Any) -> None:
    """Write one JSON document, keys sorted, so that equal answers are equal bytes."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n")
    sys.stdout.buffer.flush()


def result_console() -> Console:
    return Console(highlight=False, soft_wrap=False)


def say(message: str) -> None:
    """Tell a person what is going on, without touching standard output."""
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
