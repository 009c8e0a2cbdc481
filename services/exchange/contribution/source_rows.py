"""Rows of an agency's own system: each becomes one contribution, wherever the row was before.

A row that moves to another service voids the contribution it was and records a new one, of a new
id, because the events of a contribution belong to one service for ever. It moves only if its sender
says so. A row that its own system had voided and gives again is recorded anew as well, because what
is void stays void.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import msgspec
from msgspec.structs import replace

from services.exchange.context import ExchangeContext
from services.exchange.contribution import bodies
from services.exchange.contribution import rules as contribution
from services.exchange.contribution.building import drafted, on_contribution
from services.exchange.contribution.enrichment import NATURE, enrich
from services.exchange.contribution.life import State, Status, Unknown, Voided
from services.exchange.contribution.read_model import GONE, Moved, Origin
from services.exchange.contribution.rules import Reason
from services.exchange.contribution.statement import digest_of
from services.exchange.contribution.synchronisation import (
    Effect,
    Synchronise,
    changed,
    effect,
    is_stale,
    retract,
    synchronise,
)
from services.exchange.lookback import Place, RelatedStreams, RowId
from shared.commands.plan import command, refusal
from shared.commands.service import Outdated
from shared.contracts.exchange import ContributionCorrected
from shared.contracts.vocabulary import Message
from shared.eventstore.handling import Foreseen
from shared.eventstore.port import Answer, Command, Rejected, Settled
from shared.http.submission import Submission, entity_tag

MOVED = "moved_to_another_service"
_FIELDS_SAID_BY = {
    "organisation_id": {"giver_org"},
    "receivers": {"receivers", "receiver_groups"},
    "receiver_groups": {"receivers", "receiver_groups"},
    "episode_local_id": {"episode_id"},
}


class Misplaced(Outdated):
    """Since it was looked up where a row stands, another request has moved it."""


class SourceRow(msgspec.Struct, frozen=True):
    """A row, enriched; ``origin_id`` is the id of the contribution that the row became first."""

    body: bodies.SynchroniseContribution
    context: ExchangeContext
    asked: Synchronise
    origin_id: str

    @property
    def stands_without_scope(self) -> bool:
        """Whether its system sent the very same when it did not say what the id is unique in."""
        if self.body.id_scope is None:
            return False
        related, without = self.context.related, RowId(self.body.local_id, None)
        place = related.places.get(related.origin_id(self.context.sender, without))
        return place is not None and not place.voided and _says_the_same(self, place)


class Outlook(msgspec.Struct, frozen=True):
    """What a row would do. ``stands``: it became a contribution before; ``row``: as enriched."""

    stands: bool
    foreseen: Foreseen | None = None
    row: SourceRow | None = None


def read(body: bodies.SynchroniseContribution, context: ExchangeContext) -> SourceRow:
    """Return the row with its act as registry knows those in it today.

    Raises:
        Rejected: a rule of admission or of enrichment says no.
    """
    origin_id = context.related.origin_id(context.sender, row_id(body))
    draft = drafted(body, origin_id, context.system, context)
    if body.receiver_party is not None:
        draft = replace(draft, receiver_party=body.receiver_party)
    act = enrich(draft, context.directory, context.now)
    said = frozenset(body.model_fields_set)
    status = (body.status or Status.CONFIRMED) if "status" in said else None
    asked = Synchronise(act, status, context.system, context.now, body.revised_at, _silent(said))
    return SourceRow(body, context, asked, origin_id)


def row_id(body: bodies.SynchroniseContribution | bodies.RetractContribution) -> RowId:
    return RowId(body.local_id, body.id_scope)


def stands(submission: Submission, related: RelatedStreams) -> bool:
    """Whether the row of the submission became a contribution before."""
    sender, body = submission.context.provenance, submission.body
    if not isinstance(body, bodies.SynchroniseContribution):
        return False
    return related.origin_id(sender, row_id(body)) in related.places


def withdraw(body: bodies.RetractContribution, context: ExchangeContext) -> Command[Any]:
    """Return the command that voids what a row stands for, wherever that is.

    Raises:
        Rejected: the sender never sent such a row.
    """
    origin_id = context.related.origin_id(context.sender, row_id(body))
    place = context.related.places.get(origin_id)
    if place is None:
        raise Rejected(Reason.UNKNOWN)

    def told(_state: Any, events: Sequence[Message]) -> Mapping[str, Any]:
        return _told(place, Effect.VOIDED if events else Effect.UNCHANGED)

    decide = partial(retract, context.system)
    plan = on_contribution(place.contribution_id, place.service_id, decide)
    return command(replace(plan, told=told), context)


@lru_cache(maxsize=1_000)  # the rows of a file say the same few sets of fields
def _silent(said: frozenset[str]) -> frozenset[str]:
    """Return the fields of the act that a row with these fields does not speak of."""
    spoken = said.union(*(_FIELDS_SAID_BY.get(name, ()) for name in said))
    return frozenset({*NATURE, "giver_org", "receivers", "receiver_groups"} - spoken)


@dataclass(slots=True)
class Placement:
    """Where the rows of a batch stand, as far as it has been gone through.

    ``last``: a row that stands elsewhere after all is refused, and not looked up once more.
    ``touched``: streams that commands of the batch may have moved on since they were looked up.
    """

    places: dict[str, Place]
    last: bool = False
    moved: dict[str, Moved] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def anew(self, row: SourceRow) -> Effect | None:
        """Return why the row becomes another contribution; stale and voided rows never do."""
        place = self.places.get(row.origin_id)
        if place is None or row.body.status is Status.VOIDED or _stale(row, place):
            return None
        if _comes_back(row, place):
            return Effect.RESTORED
        return None if place.service_id == row.body.service_id else Effect.MOVED

    def settled(self, row: SourceRow) -> Settled | None:
        """Return the answer to a row that says what it said last: it adds nothing.

        That is so whatever people did to the contribution since (``synchronisation``).
        """
        place, context = self.places.get(row.origin_id), row.context.submission.context
        if place is None or self.anew(row) or not _says_the_same(row, place):
            return None
        stream_id = contribution.stream_id(place.contribution_id)
        if stream_id in self.touched or context.expected_version is not None:
            return None
        told = _told(place, Effect.UNCHANGED) | {"version": place.version}
        answer = Answer(200, told, entity_tag(place.version))
        return Settled(stream_id, place.version, answer, context.idempotency)

    def commands(self, row: SourceRow) -> list[Command[Any]]:
        """Return what makes the contribution what the row says; the last answer is the row's."""
        before = self.places.get(row.origin_id)
        anew = self.anew(row)
        if before is None and row.stands_without_scope:
            return [refusal(Rejected(Reason.STANDS_WITHOUT_SCOPE), row.context.submission)]
        if before is None or anew is None:
            place = before or Place(row.origin_id, row.body.service_id, None, 0)
            self._put(row, place)
            return [self._synchronising(row, place)]
        if anew is Effect.MOVED and not row.body.move:
            stands = Rejected(Reason.STANDS_ELSEWHERE, stands_in=before.service_id)
            return [refusal(stands, row.context.submission)]
        self.touched.add(contribution.stream_id(before.contribution_id))
        place = self._next_place(row, before)
        self._put(row, place)
        return [_leaving(row, before), self._synchronising(row, place, anew, before)]

    def repeat(self, row: SourceRow) -> Command[Any]:
        """Return a command for a row that was answered before; it moves nothing."""
        return self._synchronising(row, self.places[row.origin_id])

    def _next_place(self, row: SourceRow, before: Place) -> Place:
        moves, sender, body = before.moves + 1, row.context.sender, row.body
        contribution_id = row.context.identity.contribution(
            sender, body.local_id, moves, body.id_scope
        )
        self.moved[contribution_id] = Moved(row.origin_id, moves)
        return Place(contribution_id, body.service_id, before.revised_at, moves)

    def _put(self, row: SourceRow, place: Place) -> None:
        revised_at = max(filter(None, (row.body.revised_at, place.revised_at)), default=None)
        self.places[row.origin_id] = replace(
            place,
            revised_at=revised_at,
            voided=place.voided or row.asked.status is Status.VOIDED,
            stated_status=row.asked.status or place.stated_status,
        )
        sender = row.context.sender
        self.origins[place.contribution_id] = Origin(
            sender.source, row.body.id_scope, row.body.local_id
        )
        self.touched.add(contribution.stream_id(place.contribution_id))

    def _synchronising(
        self, row: SourceRow, place: Place, anew: Effect | None = None, before: Place | None = None
    ) -> Command[Any]:
        """Return the command for a row in its place; ``before``: where it was until now."""
        asked = row.asked
        if place.moves > 0:
            act = asked.act.model_copy(update={"contribution_id": place.contribution_id})
            asked = replace(asked, act=act, replaces=before and before.contribution_id)

        def decide(state: State) -> list[Message]:
            self._find(place, state)
            if _would_move(asked, state):
                raise Rejected(Reason.STANDS_ELSEWHERE, stands_in=place.service_id)
            return synchronise(asked, state)

        def told(state: Any, events: Sequence[Message]) -> Mapping[str, Any]:
            done = effect(asked, events, state)
            answer = _told(place, anew if anew and done is Effect.RECORDED else done)
            return answer | _changes(events)

        plan = on_contribution(place.contribution_id, place.service_id, decide)
        ends = asked.status is Status.VOIDED
        return command(replace(plan, told=told, ends=ends), row.context)

    def _find(self, place: Place, state: State) -> None:
        """Let pass a contribution that is where its row was taken to stand.

        Raises:
            Misplaced: it came to be in another service, or was left for one.
            Rejected: the same, and this is the last look.
        """
        if isinstance(state, Unknown):
            return
        elsewhere = state.act.service_id != place.service_id
        if elsewhere and self.last:
            raise Rejected(Reason.ALREADY_RECORDED, contribution_id=place.contribution_id)
        left = isinstance(state, Voided) and not place.voided
        if elsewhere or (left and not self.last):
            raise Misplaced(place.contribution_id)


def _would_move(asked: Synchronise, state: State) -> bool:
    """Whether the row would take its contribution to another service within one stream.

    That is so where a newer row before it in the batch kept it in its place, and was then refused.
    """
    if isinstance(state, Unknown | Voided) or asked.status is Status.VOIDED:
        return False
    return state.act.service_id != asked.act.service_id and not is_stale(asked, state)


def _stale(row: SourceRow, place: Place) -> bool:
    at, seen = row.body.revised_at, place.revised_at
    return at is not None and seen is not None and at <= seen


def _comes_back(row: SourceRow, place: Place) -> bool:
    """Whether the row's own system voided it, and gives it again."""
    if not place.voided:
        return False
    said_void = place.stated_status == Status.VOIDED and row.asked.status is not None
    return said_void or place.stated_status == GONE


def _changes(events: Sequence[Message]) -> dict[str, Any]:
    """Return the names of the fields that were corrected, if some were."""
    for event in events:
        if isinstance(event, ContributionCorrected):
            return {"changes": changed(event.before, event.after)}
    return {}


def _says_the_same(row: SourceRow, place: Place) -> bool:
    at, seen = row.body.revised_at, place.revised_at
    if row.asked.status not in {None, place.stated_status}:
        return False
    if at is not None and (seen is None or at > seen):
        return False
    return place.stated_digest == digest_of(row.asked.act)


def _told(place: Place, done: Effect) -> dict[str, Any]:
    return {
        "contribution_id": place.contribution_id,
        "service_id": place.service_id,
        "effect": done,
    }


def _leaving(row: SourceRow, place: Place) -> Command[Any]:
    decide = partial(contribution.decide, contribution.Void(row.context.system, MOVED))
    plan = on_contribution(place.contribution_id, place.service_id, decide)
    leaving = command(replace(plan, ends=True), row.context)
    return replace(leaving, idempotency=None, expected_version=None)
