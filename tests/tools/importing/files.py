"""Files to import, the data that nobody here wrote, and how a test reads them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tools.importing.columns import COLUMNS
from tools.importing.row import Row, RowReader, check_header, rows_of
from tools.importing.table import Table

DATA = Path(__file__).parents[3].parent / "shared" / "data"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
HEADER = ("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party")
GOOD = ("c1", "s1", "2025-05-01", "ann", "user")


def data_file(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"=== NOT TESTED ON REAL DATA: {path} is not there ===")
    return path


def write(
    folder: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, sign: str = ","
) -> Path:
    path = folder / "contributions.csv"
    lines = [sign.join(header), *(sign.join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path, filled: Mapping[str, str] | None = None, timezone: str = "UTC") -> list[Row]:
    table = Table(path, COLUMNS)
    required = check_header(table.header, filled or {}).required
    reader = RowReader(filled or {}, ZoneInfo(timezone), NOW, required)
    return list(rows_of(table, table.header, reader))


def problems_of(rows: Sequence[Row]) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.problem) for row in rows for one in row.problems]
