"""Contributions: a record in the columns of a contributions file, and what it says of one act.

Translators of other formats name their fields by these columns and hand the rest to this one.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from integrations.columns import COLUMNS, REQUIRED, Parse, parsers
from integrations.text import closest, shown
from integrations.translator import InvalidValue, RecordCommand, Refusal, Translation

SYNCHRONISE = "synchronise-contribution"
FILL_IT = dict.fromkeys(REQUIRED, "fill it")


class Calendar(msgspec.Struct, frozen=True):
    """How a source writes moments: in ``timezone``, until ``now``.

    ``days``: the source knows days only, and writes them as midnights.
    """

    now: datetime
    timezone: ZoneInfo = ZoneInfo("UTC")
    days: bool = False


class Contributions:
    """Translates records whose fields are columns of a contributions file."""

    def __init__(
        self,
        columns: Collection[str],
        filled: Mapping[str, str],
        calendar: Calendar,
        required: Mapping[str, str] = FILL_IT,
    ) -> None:
        """Take the ``columns`` of the records; those that are unknown are not read.

        ``filled``: the text that stands where a record has no such column or an empty one.
        ``required``: the columns that no record may lack, each with the remedy.

        Raises:
            InvalidValue: a filled column does not exist, or its text does not fit it.
        """
        self.reads = tuple(name for name in columns if name in COLUMNS)
        self.fills = frozenset({*self.reads, *filled})
        self._parsers = parsers(calendar.timezone, calendar.now, days=calendar.days)
        self._filled = _parse_filled(filled, self._parsers)
        self._required = required

    def translate(self, record: Mapping[str, str]) -> Translation:
        """Return a command that synchronises the contribution that the record tells of."""
        values: dict[str, Any] = {}
        refusals: dict[str, Refusal] = {}
        for column in self.reads:
            if text := record.get(column):
                try:
                    values[column] = self._parsers[column](text)
                except InvalidValue as reason:
                    refusals[column] = Refusal(column, shown(text), reason.problem, reason.remedy)
        for column, value in self._filled.items():
            if column not in values and column not in refusals:
                values[column] = value
        for column, remedy in self._required.items():
            if column not in values and column not in refusals:
                refusals[column] = Refusal(column, "", "it is missing", remedy)
        return Translation((RecordCommand(SYNCHRONISE, values),), tuple(refusals.values()))


def _parse_filled(filled: Mapping[str, str], parse: Mapping[str, Parse]) -> dict[str, Any]:
    values = {}
    for column, text in filled.items():
        if column not in COLUMNS:
            near = closest(column, COLUMNS)
            remedy = f"Did you mean {near}?" if near else f"Columns: {', '.join(COLUMNS)}."
            raise InvalidValue(f"{column}: there is no such column", remedy)
        try:
            values[column] = parse[column](text.strip())
        except InvalidValue as reason:
            raise InvalidValue(f"{column}={text}: {reason.problem}", reason.remedy) from None
    return values
