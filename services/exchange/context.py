"""What is known when a command is built, and how exchange's commands say what they need."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from uuid_utils import uuid7

from services.exchange.directory.admission import SYSTEM, not_to_come
from services.exchange.directory.answer import DirectoryAnswer
from services.exchange.directory.lookup import DirectoryNeeds
from services.exchange.identity import Identity
from services.exchange.lookback import RelatedStreams, RowId
from shared.commands.context import CommandContext
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.eventstore.folding import Fold
from shared.eventstore.port import Stream

BY_LENGTH_MAX = 64  # of an id in an event; a system's name can be longer


class ExchangeNeeds(msgspec.Struct, frozen=True):
    """What a command needs to be known before it is built.

    ``stream(body)``: the stream beside its own that its rules ask about, and how that is folded.
    ``row(body)``: the row of another system that it is on. ``directory(asked, body, related)`` adds
    what it asks of registry.
    """

    stream: Callable[[Any], tuple[str, Fold] | None] = lambda _body: None
    row: Callable[[Any], RowId | None] = lambda _body: None
    directory: Callable[[DirectoryNeeds, Any, RelatedStreams], None] = lambda *_: None


def of_service(asked: DirectoryNeeds, body: Any, _related: RelatedStreams) -> None:
    """Ask for the service that the body names."""
    asked.services.add(body.service_id)


class ExchangeContext(CommandContext, frozen=True):
    """A submission with everything that exchange knows about it."""

    related: RelatedStreams
    directory: DirectoryAnswer
    identity: Identity

    @property
    def system(self) -> str:
        """Who acts when no participant does."""
        return f"{SYSTEM}{self.sender.system}"[:BY_LENGTH_MAX]

    def new_id(self, kind: str, local_id: str | None) -> str:
        """Return the id of what the sender calls ``local_id``; a fresh one where it has no name."""
        if local_id is None:
            return str(uuid7())
        return self.identity.other(kind, self.sender, local_id)

    def moment(self, named: datetime | None, follows: datetime) -> datetime:
        """Return when it happened: as named, else now.

        A clock that was set back since must not refuse a sender who named nothing: it then happened
        with what it ``follows``.

        Raises:
            Rejected: the moment named is to come.
        """
        if named is None:
            return max(self.now, follows)
        not_to_come(named, self.now)
        return named


def stream(stream_id: str, subject: str, service_id: str) -> Stream:
    """Return the stream of an aggregate that belongs to one service."""
    return Stream(stream_id, subject, EXCHANGE_ACTIVITY, service_id)
