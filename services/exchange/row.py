"""Rows of an agency's own system: each becomes one contribution, wherever the row was before.

A row that moved to another service voids the contribution it was and records a new one, of a new
id, because the events of a contribution belong to one service for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from services.exchange import request
from services.exchange.domain import contribution
from services.exchange.domain.contribution import Reason
from services.exchange.domain.life import State, Status, Unknown, Voided
from services.exchange.domain.stamping import stamp
from services.exchange.domain.synchronisation import Effect, Synchronise, effect, synchronise
from services.exchange.giving import drafted, on_contribution
from services.exchange.known import Place
from services.exchange.plan import Case, command
from services.exchange.projection import Moved
from services.exchange.statement import digest_of
from shared.contracts.exchange import ContributionRecorded
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Answer, Command, Rejected, Settled
from shared.http.command import entity_tag

MOVED = "moved_to_another_service"


class Misplaced(Exception):
    """Since it was looked up where a row stands, another request has moved it."""


class Row(msgspec.Struct, frozen=True):
    """A row, stamped; ``origin_id`` is the id of the contribution that the row became first."""

    body: request.SynchroniseContribution
    case: Case
    asked: Synchronise
    origin_id: str


def read(body: request.SynchroniseContribution, case: Case) -> Row:
    origin_id = case.past.origins[case.sender.agency, case.sender.system, body.local_id]
    act = stamp(drafted(body, origin_id, case.system, case), case.directory, case.now)
    asked = Synchronise(act, body.status, case.system, case.now, body.revised_at)
    return Row(body, case, asked, origin_id)


@dataclass(slots=True)
class Sheet:
    """Where the rows of a batch stand, as far as it has been gone through.

    ``last``: a row that stands elsewhere after all is refused, and not looked up once more.
    ``touched``: streams that commands of the batch may have moved on since they were looked up.
    """

    places: dict[str, Place]
    last: bool = False
    moved: dict[str, Moved] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def moves(self, row: Row) -> bool:
        """Whether the row leaves the service it was in; stale and voided rows stay there."""
        place = self.places.get(row.origin_id)
        if place is None or place.service_id == row.body.service_id:
            return False
        stale = (
            row.body.revised_at is not None
            and place.revised_at is not None
            and row.body.revised_at <= place.revised_at
        )
        return not stale and row.body.status is not Status.VOIDED

    def settled(self, row: Row) -> Settled | None:
        """Return the answer to a row that says what it said last: it adds nothing.

        That is so whatever people did to the contribution since (``domain.synchronisation``).
        """
        place, context = self.places.get(row.origin_id), row.case.order.context
        if (
            place is None
            or place.service_id != row.body.service_id
            or not _says_the_same(row, place)
        ):
            return None
        stream_id = contribution.stream_id(place.contribution_id)
        if stream_id in self.touched or context.expected_version is not None:
            return None
        told = _told(place, Effect.UNCHANGED) | {"version": place.version}
        answer = Answer(200, told, entity_tag(place.version))
        return Settled(stream_id, place.version, answer, context.idempotency)

    def commands(self, row: Row) -> list[Command[Any]]:
        """Return what makes the contribution what the row says; the last answer is the row's."""
        before = self.places.get(row.origin_id)
        if before is None or not self.moves(row):
            place = before or Place(row.origin_id, row.body.service_id, None, 0)
            self._put(row, place)
            return [self._synchronising(row, place)]
        self.touched.add(contribution.stream_id(before.contribution_id))
        moves = before.moves + 1
        contribution_id = row.case.identity.contribution(row.case.sender, row.body.local_id, moves)
        place = Place(contribution_id, row.body.service_id, before.revised_at, moves)
        self.moved[contribution_id] = Moved(row.origin_id, moves)
        self._put(row, place)
        return [_leaving(row, before), self._synchronising(row, place)]

    def repeat(self, row: Row) -> Command[Any]:
        """Return a command for a row that was answered before; it moves nothing."""
        return self._synchronising(row, self.places[row.origin_id])

    def _put(self, row: Row, place: Place) -> None:
        revised_at = max(filter(None, (row.body.revised_at, place.revised_at)), default=None)
        voided = place.voided or row.body.status is Status.VOIDED
        self.places[row.origin_id] = replace(place, revised_at=revised_at, voided=voided)
        self.touched.add(contribution.stream_id(place.contribution_id))

    def _synchronising(self, row: Row, place: Place) -> Command[Any]:
        asked, moved = row.asked, place.moves > 0
        if moved:
            act = asked.act.model_copy(update={"contribution_id": place.contribution_id})
            asked = replace(asked, act=act)

        def decide(state: State) -> list[Message]:
            self._find(place, state)
            return synchronise(asked, state)

        def told(state: Any, events: Any) -> Mapping[str, Any]:
            done = effect(asked, events, state)
            anew = moved and any(isinstance(event, ContributionRecorded) for event in events)
            return _told(place, Effect.MOVED if anew else done)

        plan = on_contribution(place.contribution_id, place.service_id, decide)
        ends = asked.status is Status.VOIDED
        return command(replace(plan, told=told, ends=ends), row.case)

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


def _says_the_same(row: Row, place: Place) -> bool:
    at, seen = row.body.revised_at, place.revised_at
    if place.stated_status != row.body.status or (at is not None and (seen is None or at > seen)):
        return False
    return place.stated_digest == digest_of(row.asked.act)


def _told(place: Place, done: Effect) -> dict[str, Any]:
    return {
        "contribution_id": place.contribution_id,
        "service_id": place.service_id,
        "effect": done,
    }


def _leaving(row: Row, place: Place) -> Command[Any]:
    asked = contribution.Void(row.case.system, MOVED)
    plan = on_contribution(
        place.contribution_id, place.service_id, partial(contribution.decide, asked)
    )
    leaving = command(replace(plan, ends=True), row.case)
    return replace(leaving, idempotency=None, expected_version=None)
