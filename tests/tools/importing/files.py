"""Files to import, the data that nobody here wrote, and how a test reads them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from integrations.columns import COLUMNS
from integrations.contribution import Calendar, Contributions
from tools.importing.feed import Feed
from tools.importing.row import Row, check_header, rows_of
from tools.importing.table import Table

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
HEADER = ("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party")
GOOD = ("c1", "s1", "2025-05-01", "ann", "user")


def write(
    folder: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, sign: str = ","
) -> Path:
    path = folder / "contributions.csv"
    lines = [sign.join(header), *(sign.join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def feed_of(path: Path, filled: Mapping[str, str] | None = None, timezone: str = "UTC") -> Feed:
    table = Table(path, COLUMNS)
    checked = check_header(table.header, filled or {})
    calendar = Calendar(NOW, ZoneInfo(timezone))
    translator = Contributions(table.header, filled or {}, calendar, checked.required)
    rows = rows_of(table, translator)
    return Feed(table, rows, translator.fills, tuple(checked.notices), tuple(checked.blocking))


def read(path: Path, filled: Mapping[str, str] | None = None, timezone: str = "UTC") -> list[Row]:
    return list(feed_of(path, filled, timezone).rows)


def problems_of(rows: Sequence[Row]) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.problem) for row in rows for one in row.problems]
