"""Stamping: what somebody says they gave becomes an act that carries every fact a consumer needs.

Who giver and receivers were in that service on that day comes from registry, not from the sender.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec.structs import replace

from services.exchange.directory.admission import (
    SYSTEM,
    known_participant,
    open_service,
    party_held,
)
from services.exchange.directory.answer import DirectoryAnswer, Participant, Presence, Service
from shared.contracts.exchange import Act, DirectoryPosition, Receiver
from shared.contracts.vocabulary import ParticipantKind, Party
from shared.eventstore.port import Rejected

NAMESPACE = UUID("6f0c6f0a-3f1e-5c0b-9a53-52a1a3a0e0c1")
MINUTES_MAX = 1440
RECEIVERS_MAX = 1000


class Reason(StrEnum):
    MINUTES_OUT_OF_RANGE = "minutes_out_of_range"
    UNKNOWN_RECEIVER = "unknown_receiver"
    TOO_MANY_RECEIVERS = "too_many_receivers"
    OTHER_PARTY = "giver_party_differs"
    OTHER_KIND = "giver_kind_differs"
    RECEIVER_OF_OTHER_PARTY = "receiver_party_differs"


NATURE = (
    "phase",
    "mode",
    "choice",
    "kind",
    "scope",
    "stage",
    "knowledge",
    "minutes",
    "episode_id",
    "asset_id",
    "need_id",
    "offer_id",
    "channel",
)
"""Fields of an act that say what kind of act it was, as far as the sender says so."""


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An act before it is enriched; ``nature`` holds values by names of ``NATURE``.

    ``receivers`` may name persons and groups; registry knows which is which. ``giver_party``,
    ``giver_kind`` and ``receiver_party`` are what the sender believes: wrong beliefs are refused,
    not stored.
    """

    contribution_id: str
    service_id: str
    giver_id: str
    occurred_at: datetime
    recorded_by: str
    receivers: tuple[str, ...] = ()
    organisation_id: str | None = None
    giver_party: Party | None = None
    giver_kind: ParticipantKind | None = None
    receiver_party: Party | None = None
    nature: Mapping[str, Any] = {}

    @property
    def day(self) -> date:
        return self.occurred_at.astimezone(UTC).date()


def enrich(draft: Draft, directory: DirectoryAnswer, now: datetime) -> Act:
    """Return the act with everything that registry knew when it was decided.

    Raises:
        Rejected: a rule of admission or of this module says no.
    """
    minutes = draft.nature.get("minutes")
    if minutes is not None and not 1 <= minutes <= MINUTES_MAX:
        raise Rejected(Reason.MINUTES_OUT_OF_RANGE, minutes=minutes, minutes_max=MINUTES_MAX)
    service = open_service(directory, draft.service_id, draft.occurred_at, now)
    giver = known_participant(directory, draft.giver_id)
    party = _giver_party(draft, giver, directory)
    if not draft.recorded_by.startswith(SYSTEM):
        known_participant(directory, draft.recorded_by)
    organisation = _organisation(draft, service, directory)
    persons, groups = _receivers(draft, directory)
    return Act(
        contribution_id=draft.contribution_id,
        service_id=draft.service_id,
        occurred_at=draft.occurred_at,
        giver_id=draft.giver_id,
        giver_kind=giver.kind,
        giver_party=party,
        giver_org=organisation,
        giver_in_provider_org=_inside(organisation, party, service),
        receivers=persons,
        receiver_groups=groups,
        recorded_by=draft.recorded_by,
        directory=_decided_on(draft, service, directory),
        **draft.nature,
    )


def draft_of(act: Act, changes: Mapping[str, Any]) -> Draft:
    """Return the act as a draft with changes: names of ``Draft`` and ``NATURE`` to new values.

    Another giver belongs to another organisation, which is looked up anew unless it is named.
    """
    giver_stays = changes.get("giver_id", act.giver_id) == act.giver_id
    draft = Draft(
        contribution_id=act.contribution_id,
        service_id=act.service_id,
        giver_id=act.giver_id,
        occurred_at=act.occurred_at,
        recorded_by=act.recorded_by,
        receivers=(*(each.participant_id for each in act.receivers), *act.receiver_groups),
        organisation_id=act.giver_org if giver_stays else None,
        nature={name: changes.get(name, getattr(act, name)) for name in NATURE},
    )
    rest = {name: value for name, value in changes.items() if name not in NATURE}
    return replace(draft, **rest)


def organisation_named(name: str, agency: str, draft: Draft, directory: DirectoryAnswer) -> str:
    """Return the id that stands for an organisation in the log.

    Organisations that registry knows keep their name; any other gets an opaque id, because only its
    agency knows what the name says.
    """
    service = directory.services.get(draft.service_id)
    giver = directory.participants.get(draft.giver_id)
    public = set(directory.agencies)
    public |= service.providers if service else set()
    public |= {each.organisation_id for each in giver.affiliations} if giver else set()
    return name if name in public else f"org-{uuid5(NAMESPACE, f'organisation/{agency}/{name}')}"


def _giver_party(draft: Draft, giver: Participant, directory: DirectoryAnswer) -> Party:
    party = party_held(directory, Presence(draft.service_id, draft.giver_id, draft.day))
    if draft.giver_party not in {None, party}:
        raise Rejected(
            Reason.OTHER_PARTY, asserted=draft.giver_party, registered=party, day=draft.day
        )
    if draft.giver_kind not in {None, giver.kind}:
        raise Rejected(Reason.OTHER_KIND, asserted=draft.giver_kind, registered=giver.kind)
    return party


def _organisation(draft: Draft, service: Service, directory: DirectoryAnswer) -> str | None:
    """Return the one named, else an affiliation of that day: a provider's or employer's first."""
    if draft.organisation_id is not None:
        return draft.organisation_id
    held = sorted(
        directory.affiliations_on(draft.giver_id, draft.day),
        key=lambda each: (
            each.organisation_id not in service.providers,
            not each.employed,
            each.since,
            each.organisation_id,
        ),
    )
    return held[0].organisation_id if held else None


def _inside(organisation: str | None, party: Party, service: Service) -> bool | None:
    """Without a named organisation a professional is inside, and a lay person is not."""
    if not service.providers:
        return None
    if organisation is None:
        return party is Party.PROFESSIONAL
    return organisation in service.providers


def _receivers(
    draft: Draft, directory: DirectoryAnswer
) -> tuple[tuple[Receiver, ...], tuple[str, ...]]:
    """Return persons with their party, and groups, each once and by their ids.

    The order in which a sender names them is often that of its own ids for them.
    """
    named = sorted(set(draft.receivers))
    if len(named) > RECEIVERS_MAX:
        raise Rejected(Reason.TOO_MANY_RECEIVERS, receivers=len(named), receivers_max=RECEIVERS_MAX)
    persons: list[Receiver] = []
    groups: list[str] = []
    for receiver_id in named:
        known = directory.participants.get(receiver_id)
        if known is None:
            raise Rejected(Reason.UNKNOWN_RECEIVER, participant_id=receiver_id)
        party = directory.party_on(Presence(draft.service_id, receiver_id, draft.day))
        if draft.receiver_party not in {None, party}:
            raise Rejected(
                Reason.RECEIVER_OF_OTHER_PARTY,
                asserted=draft.receiver_party,
                registered=party,
                participant_id=receiver_id,
                day=draft.day,
            )
        if known.kind is ParticipantKind.GROUP:
            groups.append(receiver_id)
            continue
        persons.append(Receiver(participant_id=receiver_id, party=party))
    return tuple(persons), tuple(groups)


def _decided_on(
    draft: Draft, service: Service, directory: DirectoryAnswer
) -> tuple[DirectoryPosition, ...]:
    people = (draft.giver_id, *draft.receivers)
    seen = {service.seen, *(directory.participants[each].seen for each in people)}
    return tuple(sorted(seen, key=lambda each: (each.topic, each.partition, each.position)))
