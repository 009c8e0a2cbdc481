"""The town told straight to the fold: what the services would have made of its commands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from shared.contracts.exchange import (
    Act,
    ByParty,
    ChangeImplemented,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionVoided,
    DecisionTaken,
    DisputeResolved,
    FeedbackAnswered,
    FeedbackGiven,
    Receiver,
    ResourceAllocated,
)
from shared.contracts.registry import RoleAssumed
from shared.contracts.vocabulary import Message, Outcome, ParticipantKind, Party
from tools.town.chronicle import deeds_at, deeds_of_day, first_day
from tools.town.deed import Data, Deed
from tools.town.stories import STORIES
from tools.town.story import Story

OF_ACT = ("phase", "mode", "choice", "kind", "scope", "stage", "knowledge", "minutes", "channel")


@dataclass
class Codes:
    """The dictionary of codes that a fold keeps."""

    known: dict[tuple[str, str], int] = field(default_factory=dict)

    def __call__(self, kind: str, text: str) -> int:
        return self.known.setdefault((kind, text), len(self.known) + 1)


def state_of(story: Story, seed: int, today: date, live: list[Deed] | None = None) -> ServiceState:
    """Return a service's state after the town's past, and after what is given of its present."""
    state, codes = ServiceState(today), Codes()
    for event in told(story, seed, today, live):
        state.apply(facts_of(event, codes))
    return state


def told(story: Story, seed: int, today: date, live: list[Deed] | None = None) -> Iterator[Message]:
    """Yield the events that such a state is folded from."""
    start = first_day(story, today)
    for person, party in story.cast.parties():
        yield RoleAssumed(
            service_id=story.service,
            participant_id=person,
            participant_kind=ParticipantKind.PERSON,
            party=Party(party),
            since=start,
        )
    for deed in (*past(story, seed, start, today), *(live or ())):
        yield from events_of(deed, dict(story.cast.parties()))


def past(story: Story, seed: int, start: date, today: date) -> Iterator[Deed]:
    for number in range((today - start).days):
        yield from deeds_of_day(seed, story, start, start + timedelta(days=number))


def present(seed: int, today: date, count: int) -> dict[str, list[Deed]]:
    """Return what happens live, by service."""
    at = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
    deeds: dict[str, list[Deed]] = {}
    for number in range(count):
        for deed in deeds_at(seed, STORIES, str(number), at + timedelta(seconds=number)):
            deeds.setdefault(deed.service, []).append(deed)
    return deeds


def events_of(deed: Deed, parties: dict[str, str]) -> Iterator[Message]:
    first = deed.steps[0]
    match first.command:
        case "record-contribution":
            yield from _contribution(deed, _act(deed.key, first.data, parties))
        case "give-feedback":
            yield from _feedback(deed, parties)
        case "take-decision":
            yield from _decision(deed)


def _act(key: str, data: Data, parties: dict[str, str]) -> Act:
    return Act(
        contribution_id=key.replace("/", "-"),
        service_id=data["service_id"],
        occurred_at=data["occurred_at"],
        giver_id=data["giver_id"],
        giver_party=Party(parties[data["giver_id"]]),
        receivers=tuple(
            Receiver(participant_id=one, party=Party(parties[one]))
            for one in data.get("receivers", ())
        ),
        episode_id=data.get("episode_local_id"),
        recorded_by="system:town",
        **{name: data[name] for name in OF_ACT if name in data},
    )


def _contribution(deed: Deed, act: Act) -> Iterator[Message]:
    counted = False
    for step in deed.steps[1:]:
        told: dict[str, Any] = {"act": act, "by": step.data["by"]}
        match step.command:
            case "confirm-contribution":
                yield ContributionConfirmed(**told)
            case "dispute-contribution":
                yield ContributionDisputed(**told, reason_code="x", counted=counted)
            case "resolve-dispute":
                yield DisputeResolved(**told, outcome=Outcome(step.data["outcome"]))
            case "void-contribution":
                yield ContributionVoided(**told, reason_code="x", counted=counted)
            case "correct-contribution":
                after = act.model_copy(update=step.data["changes"])
                yield ContributionCorrected(before=act, after=after, by="x", counted=counted)
        counted = step.command == "confirm-contribution"


def _feedback(deed: Deed, parties: dict[str, str]) -> Iterator[Message]:
    given, *later = deed.steps
    about: dict[str, Any] = {
        "feedback_id": deed.key,
        "service_id": deed.service,
        "given_at": given.data["given_at"],
    }
    person = given.data["participant_id"]
    yield FeedbackGiven(**about, participant_id=person, party=Party(parties[person]))
    for step in later:
        if step.command == "answer-feedback":
            about["answered_at"] = step.data.get("answered_at", about["given_at"])
            yield FeedbackAnswered(**about, by=step.data["by"])
        else:
            told = {"implemented_at": about["answered_at"]} | step.data
            yield ChangeImplemented(**about, change_id=deed.key, **told)


def _decision(deed: Deed) -> Iterator[Message]:
    taken, *money = deed.steps
    votes = ByParty(**taken.data["voters"])
    lay = votes.user + votes.family_social
    yield DecisionTaken(
        decision_id=deed.key,
        service_id=deed.service,
        level=taken.data["level"],
        weights=votes,
        voters=votes,
        decided_at=taken.data["decided_at"],
    )
    for step in money:
        yield ResourceAllocated(
            allocation_id=deed.key,
            service_id=deed.service,
            amount=step.data["amount"],
            currency=step.data["currency"],
            lay_majority=lay > votes.professional,
            allocated_at=step.data["allocated_at"],
        )
