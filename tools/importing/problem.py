"""A problem of one row, as an import keeps and reports it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from integrations.translator import Refusal


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One thing wrong in one row. ``row`` is the line of the file it begins on; the header's is 1.

    ``column`` is empty where the whole row is meant.
    """

    row: int
    column: str
    value: str
    problem: str
    remedy: str

    @classmethod
    def each(cls, row: int, refusals: Iterable[Refusal]) -> list[Self]:
        return [cls(row, one.column, one.value, one.problem, one.remedy) for one in refusals]
