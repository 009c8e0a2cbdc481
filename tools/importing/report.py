"""What an import says afterwards: its counts, every problem, and the rejected rows as a file."""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from tools.failure import ExitCode, Failure
from tools.importing.problem import Problem, shown
from tools.importing.spool import Spool
from tools.importing.table import Table

REASON_COLUMNS = ("row", "column", "problem", "remedy")
PROBLEMS_SHOWN_MAX = 20


@dataclass
class Summary:
    """``unchanged`` counts rows that say what was said before; ``stale`` those of old revisions."""

    file: str
    dry_run: bool
    rows: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    registered: dict[str, int] = field(default_factory=dict)
    would_register: dict[str, int] = field(default_factory=dict)
    rejects: str | None = None
    notices: list[Problem] = field(default_factory=list)
    header: list[Problem] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.PROBLEM if self.rejected or self.header else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        counts = asdict(self)
        effects = counts.pop("effects")
        counts.pop("header")
        counts["notices"] = [one.as_json() for one in self.notices]
        return {**counts, **effects}


def print_json(summary: Summary, spool: Spool) -> None:
    """Write the summary and every problem, however many, as one JSON object."""
    out = sys.stdout.buffer
    head = orjson.dumps(summary.as_json(), option=orjson.OPT_SORT_KEYS)
    out.write(head[:-1] + b',"problems":[')
    for number, problem in enumerate(_problems(summary, spool)):
        out.write((b"," if number else b"") + orjson.dumps(problem.as_json()))
    out.write(b"]}\n")
    out.flush()


def print_text(summary: Summary, spool: Spool) -> None:
    """Tell a person; a dry run shows every problem, a real one points to the file of rejects."""
    for notice in summary.notices:
        print(f"notice: column {notice.column}: {notice.problem}; {notice.remedy}")
    shown_max = None if summary.dry_run else PROBLEMS_SHOWN_MAX
    for problem in islice(_problems(summary, spool), shown_max):
        print(_sentence(problem))
    done = (
        f"{summary.rows - summary.rejected} good" if summary.dry_run else _counts(summary.effects)
    )
    print(f"{summary.rows} rows: {done or 'none taken'}; {summary.rejected} rejected")
    for verb, counts in (
        ("registered", _counts(summary.registered)),
        ("would register", _counts(summary.would_register)),
    ):
        if counts:
            print(f"{verb}: {counts}")
    if summary.rejects:
        print(f"rejected rows, with all reasons: {summary.rejects}")
    if summary.dry_run:
        print("This was a dry run: nothing was changed.")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def default_rejects(path: Path) -> Path:
    return path.with_name(f"{path.stem}.rejects.csv")


def check_writable(path: Path, original: Path) -> None:
    """Make sure before anything is sent that the rejects will have a place.

    Raises:
        Failure: they would not, or would replace the file that is imported.
    """
    if path.absolute() == original.absolute():
        raise Failure(f"--rejects {path} is the file itself", code=ExitCode.USAGE)
    try:
        with path.open("a"):
            pass
        if path.stat().st_size == 0:
            path.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Failure(
            f"{path}: {reason}", "Name another place with --rejects PATH.", code=ExitCode.USAGE
        ) from None


def write_rejects(path: Path, table: Table, spool: Spool) -> None:
    """Write each rejected row as it was, with what is wrong; corrected, it can be imported."""
    bad = _by_row(spool.problems())
    at, problems = next(bad, (0, []))
    columns = [name for name in table.header if name not in REASON_COLUMNS]
    kept = [number for number, name in enumerate(table.header) if name in columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=table.delimiter)
        writer.writerow([*columns, *REASON_COLUMNS])
        for line in table:
            if line.row == at:
                cells = [shown_whole(line.cells[n]) if n < len(line.cells) else "" for n in kept]
                writer.writerow([*cells, at, *_reasons(problems)])
                at, problems = next(bad, (0, []))


def shown_whole(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _reasons(problems: Sequence[Problem]) -> tuple[str, str, str]:
    return (
        " | ".join(one.column for one in problems),
        " | ".join(f"{shown(one.value)}: {one.problem}" for one in problems),
        " | ".join(one.remedy for one in problems),
    )


def _by_row(problems: Iterable[Problem]) -> Iterator[tuple[int, list[Problem]]]:
    group: list[Problem] = []
    for problem in problems:
        if group and group[0].row != problem.row:
            yield group[0].row, group
            group = []
        group.append(problem)
    if group:
        yield group[0].row, group


def _problems(summary: Summary, spool: Spool) -> Iterator[Problem]:
    yield from summary.header
    yield from spool.problems()


def _sentence(problem: Problem) -> str:
    where = f"row {problem.row}" + (f", {problem.column}" if problem.column else "")
    value = f" {problem.value!r}:" if problem.value else ""
    return f"{where}:{value} {problem.problem}; {problem.remedy}"
