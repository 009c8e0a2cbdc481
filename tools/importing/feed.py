"""What one import takes in: the rows of a file, and what its kind of file means."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from integrations.translator import Translator
from tools.importing.problem import RowProblem
from tools.importing.row import Row, rows_of
from tools.importing.table import Table


@dataclass(frozen=True, slots=True)
class Feed:
    """What is imported: ``rows`` in the order in which they are to be sent, read from ``table``.

    ``columns``: those that the translator fills. ``repeats`` counts, when all rows are read, the
    lines that say nothing new and are no rows. ``if_another``: what to do where the file is another
    than it was taken for. ``days_stay``: acts of such files never get another day.
    """

    table: Table
    rows: Iterable[Row]
    columns: frozenset[str]
    notices: tuple[RowProblem, ...] = ()
    header: tuple[RowProblem, ...] = ()
    repeats: Callable[[], int] = int
    if_another: str = ""
    days_stay: bool = False


def records(path: Path, translator: Translator, *, if_another: str = "") -> Feed:
    """Return the rows of a table in which each line is a record of the translator's format.

    Raises:
        Failure: it lacks a field that the translator reads.
    """
    table = Table(path, translator.reads)
    table.require(translator.reads)
    return Feed(table, rows_of(table, translator), translator.fills, if_another=if_another)
