"""Rows against registry: what is refused, and what has to be registered so that the rest can be.

The first good row of somebody in a service settles their party there; a later row that says another
is refused, exactly as it would be had registry known the first one all along.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tools.importing.known import Period, ServiceFound
from tools.importing.problem import Problem
from tools.importing.row import Row
from tools.importing.spool import Spool

_REGISTER = "register it in registry, correct it, or import with --register-missing"


def check(
    spool: Spool, *, register_missing: bool, on_progress: Callable[[int], None] | None = None
) -> None:
    """Add to the spool every problem with registry and, if asked, what is to be registered."""
    for row, rejected in spool.all_rows():
        if on_progress is not None:
            on_progress(1)
        problems = list(_problems(spool, row, register_missing=register_missing))
        if problems:
            spool.add_problems(problems)
        elif register_missing and not rejected:
            _plan(spool, row.values)
    if register_missing:
        for row in spool.good_rows():
            _plan_receivers(spool, row.values)


def _problems(spool: Spool, row: Row, *, register_missing: bool) -> Iterator[Problem]:
    values = row.values
    running = "service_id" in values
    if running:
        service = spool.known.service(values["service_id"])
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
    if running and {"giver_id", "giver_party", "occurred_at"} <= values.keys():
        yield from _party_problems(spool, row, register_missing=register_missing)


def _service_problems(
    service: ServiceFound, row: Row, *, register_missing: bool
) -> Iterator[Problem]:
    day = row.values.get("occurred_at", "")[:10]
    if service.service_id is None:
        if not register_missing:
            yield Problem(
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
        yield Problem(
            row.row,
            "occurred_at",
            row.values["occurred_at"],
            f"service {service.local_id} starts on {service.starts_on}",
            start if service.imported else f"correct the day, or move the service's start to {day}",
        )
    elif service.closed_on and day > service.closed_on:
        yield Problem(
            row.row,
            "occurred_at",
            row.values["occurred_at"],
            f"service {service.local_id} was closed on {service.closed_on}",
            "correct the day or the service",
        )


def _person_problems(
    spool: Spool, row: Row, named: tuple[str, str], *, register_missing: bool
) -> Iterator[Problem]:
    column, local_id = named
    person = spool.known.person(local_id)
    kind_column = "giver_kind" if column == "giver_id" else "receiver_kind"
    if person.participant_id is None and not register_missing:
        yield Problem(row.row, column, local_id, "registry knows nobody by this id", _REGISTER)
    elif row.values.get(kind_column, person.kind) != person.kind:
        yield Problem(
            row.row,
            kind_column,
            row.values[kind_column],
            f"{local_id} is a {person.kind} in registry or in an earlier row",
            f"write {person.kind}, or give the other one an id of its own",
        )


def _party_problems(spool: Spool, row: Row, *, register_missing: bool) -> Iterator[Problem]:
    values = row.values
    service, giver, party = values["service_id"], values["giver_id"], values["giver_party"]
    if spool.known.person(giver).participant_id is None and not register_missing:
        return  # said already: nobody knows them
    day = values["occurred_at"][:10]
    periods = spool.known.periods(service, giver)
    covering = next((one for one in periods if _covers(one, day)), None)
    if covering is not None:
        if covering.party != party:
            yield _other_party(row, covering)
    elif not register_missing or not _can_begin_on(day, party, periods):
        yield _no_party(row, periods)


def _covers(period: Period, day: str) -> bool:
    return period.since <= day and (period.until is None or day <= period.until)


def _can_begin_on(day: str, party: str, periods: Sequence[Period]) -> bool:
    """Tell whether registering can give somebody this party on a day that no period covers."""
    return not periods or (day < periods[0].since and periods[0].party == party)


def _other_party(row: Row, period: Period) -> Problem:
    giver, service = row.values["giver_id"], row.values["service_id"]
    known = "an earlier row" if period.planned else "registry"
    return Problem(
        row.row,
        "giver_party",
        row.values["giver_party"],
        f"{giver} is {period.party} in {service} on that day, says {known}",
        f"write {period.party}, or change the party in registry from that day on",
    )


def _no_party(row: Row, periods: Sequence[Period]) -> Problem:
    giver, service = row.values["giver_id"], row.values["service_id"]
    known = ", ".join(
        f"{one.party} from {one.since}" + (f" to {one.until}" if one.until else "")
        for one in periods
    )
    return Problem(
        row.row,
        "giver_party",
        row.values["giver_party"],
        f"registry knows no party of {giver} in {service} on that day"
        + (f" (but {known})" if known else ""),
        "give them a party in registry for that day, or import with --register-missing"
        if not known
        else "correct the day or the party, or give them a party in registry for that day",
    )


def _plan(spool: Spool, values: dict[str, Any]) -> None:
    """Want what a good row needs: its service, its people, its giver's party."""
    local_id, day = values["service_id"], values["occurred_at"][:10]
    service = spool.known.service(local_id)
    if service.service_id is None:
        spool.known.want_service(service, "registered")
    elif service.starts_on and day < service.starts_on:
        spool.known.want_service(service, "moved")
    for person in (values["giver_id"], *values.get("receiver_ids", ())):
        spool.known.want_person(person)
    _plan_party(spool, values, values["giver_id"], values["giver_party"])


def _plan_receivers(spool: Spool, values: dict[str, Any]) -> None:
    party = values.get("receiver_party")
    if party is not None:
        for receiver in values.get("receiver_ids", ()):
            _plan_party(spool, values, receiver, party)


def _plan_party(spool: Spool, values: dict[str, Any], person: str, party: str) -> None:
    service, day = values["service_id"], values["occurred_at"][:10]
    periods = spool.known.periods(service, person)
    if not periods:
        spool.known.want_period(service, person, party)
    elif day < periods[0].since and periods[0].party == party:
        spool.known.want_earlier(service, person, periods[0])
