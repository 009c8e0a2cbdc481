"""What insights knows of agencies and services themselves: a fold of registry's events."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from shared.contracts.registry import (
    AgencyRegistered,
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.topics import REGISTRY_SERVICES
from shared.log.partitioner import partition_of

ServiceEvent: TypeAlias = (
    ServiceRegistered
    | ServiceDescribed
    | ServiceClosed
    | ServiceProviderLinked
    | ServiceProviderUnlinked
)
DirectoryEvent: TypeAlias = AgencyRegistered | ServiceEvent


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """One public service as registry describes it now; ``providers``: beside its own agencies."""

    service_id: str
    partition: int
    agency_ids: tuple[str, ...]
    local_id: str | None
    name: str
    provides: str | None
    starts_on: date
    closed_on: date | None = None
    providers: tuple[str, ...] = ()


def described(info: ServiceInfo | None, event: object) -> ServiceInfo | None:
    """Return what is known after the event; other events than a service's change nothing.

    A change to a service that was never registered leaves it unknown: its registration may wait in
    quarantine, and the fold goes on.
    """
    match event:
        case ServiceRegistered():
            return ServiceInfo(
                service_id=event.service_id,
                partition=partition_of(event.service_id, REGISTRY_SERVICES.partitions),
                agency_ids=event.agency_ids,
                local_id=event.local_id,
                name=event.name,
                provides=event.provides,
                starts_on=event.starts_on,
            )
        case (
            ServiceDescribed()
            | ServiceClosed()
            | ServiceProviderLinked()
            | (ServiceProviderUnlinked())
        ):
            return None if info is None else _changed(info, event)
        case _:
            return info


def _changed(
    info: ServiceInfo,
    event: ServiceDescribed | ServiceClosed | ServiceProviderLinked | ServiceProviderUnlinked,
) -> ServiceInfo:
    match event:
        case ServiceDescribed():
            return replace(
                info, name=event.name, provides=event.provides, starts_on=event.starts_on
            )
        case ServiceClosed():
            return replace(info, closed_on=event.closed_on)
        case ServiceProviderLinked():
            linked = {*info.providers, event.organisation_id}
            return replace(info, providers=tuple(sorted(linked)))
        case ServiceProviderUnlinked():
            left = {*info.providers} - {event.organisation_id}
            return replace(info, providers=tuple(sorted(left)))
