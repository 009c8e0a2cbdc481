"""The columns of a contributions file, and how the text of each is read."""

import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from integrations.identifier import local_id, refuse_nothing
from integrations.moment import as_text, parse_moment
from integrations.text import closest
from integrations.translator import InvalidValue
from shared.contracts import vocabulary
from shared.contracts.exchange import RECEIVERS_MAX

REQUIRED = ("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party")
OPTIONAL = (
    "giver_kind",
    "receiver_ids",
    "receiver_kind",
    "receiver_party",
    "minutes",
    "phase",
    "mode",
    "choice",
    "kind",
    "scope",
    "stage",
    "knowledge",
    "episode_id",
    "organisation_id",
    "channel",
    "status",
    "revised_at",
)
COLUMNS = REQUIRED + OPTIONAL
RECEIVERS_SEPARATOR = "|"
MINUTES_MAX = 1440
MOMENTS_REMEMBERED = 1_000

_TOKEN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WHOLE = re.compile(r"([1-9][0-9]*)(?:\.0+)?")

Parse = Callable[[str], Any]


class ImportedStatus(StrEnum):
    """The status that a record gives a contribution."""

    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    VOIDED = "voided"


def parsers(timezone: ZoneInfo, now: datetime, *, days: bool = False) -> dict[str, Parse]:
    """Return how each column is read; a parser raises ``InvalidValue``.

    ``days``: what happened at midnight happened on that day, at no time that anybody knows.
    """

    @lru_cache(maxsize=MOMENTS_REMEMBERED)  # neighbours in a file often have the same
    def occurred(text: str) -> str:
        return as_text(parse_moment(text, timezone, now, days=days))

    @lru_cache(maxsize=MOMENTS_REMEMBERED)
    def revised(text: str) -> str:
        return as_text(parse_moment(text, timezone, now))

    return {
        "contribution_id": local_id,
        "service_id": local_id,
        "occurred_at": occurred,
        "giver_id": local_id,
        "giver_party": one_of(vocabulary.Party),
        "giver_kind": one_of(vocabulary.ParticipantKind),
        "receiver_ids": receivers,
        "receiver_kind": one_of(vocabulary.ParticipantKind),
        "receiver_party": one_of(vocabulary.Party),
        "minutes": minutes,
        "phase": one_of(vocabulary.Phase),
        "mode": one_of(vocabulary.Mode),
        "choice": one_of(vocabulary.Choice),
        "kind": token,
        "scope": one_of(vocabulary.Scope),
        "stage": one_of(vocabulary.Stage),
        "knowledge": one_of(vocabulary.Knowledge),
        "episode_id": local_id,
        "organisation_id": local_id,
        "channel": one_of(vocabulary.Channel),
        "status": one_of(ImportedStatus),
        "revised_at": revised,
    }


def one_of(words: type[StrEnum]) -> Parse:
    """Accept a word of a closed list in any case."""
    known = {word.value: word.value for word in words}
    listed = ", ".join(known)

    def parse(text: str) -> str:
        word = known.get(text) or known.get(text.lower())
        if word is None:
            near = closest(text.lower(), known)
            meant = f"; {near} is the closest" if near else ""
            raise InvalidValue("it is not one of the words for this column", f"use {listed}{meant}")
        return word

    return parse


def receivers(text: str) -> list[str]:
    """Return distinct ids in the order of the cell."""
    ids = dict.fromkeys(part.strip() for part in text.split(RECEIVERS_SEPARATOR))
    ids.pop("", None)
    if len(ids) > RECEIVERS_MAX:
        raise InvalidValue(
            f"it names {len(ids)} receivers, more than {RECEIVERS_MAX}",
            "name the group instead, with receiver_kind group",
        )
    return list(dict.fromkeys(local_id(one) for one in ids))


def minutes(text: str) -> int:
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        raise InvalidValue(
            f"minutes go from 1 to {MINUTES_MAX}, in whole numbers",
            f"write whole minutes from 1 to {MINUTES_MAX}, or leave it empty if unknown",
        )
    # a number of absurd length is not worth converting
    if len(whole[1]) > 4 or int(whole[1]) > MINUTES_MAX:
        raise InvalidValue(
            f"it is more than a day ({MINUTES_MAX} minutes)",
            "split it into one row for each day, or leave it empty if unknown",
        )
    return int(whole[1])


def token(text: str) -> str:
    refuse_nothing(text)
    if _TOKEN.fullmatch(text):
        return text
    offer = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40]
    example = f", for instance {offer}" if _TOKEN.fullmatch(offer) else ""
    raise InvalidValue(
        "it is not a lower-case word",
        f"use lower-case letters, digits and _ (at most 40){example}",
    )
