"""What an import says afterwards: its counts, and what is wrong with its rows."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import orjson

from tools.failure import ExitCode
from tools.importing.problem import Problem
from tools.importing.spool import ProblemGroup, Spool

GROUPS_SHOWN_MAX = 20


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
    rejects_lost: str | None = None
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
    _print_header(summary)
    _print_problems(spool, None if summary.dry_run else GROUPS_SHOWN_MAX)
    print(f"{summary.rows} rows: {_done(summary)}; {summary.rejected} rejected")
    for verb, counts in (
        ("registered", _counts(summary.registered)),
        ("would register", _counts(summary.would_register)),
    ):
        if counts:
            print(f"{verb}: {counts}")
    if summary.rejects:
        print(f"rejected rows, with all reasons: {summary.rejects}")
    if summary.rejects_lost:
        print(f"the rejected rows could not be written, {summary.rejects_lost}; import again")
    if summary.dry_run:
        print("This was a dry run: nothing was changed.")


def _done(summary: Summary) -> str:
    if summary.header:
        return "none taken until the header is right"
    if summary.dry_run:
        return f"{summary.rows - summary.rejected} good"
    return _counts(summary.effects) or "none taken"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _problems(summary: Summary, spool: Spool) -> Iterator[Problem]:
    yield from summary.header
    yield from spool.problems()


def _print_header(summary: Summary) -> None:
    columns: dict[tuple[str, str], list[str]] = {}
    for one in summary.notices:
        columns.setdefault((one.problem, one.remedy), []).append(one.column)
    for (problem, remedy), of in columns.items():
        print(f"notice: {', '.join(of)}: {problem}; {remedy}")
    for one in summary.header:
        print(f"header: {one.column}: {one.problem}; {one.remedy}")


def _print_problems(spool: Spool, shown_max: int | None) -> None:
    groups = spool.problem_groups()
    for group in islice(groups, shown_max):
        print(_sentence(group))
    if more := sum(1 for _ in groups):
        print(f"and {more} other problems")


def _sentence(group: ProblemGroup) -> str:
    one = group.first
    where = f"row {one.row}" if group.rows == 1 else f"{group.rows} rows from row {one.row} on"
    value = repr(one.value).replace("\\\\", "\\") if one.value else ""  # steers no terminal
    what = f"{one.column} {value}".strip()
    others = f" and {group.values - 1} other values" if group.values > 1 else ""
    return f"{where}: {what}{others}: {one.problem}; {one.remedy}"
