"""Projector: folds the log into facts and directory, in the transaction of the positions."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import msgspec

from services.insights.facts.chunk import chunk_of
from services.insights.facts.dictionary import Codebook
from services.insights.facts.from_events import facts_of
from services.insights.projection.directory import ServiceInfo, described
from services.insights.projection.memory import Change, Live
from services.insights.projection.store import SOURCE_TOPICS, FactStore, Folded
from shared.consumer import Batch, Claim
from shared.contracts.fast_decode import FastMessage
from shared.contracts.registry import AgencyRegistered
from shared.contracts.topics import EXCHANGE_ACTIVITY, REGISTRY_SERVICES
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition

Code = Callable[[str, str], int]


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One event, decoded; ``key`` is the id of its service, or of its agency."""

    key: str
    position: int
    message: Message | FastMessage


@dataclass(frozen=True, slots=True)
class Effects:
    """What one batch does; ``changes`` by source, for the memory once it is committed."""

    folded: Folded
    changes: Mapping[TopicPartition, Sequence[Change]] = field(default_factory=dict)


NOTHING = Effects(Folded())


class Projector:
    """One projection's handler. Without ``live`` it only writes, as a rebuild does."""

    def __init__(self, store: FactStore, codebook: Codebook, live: Live | None) -> None:
        self._store = store
        self._codebook = codebook
        self._live = live
        self._services: dict[int, dict[str, ServiceInfo]] = {}
        self._effects = NOTHING  # of the batch whose transaction runs

    async def restore(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if claim.topic == REGISTRY_SERVICES.name:
                self._services[claim.partition] = await self._store.services(claim.partition)
        if self._live is not None:
            self._live.claim(
                {
                    TopicPartition(claim.topic, claim.partition): claim.position
                    for claim in claims
                    if claim.topic in SOURCE_TOPICS
                }
            )

    async def apply(self, connection: Connection, batch: Batch) -> None:
        heard = {
            source: [
                Heard(event.key, event.position, message)
                for event, message in zip(events, batch.messages[source], strict=True)
            ]
            for source, events in batch.events.items()
        }
        every = list(chain.from_iterable(heard.values()))
        made = iter(await self._codebook.coded_each(every, _change))
        changes = {
            source: [change for change in islice(made, len(events)) if change is not None]
            for source, events in heard.items()
        }
        folded = self._folded(heard, changes)
        if batch.story:
            folded = replace(folded, services=_retold(batch))
        self._effects = Effects(folded, changes)
        await self._store.save(connection, folded)

    async def committed(self, batch: Batch) -> None:
        effects, self._effects = self._effects, NOTHING
        by_partition: dict[int, dict[str, ServiceInfo]] = defaultdict(dict)
        for info in effects.folded.services.values():
            by_partition[info.partition][info.service_id] = info
        for partition, infos in by_partition.items():
            self._services.setdefault(partition, {}).update(infos)
        if self._live is None:
            return
        for source in batch.events if batch.replayed else ():
            self._live.fold_again(source.partition)
        for source, position in batch.positions.items():
            if source.topic in SOURCE_TOPICS:
                changes = effects.changes.get(source, ())
                self._live.apply(source, position, changes, by_partition[source.partition])

    async def forget(self, partitions: Sequence[TopicPartition]) -> None:
        for source in partitions:
            if source.topic == REGISTRY_SERVICES.name:
                self._services.pop(source.partition, None)
        if self._live is not None:
            self._live.forget(partitions)

    def _folded(
        self,
        heard: Mapping[TopicPartition, Sequence[Heard]],
        changes: Mapping[TopicPartition, Sequence[Change]],
    ) -> Folded:
        agencies: dict[str, AgencyRegistered] = {}
        services: dict[str, ServiceInfo] = {}
        for source, events in heard.items():
            if source.topic == EXCHANGE_ACTIVITY.name:
                continue  # only registry describes services and agencies
            known = self._services.get(source.partition, {})
            for one in events:
                if isinstance(one.message, AgencyRegistered):
                    agencies[one.message.agency_id] = one.message
                    continue
                before = services.get(one.key) or known.get(one.key)
                after = described(before, one.message)
                if after is not None and after is not before:
                    services[one.key] = after
        chunks = (
            chunk_of(source, [(change.position, change.facts) for change in made])
            for source, made in changes.items()
        )
        return Folded([chunk for chunk in chunks if chunk is not None], services, agencies)


def _retold(batch: Batch) -> dict[str, ServiceInfo]:
    """Return what registry says of the service of a late event: it can't be said out of order."""
    (event,) = chain.from_iterable(batch.events.values())
    info: ServiceInfo | None = None
    for message in batch.story:
        info = described(info, message)
    return {event.key: info} if info is not None else {}


def _change(one: Heard, code: Code) -> Change | None:
    facts = facts_of(one.message, code)
    return Change(one.key, one.position, facts) if facts else None
