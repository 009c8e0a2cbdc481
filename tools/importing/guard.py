"""Guards cells that a spreadsheet would run as a formula when somebody opens the file.

The guard is an apostrophe before the cell. Cells that look guarded already get one too, so that
removing one apostrophe gives back every cell as it was.
"""

import re

_RUN = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r]")  # noqa: RUF001 - signs of East Asian keyboards
_GUARDED = re.compile(rf"'(?:{_RUN.pattern})")


def guarded(cell: str) -> str:
    return "'" + cell if _RUN.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return the cell that ``guarded`` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
