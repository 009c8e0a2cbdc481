"""Field types of requests: they take what the OpenAPI document says, and nothing beside it."""

import re
from datetime import date
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StringConstraints

from shared.contracts.vocabulary import Moment, composed

T = TypeVar("T")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*")
YEARS = range(1900, 2200)  # outside of it, moving an instant to UTC could leave the calendar


class StrictModel(BaseModel):
    """A request body: a field that it doesn't know is an error of the sender, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _day(value: object) -> object:
    if isinstance(value, str) and DAY.fullmatch(value) is None:
        raise ValueError("write a day as YYYY-MM-DD")
    return _within_years(value)


def _instant(value: object) -> object:
    if isinstance(value, str) and INSTANT.fullmatch(value) is None:
        raise ValueError("write an instant as YYYY-MM-DDTHH:MM:SS with Z or an offset")
    return _within_years(value)


def _within_years(value: object) -> object:
    # Pydantic would read 0 as the first of January 1970.
    if isinstance(value, (int, float)):
        raise ValueError("write it as text, not as a number")  # noqa: TRY004  # pydantic's protocol
    if isinstance(value, str) and int(value[:4]) not in YEARS:
        raise ValueError(f"the year must be from {YEARS.start} to {YEARS.stop - 1}")
    return value


def _composed(value: object) -> object:
    return composed(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day)]
"""A whole UTC day, written YYYY-MM-DD."""

Instant = Annotated[Moment, BeforeValidator(_instant)]
"""A moment with its offset, held in UTC."""

# No NUL: PostgreSQL can't hold one in text.
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]+$")]
LocalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00\ufffd]+$"),
    BeforeValidator(_composed),
]
"""An id as the sender's own system knows it, in NFC; U+FFFD stands where a letter was lost."""

Flag = StrictBool
