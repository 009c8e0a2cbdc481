"""Moments as files write them: ISO 8601, a bare day, with or without an offset."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tools.importing.problem import Unfit

FUTURE_TOLERANCE = timedelta(minutes=5)
YEAR_MIN = 1900

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_OTHER_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(.*)", re.DOTALL)
_ISO_REMEDY = "write it as 2024-05-31, 2024-05-31T14:30 or 2024-05-31T14:30:00+02:00"


def parse_moment(text: str, timezone: ZoneInfo, now: datetime) -> datetime:
    """Return the instant in UTC; a bare day is the beginning of that UTC day.

    A local time that exists twice (the clock went back) is read as the first of the two.

    Raises:
        Unfit: it is no date, a local time that never was, in the future, or centuries ago.
    """
    moment = _read(text)
    if _DAY.fullmatch(text):
        moment = moment.replace(tzinfo=UTC)
    elif moment.tzinfo is None:
        moment = _from_local(moment, timezone)
    # compared before it is converted: the first and last years cannot be moved across zones
    if not YEAR_MIN <= moment.year <= now.year + 1:
        raise Unfit(f"the year {moment.year} cannot be meant", "check the year")
    moment = moment.astimezone(UTC)
    if moment > now + FUTURE_TOLERANCE:
        raise Unfit(
            "it lies in the future",
            "record what has happened; check the date and --timezone",
        )
    return moment


def as_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("it is not an ISO 8601 date", _remedy(text)) from None


def _remedy(text: str) -> str:
    """Offer a day written the European or the American way in ISO; never guess which one it is."""
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
        raise Unfit(
            f"this local time never was in {timezone.key}: the clock skipped it",
            "correct the time, or write its offset, as in 2024-05-31T14:30:00+02:00",
        )
    return local
