from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from integrations.moment import are_days, parse_moment
from integrations.translator import InvalidValue
from tests.tools.importing.files import NOW

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-05-31", datetime(2025, 5, 31, tzinfo=UTC)),
        ("20250531", datetime(2025, 5, 31, tzinfo=UTC)),
        ("2025-05-31T14:30", datetime(2025, 5, 31, 12, 30, tzinfo=UTC)),
        ("2025-05-31 14:30:15", datetime(2025, 5, 31, 12, 30, 15, tzinfo=UTC)),
        ("2025-05-31T14:30:00Z", datetime(2025, 5, 31, 14, 30, tzinfo=UTC)),
        ("2025-05-31T14:30:00-05:00", datetime(2025, 5, 31, 19, 30, tzinfo=UTC)),
        ("2025-06-01T12:05:00Z", datetime(2025, 6, 1, 12, 5, tzinfo=UTC)),
        ("2025-05-31 14:30:15 UTC", datetime(2025, 5, 31, 14, 30, 15, tzinfo=UTC)),
        ("2025-05-31t14:30:15z", datetime(2025, 5, 31, 14, 30, 15, tzinfo=UTC)),
        ("2025/05/31", datetime(2025, 5, 31, tzinfo=UTC)),
        ("2025/05/31 14:30", datetime(2025, 5, 31, 12, 30, tzinfo=UTC)),
    ],
)
def test_an_iso_moment_is_read_in_the_zone_it_names_or_the_one_given(
    text: str, moment: datetime
) -> None:
    assert parse_moment(text, PARIS, NOW) == moment


def test_a_local_time_that_exists_twice_is_the_first_of_the_two() -> None:
    assert parse_moment("2024-10-27T02:30", PARIS, NOW) == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("yesterday", "not an ISO 8601 date"),
        ("2025-02-30", "not an ISO 8601 date"),
        ("05/06/25", "not an ISO 8601 date"),
        ("2025/5/1", "not an ISO 8601 date"),
        ("2025-05-31 14:30:15 CET", "not an ISO 8601 date"),
        ("2025-05-31 14:30:15 AM", "not an ISO 8601 date"),
        ("２０２５-05-31", "not an ISO 8601 date"),  # noqa: RUF001
        ("45274", "not an ISO 8601 date"),
        ("0000-00-00", "not an ISO 8601 date"),
        ("2024-03-31T02:30", "never was in Europe/Paris"),
        ("2025-06-01T12:05:01Z", "in the future"),
        ("2025-06-02", "in the future"),
        ("0225-05-01", "year 225"),
        ("0001-01-01T00:00", "year 1"),
        ("9999-12-31T23:59", "year 9999"),
    ],
)
def test_what_cannot_have_been_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem):
        parse_moment(text, PARIS, NOW)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("31/12/2024", "write the year first: 2024-12-31"),
        ("05/06/2024", "write the year first: 2024-06-05 or 2024-05-06"),
    ],
)
def test_a_day_written_the_local_way_is_offered_in_iso_and_not_guessed(
    text: str, remedy: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_moment(text, PARIS, NOW)

    assert refused.value.remedy == remedy


AUCKLAND = ZoneInfo("Pacific/Auckland")
EVENING = datetime(2025, 6, 1, 13, tzinfo=UTC)  # one in the night of the second of June there


def test_today_is_that_of_the_time_zone() -> None:
    day = datetime(2025, 6, 2, tzinfo=UTC)

    assert parse_moment("2025-06-02", AUCKLAND, EVENING) == day
    assert parse_moment("2025-06-02 00:00", AUCKLAND, EVENING, days=True) == day
    for zone in (PARIS, ZoneInfo("UTC"), ZoneInfo("America/New_York")):
        with pytest.raises(InvalidValue, match="in the future"):
            parse_moment("2025-06-02", zone, EVENING)


def test_a_day_that_is_over_here_has_not_begun_there() -> None:
    morning = datetime(2025, 6, 1, 2, tzinfo=UTC)

    with pytest.raises(InvalidValue, match="in the future"):
        parse_moment("2025-06-01", ZoneInfo("America/New_York"), morning)


def test_a_midnight_in_a_file_of_days_is_its_day() -> None:
    day = datetime(2025, 5, 31, tzinfo=UTC)

    assert parse_moment("2025-05-31 00:00:00", PARIS, NOW, days=True) == day
    assert parse_moment("2025-05-31 00:00:00", PARIS, NOW) == day.replace(day=30, hour=22)
    assert parse_moment("2025-05-31T00:00:00+02:00", PARIS, NOW, days=True) == day.replace(
        day=30, hour=22
    )


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["2025-05-31 00:00:00", "2025-05-31T00:00"], True),
        (["2025-05-31", "2025-05-31 00:00:00", "", "soon"], True),
        (["2025-05-31", "2025-05-30"], False),  # they are days already
        (["2025-05-31 00:00:00", "2025-05-31 00:00:01"], False),
        (["2025-05-31 00:00:00", "2025-05-31T00:00:00Z"], False),
        ([], False),
    ],
)
def test_a_file_tells_days_if_it_knows_no_hour(texts: list[str], days: bool) -> None:
    assert are_days(texts) is days
