"""Cells that a spreadsheet would run when somebody opens the file: written so that it shows them.

An apostrophe goes before each, and before those that begin like a guarded one, so that taking one
away again gives back every cell as it was.
"""

import re

_RUN = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r]")  # noqa: RUF001 - signs of East Asian keyboards
_GUARDED = re.compile(rf"'(?:{_RUN.pattern})")


def guarded(cell: str) -> str:
    return "'" + cell if _RUN.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return the cell that ``guarded`` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
