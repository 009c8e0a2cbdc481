"""Builders with defaults for what a test does not care about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from services.exchange.contribution.enrichment import NATURE, Draft
from services.exchange.directory.answer import DirectoryAnswer, Participant, Role, Service
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionVoided,
    DirectoryPosition,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome, ParticipantKind, Party

C = TypeVar("C")
S = TypeVar("S")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = date(2026, 1, 1)
SEEN = DirectoryPosition(topic="registry.services.v1", partition=3, position=7)


@dataclass(frozen=True, slots=True)
class Scenario(Generic[C, S]):
    """``given`` a history, returns what a command decides after it."""

    decide: Callable[[C, S], list[Message]]
    evolve: Callable[[S, Message], S]
    initial: S

    def given(self, *history: Message) -> Callable[[C], list[Message]]:
        state = reduce(self.evolve, history, self.initial)
        return lambda command: self.decide(command, state)


def act(**changes: Any) -> Act:
    fields: dict[str, Any] = {
        "contribution_id": "c-1",
        "service_id": "library",
        "occurred_at": NOON,
        "giver_id": "ann",
        "giver_party": Party.USER,
        "minutes": 60,
        "recorded_by": "zoe",
    }
    return Act(**(fields | changes))


def draft(**changes: Any) -> Draft:
    plain = Draft("c-1", "library", "ann", NOON, "system:api")
    nature = {name: value for name, value in changes.items() if name in NATURE}
    rest = {name: value for name, value in changes.items() if name not in nature}
    return replace(plain, nature=nature, **rest)


def service(service_id: str = "library", **changes: Any) -> Service:
    return replace(Service(service_id, START, None, frozenset({"local"}), SEEN), **changes)


def person(participant_id: str, **changes: Any) -> Participant:
    plain = Participant(participant_id, ParticipantKind.PERSON, (), SEEN)
    return replace(plain, **changes)


def directory(**changes: Any) -> DirectoryAnswer:
    """The library, with its user ann, its neighbour bob, its librarian pat, and the group choir."""
    parties = {"ann": Party.USER, "bob": Party.FAMILY_SOCIAL, "pat": Party.PROFESSIONAL}
    parties["choir"] = Party.FAMILY_SOCIAL
    people = [person(each) for each in ("ann", "bob", "pat", "stranger")]
    people.append(person("choir", kind=ParticipantKind.GROUP))
    known = DirectoryAnswer(
        services={"library": service()},
        participants={each.participant_id: each for each in people},
        roles={("library", each): (Role(party, START, None),) for each, party in parties.items()},
    )
    return replace(known, **changes)


def kinds(events: Sequence[Message]) -> list[str]:
    return [type(event).__name__ for event in events]


def count(event: Message, counting: list[Act]) -> None:
    """Book the facts that a consumer reads in the event, without knowing what came before it."""
    match event:
        case ContributionConfirmed(act=fact):
            counting.append(fact)
        case DisputeResolved(act=fact, outcome=outcome) if outcome is not Outcome.UPHELD:
            counting.append(fact)
        case (
            ContributionDisputed(act=fact, counted=True)
            | ContributionVoided(act=fact, counted=True)
        ):
            counting.remove(fact)
        case ContributionCorrected(before=before, after=after, counted=True):
            counting.remove(before)
            counting.append(after)
        case _:
            pass
