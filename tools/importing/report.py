"""The report of an import: its counts, and the problems of its rows."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import orjson

from tools.importing.preview import First, Missing
from tools.importing.problem import RowProblem
from tools.importing.spool import ProblemGroup, Repeats, Spool
from tools.terminal.failure import ExitCode

GROUPS_SHOWN_MAX = 20
GONE_SHOWN_MAX = 20
_WORDS = {"recorded": "new", "status_changed": "of another status"}
_QUIET = frozenset({"recorded", "unchanged", "stale"})  # nobody has to look into them afterwards


class Stop(NamedTuple):
    """Why an import stopped before it changed anything, and how to run it all the same."""

    problem: str
    remedy: str


@dataclass
class Summary:
    """The counts of an import. ``effects``: what was done. ``first``: the first row of each effect.

    ``foretold``: what would be done, of a dry run or an import that ``stopped``. Among the effects,
    ``unchanged`` counts rows that say nothing new, and ``stale`` rows of old revisions.
    """

    file: str
    dry_run: bool
    rows: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    foretold: dict[str, int] = field(default_factory=dict)
    first: dict[str, First] = field(default_factory=dict)
    repeated: Repeats = field(default_factory=Repeats)
    missing: Missing | None = None
    stopped: Stop | None = None
    rejected: int = 0
    registered: dict[str, int] = field(default_factory=dict)
    would_register: dict[str, int] = field(default_factory=dict)
    rejects: str | None = None
    rejects_lost: str | None = None
    notices: list[RowProblem] = field(default_factory=list)
    header: list[RowProblem] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        troubled = self.rejected or self.header or self.stopped is not None
        return ExitCode.PROBLEM if troubled else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        counts = asdict(self)
        effects = counts.pop("effects")
        counts.pop("header")
        counts["repeated"] = self.repeated.rows
        counts["stopped"] = None if self.stopped is None else self.stopped._asdict()
        return {**counts, **effects}


def print_json(summary: Summary, spool: Spool) -> None:
    """Write the summary, every problem and every act that is gone as one JSON object."""
    out = sys.stdout.buffer
    out.write(orjson.dumps(summary.as_json(), option=orjson.OPT_SORT_KEYS)[:-1])
    _write_list("problems", _problems(summary, spool))
    _write_list("gone", (one._asdict() for one in spool.gone()))
    out.write(b"}\n")
    out.flush()


def _write_list(name: str, items: Iterable[object]) -> None:
    out = sys.stdout.buffer
    out.write(f',"{name}":['.encode())
    for number, item in enumerate(items):
        out.write((b"," if number else b"") + orjson.dumps(item))
    out.write(b"]")


def print_text(summary: Summary, spool: Spool) -> None:
    """Print the report for a person; only a dry run shows every problem."""
    _print_header(summary)
    _print_problems(spool, None if summary.dry_run else GROUPS_SHOWN_MAX)
    print(f"{summary.rows} rows: {_done(summary)}; {summary.rejected} rejected")
    _print_changes(summary)
    _print_missing(summary, spool)
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
    for one in summary.warnings:
        print(f"warning: {one.column} {one.value}".rstrip() + f": {one.problem}; {one.remedy}")
    if summary.dry_run:
        print("This was a dry run: nothing was changed.")
    _print_stop(summary)


def _done(summary: Summary) -> str:
    if summary.header:
        return "none taken until the header is right"
    if summary.foretold:
        told = _counts({_WORDS.get(name, name): n for name, n in summary.foretold.items()})
        return f"{told} (foretold)" if told else "none would be taken"
    return _counts(summary.effects) or "none taken"


def _print_changes(summary: Summary) -> None:
    """Print the first row of each effect, and how many rows repeat others."""
    for effect, first in summary.first.items():
        if summary.foretold or effect not in _QUIET:
            print(f"  {_WORDS.get(effect, effect)}, first: {first}")
    if summary.repeated.rows:
        count, row, of = summary.repeated
        print(f"  {count} say word for word what an earlier row says, first: row {row} as row {of}")


def _print_missing(summary: Summary, spool: Spool) -> None:
    if summary.missing is None:
        return
    print(f"  {summary.missing.gone} of {summary.missing.standing} acts are gone from the file")
    for gone in islice(spool.gone(), GONE_SHOWN_MAX):
        print(f"    gone: id {gone.local_id} of {gone.service}, {gone.day}")
    if summary.missing.gone > GONE_SHOWN_MAX:
        print(f"    and {summary.missing.gone - GONE_SHOWN_MAX} more: --json tells all")


def _print_stop(summary: Summary) -> None:
    if summary.stopped is not None:
        verb = "A real run would stop" if summary.dry_run else "Stopped before anything was changed"
        print(f"{verb}: {summary.stopped.problem}. {summary.stopped.remedy}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _problems(summary: Summary, spool: Spool) -> Iterator[RowProblem]:
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
