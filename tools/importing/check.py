"""Checks rows against registry: finds problems, and plans what has to be registered.

The first good row that names a person in a service decides their party there, whether they give or
receive. A later row with another party is refused, as it would be if registry had known the first.
A service begins on the day of its first row, and a party on the day of the person's first row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from tools.importing.directory import PartyPeriod, ServiceFound
from tools.importing.problem import RowProblem
from tools.importing.row import Row
from tools.importing.spool import Spool

_REGISTER = "register it in registry, correct it, or import with --register-missing"


def check(
    spool: Spool, *, register_missing: bool, on_progress: Callable[[int], None] | None = None
) -> None:
    """Add to the spool every problem with registry and, if asked, plan what to register."""
    for row, rejected in spool.all_rows():
        if on_progress is not None:
            on_progress(1)
        problems = list(_problems(spool, row, register_missing=register_missing))
        if problems:
            spool.add_problems(problems)
        elif register_missing and not rejected:
            _plan(spool, row.values)


def _problems(spool: Spool, row: Row, *, register_missing: bool) -> Iterator[RowProblem]:
    values = row.values
    running = "service_id" in values
    if running:
        service = spool.directory.service(values["service_id"])
        for problem in _service_problems(service, row, register_missing=register_missing):
            running = False
            yield problem
    if "giver_id" in values:
        yield from _person_problems(
            spool, row, ("giver_id", values["giver_id"]), register_missing=register_missing
        )
    for receiver in values.get("receiver_ids", ()):
        yield from _person_problems(
            spool, row, ("receiver_ids", receiver), register_missing=register_missing
        )
    # where there is no service on that day, nobody has a party in it: that is said already
    if running and "occurred_at" in values:
        for person in _parties(values):
            yield from _party_problems(spool, row, person, register_missing=register_missing)


def _service_problems(
    service: ServiceFound, row: Row, *, register_missing: bool
) -> Iterator[RowProblem]:
    day = row.values.get("occurred_at", "")[:10]
    if service.service_id is None:
        if not register_missing:
            yield RowProblem(
                row.row, "service_id", service.local_id, "registry knows no such service", _REGISTER
            )
    elif not day:
        return
    elif (
        service.starts_on
        and day < service.starts_on
        and not (register_missing and service.imported)
    ):
        start = f"import with --register-missing, or move the service's start back to {day}"
        yield RowProblem(
            row.row,
            "occurred_at",
            row.values["occurred_at"],
            f"service {service.local_id} starts on {service.starts_on}",
            start if service.imported else f"correct the day, or move the service's start to {day}",
        )
    elif service.closed_on and day > service.closed_on:
        yield RowProblem(
            row.row,
            "occurred_at",
            row.values["occurred_at"],
            f"service {service.local_id} was closed on {service.closed_on}",
            "correct the day or the service",
        )


def _person_problems(
    spool: Spool, row: Row, named: tuple[str, str], *, register_missing: bool
) -> Iterator[RowProblem]:
    column, local_id = named
    person = spool.directory.person(local_id)
    kind_column = "giver_kind" if column == "giver_id" else "receiver_kind"
    if person.participant_id is None and not register_missing:
        yield RowProblem(row.row, column, local_id, "registry knows nobody by this id", _REGISTER)
    elif row.values.get(kind_column, person.kind) != person.kind:
        yield RowProblem(
            row.row,
            kind_column,
            row.values[kind_column],
            f"{local_id} is a {person.kind} in registry or in an earlier row",
            f"write {person.kind}, or give the other one an id of its own",
        )


class SaidParty(NamedTuple):
    """The party that a row gives a person, and the column that has it."""

    person: str
    party: str
    column: str


def _parties(values: dict[str, Any]) -> Iterator[SaidParty]:
    if "giver_id" in values and "giver_party" in values:
        yield SaidParty(values["giver_id"], values["giver_party"], "giver_party")
    if "receiver_party" in values:
        for receiver in values.get("receiver_ids", ()):
            if receiver != values.get("giver_id"):  # nobody receives from themselves
                yield SaidParty(receiver, values["receiver_party"], "receiver_party")


def _party_problems(
    spool: Spool, row: Row, said: SaidParty, *, register_missing: bool
) -> Iterator[RowProblem]:
    if spool.directory.person(said.person).participant_id is None and not register_missing:
        return  # said already: nobody knows them
    day = row.values["occurred_at"][:10]
    periods = spool.directory.periods(row.values["service_id"], said.person)
    covering = next((one for one in periods if _covers(one, day)), None)
    if covering is not None:
        if covering.party != said.party:
            yield _other_party(row, said, covering)
    elif not register_missing or not _can_begin_on(day, said.party, periods):
        yield _no_party(row, said, periods)


def _covers(period: PartyPeriod, day: str) -> bool:
    return period.since <= day and (period.until is None or day <= period.until)


def _can_begin_on(day: str, party: str, periods: Sequence[PartyPeriod]) -> bool:
    """Tell whether a person can be given this party on a day that no period covers."""
    return not periods or (day < periods[0].since and periods[0].party == party)


def _other_party(row: Row, said: SaidParty, period: PartyPeriod) -> RowProblem:
    known = "an earlier row" if period.planned else "registry"
    return RowProblem(
        row.row,
        said.column,
        said.party,
        f"{said.person} is {period.party} in {row.values['service_id']} on that day, says {known}",
        f"write {period.party}, or change the party in registry from that day on",
    )


def _no_party(row: Row, said: SaidParty, periods: Sequence[PartyPeriod]) -> RowProblem:
    known = ", ".join(
        f"{one.party} from {one.since}" + (f" to {one.until}" if one.until else "")
        for one in periods
    )
    return RowProblem(
        row.row,
        said.column,
        said.party,
        f"registry knows no party of {said.person} in {row.values['service_id']} on that day"
        + (f" (but {known})" if known else ""),
        "give them a party in registry for that day, or import with --register-missing"
        if not known
        else "correct the day or the party, or give them a party in registry for that day",
    )


def _plan(spool: Spool, values: dict[str, Any]) -> None:
    """Plan what a good row needs in registry: its service, its people and their parties."""
    local_id, day = values["service_id"], values["occurred_at"][:10]
    service = spool.directory.service(local_id)
    if service.service_id is None or (service.starts_on and day < service.starts_on):
        spool.directory.want_service(service, day)
    for person in (values["giver_id"], *values.get("receiver_ids", ())):
        spool.directory.want_person(person)
    for said in _parties(values):
        _plan_party(spool, local_id, said, day)


def _plan_party(spool: Spool, service: str, said: SaidParty, day: str) -> None:
    periods = spool.directory.periods(service, said.person)
    first = periods[0] if periods else PartyPeriod("", None, said.party)
    begins = first.begins or first.since
    if first.party == said.party and (not begins or day < begins):
        spool.directory.put_period(service, said.person, replace(first, begins=day))
