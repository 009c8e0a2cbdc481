"""Reads moments: ISO 8601 or a bare day, with or without an offset."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from integrations.translator import InvalidValue

FUTURE_TOLERANCE = timedelta(minutes=5)
YEAR_MIN = 1900

_UTC_SAID = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)?) UTC", re.ASCII)
_SLASHES = re.compile(r"(\d{4})/(\d{2})/(\d{2})", re.ASCII)
_OTHER_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(.*)", re.DOTALL)
_ISO_REMEDY = "write it as 2024-05-31, 2024-05-31T14:30 or 2024-05-31T14:30:00+02:00"


def parse_moment(text: str, timezone: ZoneInfo, now: datetime, *, days: bool = False) -> datetime:
    """Return the instant in UTC; a bare day is the beginning of the UTC day with that date.

    ``days``: a midnight without an offset is a day. A local time that exists twice (the clock went
    back) is read as the first of the two.

    Raises:
        InvalidValue: it is no date, a local time that never was, in the future, or before 1900.
    """
    moment = _read(text)
    _refuse_year(moment, now)
    if _is_day(text) or (days and _is_local_midnight(moment)):
        if moment.date() > now.astimezone(timezone).date():
            raise _future(timezone)
        return moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        moment = _from_local(moment, timezone)
    moment = moment.astimezone(UTC)
    if moment > now + FUTURE_TOLERANCE:
        raise _future(timezone)
    return moment


def are_days(texts: Iterable[str]) -> bool:
    """Tell whether all times are midnights without an offset, and so mean days."""
    midnights = False
    for text in texts:
        try:
            moment = _read(text)
        except InvalidValue:
            continue
        if not _is_day(text):
            if not _is_local_midnight(moment):
                return False
            midnights = True
    return midnights


def as_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(_iso(text))
    except ValueError:
        raise InvalidValue("it is not an ISO 8601 date", _remedy(text)) from None


def _iso(text: str) -> str:
    """Return unambiguous other forms of a moment as ISO 8601."""
    text = _SLASHES.sub(r"\1-\2-\3", text, count=1) if text[4:5] == "/" else text
    if text.endswith("z"):
        return text[:-1] + "Z"
    said = _UTC_SAID.fullmatch(text)
    return text if said is None else said[1] + "Z"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(_iso(text))
    except ValueError:
        return False
    return True


def _is_local_midnight(moment: datetime) -> bool:
    return moment.tzinfo is None and moment.time() == time.min


def _refuse_year(moment: datetime, now: datetime) -> None:
    # before it is converted: the first and last years cannot be moved across zones
    if not YEAR_MIN <= moment.year <= now.year + 1:
        raise InvalidValue(f"the year {moment.year} cannot be meant", "check the year")


def _future(timezone: ZoneInfo) -> InvalidValue:
    remedy = f"record what has happened; check the date and --timezone (here {timezone.key})"
    return InvalidValue("it lies in the future", remedy)


def _remedy(text: str) -> str:
    """Offer the ISO forms of a day written the European or the American way."""
    match = _OTHER_DAY.fullmatch(text)
    if match is None:
        return _ISO_REMEDY
    first, second, year = (int(part) for part in match.group(1, 2, 3))
    meant = [day for day in (_day(year, second, first), _day(year, first, second)) if day]
    if not meant:
        return _ISO_REMEDY
    return "write the year first: " + " or ".join(dict.fromkeys(meant))


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _from_local(moment: datetime, timezone: ZoneInfo) -> datetime:
    local = moment.replace(tzinfo=timezone)
    # A time inside the hour that the clock skips does not survive the way to UTC and back.
    if 1 < local.year < 9999 and (
        local.astimezone(UTC).astimezone(timezone).replace(tzinfo=None) != moment
    ):
        raise InvalidValue(
            f"this local time never was in {timezone.key}: the clock skipped it",
            "correct the time, or write its offset, as in 2024-05-31T14:30:00+02:00",
        )
    return local
