"""What is known when a command is built, and how registry's commands say what they need."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from shared.commands.context import CommandContext
from shared.contracts.vocabulary import ParticipantKind
from shared.eventstore.port import Provenance


class ExternalKey(NamedTuple):
    """What an agency's system calls a participant."""

    agency_id: str
    system: str
    local_id: str


class RegistryAnswer(msgspec.Struct, frozen=True):
    """What registry has registered of what was asked for.

    ``services`` maps to the last day of each; ``people`` to the participant of a local id.
    """

    agencies: frozenset[str]
    services: Mapping[str, date | None]
    kinds: Mapping[str, ParticipantKind]
    people: Mapping[ExternalKey, str]


class RegistryNeeds(msgspec.Struct, frozen=True):
    """What a command needs to be known before it is built, and what it may change for others.

    Each is asked of its body and its sender, ``role`` of the body alone.

    ``agency``: the agency that must exist. ``role``: the service and the participant that it
    brings together. ``person``: the local id that means a participant. ``changes``: the agency or
    the service of which commands after it may ask. ``unsaid``: columns of the read model that no
    event says, in groups; the first submission that says a group of a stream is believed.
    """

    agency: Callable[[Any, Provenance], str | None] = lambda *_: None
    role: Callable[[Any], tuple[str, str] | None] = lambda _: None
    person: Callable[[Any, Provenance], ExternalKey | None] = lambda *_: None
    changes: Callable[[Any, Provenance], str | None] = lambda *_: None
    unsaid: Callable[[Any, Provenance], Sequence[Mapping[str, object]]] = lambda *_: ()


class RegistryContext(CommandContext, frozen=True):
    """A submission with what registry knows about it."""

    known: RegistryAnswer
