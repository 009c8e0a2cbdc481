"""Asks registry about the services and people of a file, and registers those that it lacks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from tools.bulk import CommandOutcome, Envelope, ServiceClient, batches, command
from tools.importing.directory import PartyPeriod, PersonFound, ServiceFound
from tools.importing.spool import Spool
from tools.terminal.failure import Failure

COMMAND = "org.coprod.registry."
SERVICES_MAX = 1_000
# What registry says of something that stands already, whoever made it: nothing is missing then.
_STANDS_ALREADY = frozenset({"agency_registered_otherwise", "service_registered_otherwise"})


class Source(NamedTuple):
    """Who the ids of a file belong to: an agency, and the system that the file came out of."""

    agency: str
    system: str

    @property
    def path(self) -> str:
        return f"/agencies/{self.agency}/systems/{self.system}"


@dataclass
class RegisteredCounts:
    """How many a run has registered."""

    services: int = 0
    participants: int = 0
    roles: int = 0


async def look_up(spool: Spool, registry: ServiceClient, source: Source) -> None:
    """Store in the spool what registry knows of the services and people of the file."""
    services = await _look_up_services(spool, registry, source)
    await _look_up_people(spool, registry, source)
    for service in services:
        await _look_up_parties(spool, registry, service)


async def register(spool: Spool, registry: ServiceClient, source: Source) -> RegisteredCounts:
    """Register what the check of the rows planned: services, then people, then their parties.

    Raises:
        Failure: registry refuses one of them.
    """
    registration = _Registration(spool, registry, source)
    await registration.services()
    await registration.people()
    await registration.parties()
    return registration.done


class _Registration:
    def __init__(self, spool: Spool, registry: ServiceClient, source: Source) -> None:
        self._spool, self._registry, self._source = spool, registry, source
        self._directory = spool.directory
        self._run = uuid4().hex
        self._sent = 0
        self.done = RegisteredCounts()

    async def services(self) -> None:
        wanted = self._directory.wanted_services()
        new = sum(1 for one in wanted if one.service_id is None)
        if new:
            agency = {"agency_id": self._source.agency, "name": self._source.agency}
            _check(await self._send([self._command("register-agency", agency, None)]))
        _check(await self._send(self._service(one) for one in wanted))
        self.done.services += new
        await _look_up_services(self._spool, self._registry, self._source)

    async def people(self) -> None:
        for page in self._directory.wanted_people():
            outcomes = await self._send(
                self._command(
                    "register-participant", {"local_id": one.local_id, "kind": one.kind}, one
                )
                for one in page
            )
            self._directory.found_people(
                replace(outcome.about, participant_id=outcome.body["participant_id"])
                for outcome in _check(outcomes)
            )
            self.done.participants += len(outcomes)

    async def parties(self) -> None:
        for page in self._directory.wanted_periods():
            # one that registry refuses leaves its rows without a party, and exchange tells which
            outcomes = await self._send(self._party(*one) for one in page)
            self.done.roles += sum(1 for one in outcomes if one.about == "new" and not one.problem)

    def _service(self, service: ServiceFound) -> Envelope:
        if service.service_id is not None:
            moved = {"service_id": service.service_id, "starts_on": service.begins}
            return self._command("move-service-start", moved, service)
        new = {"local_id": service.local_id, "name": service.local_id}
        start = {"starts_on": service.begins, "imported": True}
        return self._command("register-service", {**new, **start}, service)

    def _party(self, service: str, person: str, period: PartyPeriod) -> Envelope:
        data = {
            "service_id": self._directory.service(service).service_id,
            "participant_id": self._directory.person(person).participant_id,
            "party": period.party,
            "since": period.begins,
        }
        if period.planned:
            return self._command("assume-role", data, "new")
        return self._command("move-role-start", data, "moved")

    def _command(self, kind: str, data: dict[str, Any], about: object) -> Envelope:
        # The key is this run's: what a file says today may be what it said before last, and that
        # has to be done again rather than answered from memory.
        self._sent += 1
        key = f"{self._run}-{self._sent}"
        return Envelope(command(self._source.path, key, COMMAND + kind, data), about)

    async def _send(self, envelopes: Iterable[Envelope]) -> list[CommandOutcome]:
        outcomes: list[CommandOutcome] = []
        for batch in batches(envelopes):
            outcomes.extend(await self._registry.commands(batch))
        return outcomes


async def _look_up_services(
    spool: Spool, registry: ServiceClient, source: Source
) -> list[ServiceFound]:
    """Return the services that registry knows, by the agency's own id or by registry's."""
    found = []
    for page in _pages(spool.directory.service_ids()):
        answer = await registry.post("/v1/directory/lookup", _question(source, services=page))
        for local_id in page:
            told = answer["services"].get(local_id) or await _by_its_own_id(local_id, registry)
            if told is not None:
                found.append(
                    _service_found(local_id, told, spool.directory.service(local_id).begins)
                )
                spool.directory.found_service(found[-1])
    return found


async def _by_its_own_id(service_id: str, registry: ServiceClient) -> dict[str, Any] | None:
    try:
        UUID(service_id)
    except ValueError:
        return None
    found = await registry.get(f"/v1/services/{service_id}")
    return None if found is None else dict(found)


def _service_found(local_id: str, told: dict[str, Any], begins: str | None) -> ServiceFound:
    return ServiceFound(
        local_id,
        told["service_id"],
        told["starts_on"],
        told.get("closed_on"),
        bool(told.get("imported", False)),
        begins,
    )


async def _look_up_people(spool: Spool, registry: ServiceClient, source: Source) -> None:
    for page in spool.directory.person_ids():
        answer = await registry.post("/v1/directory/lookup", _question(source, people=page))
        spool.directory.found_people(
            PersonFound(local_id, told["kind"], told["participant_id"])
            for local_id, told in answer["participants"].items()
        )


async def _look_up_parties(spool: Spool, registry: ServiceClient, service: ServiceFound) -> None:
    for members in spool.directory.members(service.local_id):
        question = {"service_id": service.service_id, "participant_ids": list(members)}
        answer = await registry.post("/v1/directory/roles", question)
        for participant_id, periods in answer["roles"].items():
            for one in periods:
                period = PartyPeriod(one["since"], one["until"], one["party"])
                spool.directory.put_period(service.local_id, members[participant_id], period)


def _question(
    source: Source, services: Iterable[str] = (), people: Iterable[str] = ()
) -> dict[str, Any]:
    return {
        "agency_id": source.agency,
        "system": source.system,
        "service_local_ids": list(services),
        "participants": list(people),
    }


def _pages(ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), SERVICES_MAX):
        yield ids[first : first + SERVICES_MAX]


def _check(outcomes: list[CommandOutcome]) -> list[CommandOutcome]:
    for outcome in outcomes:
        problem = outcome.problem
        if problem is not None and problem.get("reason") not in _STANDS_ALREADY:
            sentence = problem.get("detail") or problem.get("title")
            raise Failure(f"registry refused a registration: {sentence}", problem.get("remedy"))
    return outcomes
