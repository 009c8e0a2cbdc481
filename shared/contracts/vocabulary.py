"""Closed word lists and field types that every contract uses."""

import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Party(StrEnum):
    """The side a participant is on in one service on one day (metrics.md, 2)."""

    PROFESSIONAL = "professional"
    USER = "user"
    FAMILY_SOCIAL = "family_social"


LAY = frozenset({Party.USER, Party.FAMILY_SOCIAL})


class ParticipantKind(StrEnum):
    PERSON = "person"
    GROUP = "group"


class Phase(StrEnum):
    COMMISSION = "commission"
    DESIGN = "design"
    DELIVER = "deliver"
    ASSESS = "assess"


class Mode(StrEnum):
    """An opinion advises; an act does or binds."""

    ACT = "act"
    OPINION = "opinion"


class Choice(StrEnum):
    AGREE = "agree"
    DISAGREE = "disagree"
    PASS = "pass"  # noqa: S105 - a vote, not a password


class Scope(StrEnum):
    INDIVIDUAL = "individual"
    GROUP = "group"
    SERVICE = "service"
    SYSTEM = "system"


class Stage(StrEnum):
    PREVENTION = "prevention"
    EARLY_DETECTION = "early_detection"
    EARLY_HELP = "early_help"
    RESPONSE = "response"
    RECOVERY = "recovery"


class Knowledge(StrEnum):
    LIVED = "lived"
    PROFESSIONAL = "professional"


class Channel(StrEnum):
    ONLINE = "online"
    PAPER = "paper"
    PHONE = "phone"
    ASSISTED = "assisted"


class Level(StrEnum):
    """What a decision governs; its weight in H1 is 1, 2, 3 and 3."""

    OPERATIONAL = "operational"
    SERVICE = "service"
    STRATEGIC = "strategic"
    BUDGET = "budget"


class Outcome(StrEnum):
    """How a dispute ends: upheld voids the act, the other two let it count."""

    UPHELD = "upheld"
    REJECTED = "rejected"
    CORRECTED = "corrected"


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is outside the calendar") from None


def composed(text: str) -> str:
    """Return an agency's own id as it is looked at everywhere: é is one letter (NFC), not two."""
    return unicodedata.normalize("NFC", text)


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An instant, always held and written in UTC."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""A short public name: an agency, a system."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
"""An opaque id: printable ASCII without spaces."""

Token = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""An open, lower-case word, such as the kind of an act."""

Minutes = Annotated[int, Field(ge=1, le=1440, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]


class Message(BaseModel):
    """Immutable; unknown fields are ignored, so old consumers survive additive change."""

    model_config = ConfigDict(frozen=True, extra="ignore")
