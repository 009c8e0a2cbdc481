"""Facts: small integers that are everything insights knows of what happened.

One event becomes none, one or two facts. A fact is never changed: what takes an act back is the
same fact with the sign turned. Ids and open words stand as codes of a dictionary that the caller
keeps; codes are 1 or more, and 0 means none. Days count from 1970-01-01 (UTC).
"""

from datetime import UTC, date, datetime
from typing import TypeAlias

import msgspec

EPOCH = date(1970, 1, 1)
_EPOCH_ORDINAL = EPOCH.toordinal()
NO_MINUTES = -1
UNDATED = date.min.toordinal() - _EPOCH_ORDINAL
"""The day of what no event dates: it holds whatever the as-of day."""

# Position in these tuples, from 1, is what is stored: append only. 0 is blank.
PARTIES = ("professional", "user", "family_social")
PHASES = ("commission", "design", "deliver", "assess")
MODES = ("act", "opinion")
CHOICES = ("agree", "disagree", "pass")
SCOPES = ("individual", "group", "service", "system")
STAGES = ("prevention", "early_detection", "early_help", "response", "recovery")
KNOWLEDGES = ("lived", "professional")
CHANNELS = ("online", "paper", "phone", "assisted")
LEVELS = ("operational", "service", "strategic", "budget")
CHANGE_LEVELS = ("process", "role", "policy", "budget")
PROVISIONS = ("agency", "linked", "unlinked")
AGENCY, LINKED, UNLINKED = 1, 2, 3
_KINDS_OF_ROLE_SHIFT = ("train", "facilitate", "connect", "co_deliver")
_KINDS_OF_CORE_ECONOMY = ("family", "care", "group_wellbeing", "neighbourhood", "civic")
KINDS = (*_KINDS_OF_ROLE_SHIFT, *_KINDS_OF_CORE_ECONOMY)
OPEN_KINDS_FROM = 64
"""The kinds that a definition names are numbered above; any other is 64 + its code."""


class _Fact(msgspec.Struct, frozen=True, gc=False):
    """``service``: code; ``day``: the event's, which windows and as-of go by; ``sign``: 1 or -1."""

    service: int
    day: int
    sign: int


class ActFact(_Fact, frozen=True, gc=False):
    """One confirmed act. ``receivers``: (person, party or 0) in the act's order, giver left out."""

    giver: int
    giver_group: int
    party: int
    phase: int
    mode: int
    kind: int
    choice: int
    scope: int
    stage: int
    knowledge: int
    channel: int
    minutes: int
    organisation: int
    episode: int
    receiver_groups: int
    receivers: tuple[tuple[int, int], ...]


class RoleFact(_Fact, frozen=True, gc=False):
    """A participant is registered with a party from ``day`` on."""

    participant: int
    group: int
    party: int


class ProviderFact(_Fact, frozen=True, gc=False):
    """An organisation is the service's agency, or was linked to it or unlinked; ``UNDATED``."""

    organisation: int
    provision: int


class DecisionFact(_Fact, frozen=True, gc=False):
    level: int
    weight_professional: int
    weight_user: int
    weight_family_social: int
    voters_professional: int
    voters_user: int
    voters_family_social: int


class AllocationFact(_Fact, frozen=True, gc=False):
    """``lay``: 1 where the deciding vote had a lay majority or a lay party is steward."""

    amount: int
    currency: int
    lay: int


class FeedbackFact(_Fact, frozen=True, gc=False):
    """``day`` is the day it was given."""

    feedback: int
    participant: int
    party: int
    score: int
    trust: int
    respect: int


class AnswerFact(_Fact, frozen=True, gc=False):
    """``day`` is the day of the answer."""

    feedback: int
    given_day: int


class ChangeFact(_Fact, frozen=True, gc=False):
    """``day`` is the day the change was in place."""

    feedback: int
    level: int
    given_day: int
    answered_day: int


class ConsultationFact(_Fact, frozen=True, gc=False):
    opened: int


class WaitingFact(_Fact, frozen=True, gc=False):
    """An act of ``day`` that does not count yet; ``due``: from which day it will, 0 if disputed."""

    due: int


Fact: TypeAlias = (
    ActFact
    | RoleFact
    | DecisionFact
    | AllocationFact
    | FeedbackFact
    | AnswerFact
    | ChangeFact
    | ConsultationFact
    | WaitingFact
    | ProviderFact
)


def day_number(moment: datetime | date) -> int:
    """Return the UTC day, counted from 1970-01-01."""
    if isinstance(moment, datetime) and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.toordinal() - _EPOCH_ORDINAL


def turned(fact: Fact) -> Fact:
    """Return the fact that takes this one back."""
    return msgspec.structs.replace(fact, sign=-fact.sign)
