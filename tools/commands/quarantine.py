"""``coprod quarantine``: records that a consumer could not take, and what becomes of them.

A record is named SERVICE/NUMBER, since exchange and insights each keep a quarantine of their own.
"""

from typing import Annotated, Any

import typer

from tools.commands.group import group
from tools.deployment.client import Services
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, print_table, say

CONSUMERS = ("exchange", "insights")

app = group("List, show, retry or discard the records that could not be taken.")

RecordArgument = Annotated[
    str, typer.Argument(metavar="SERVICE/NUMBER", help="As `coprod quarantine list` names it.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Also those that were dealt with.")]


@app.command("list")
def list_records(
    data: DataOption = None, everything: AllOption = False, as_json: JsonOption = False
) -> None:
    """List what is quarantined; exit code 1 when something is."""
    services = Services(find(data))
    found = [
        {"record": f"{name}/{item['id']}", **item}
        for name in CONSUMERS
        for item in records(services, name, held_only=not everything)
    ]
    if as_json:
        print_json(found)
    else:
        columns = ("record", "topic", "partition", "position", "reason", "status", "first_seen")
        print_table(None, columns, [[item.get(column) for column in columns] for item in found])
    if any(item["status"] == "held" for item in found):
        raise typer.Exit(ExitCode.PROBLEM)


@app.command()
def show(record: RecordArgument, data: DataOption = None) -> None:
    """Show one record whole, as JSON: where it lay, why it was refused, its headers and bytes."""
    service, number = _parsed(record)
    print_json(Services(find(data)).get(service, f"/v1/quarantine/{number}"))


@app.command()
def retry(record: RecordArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Take the record in once more, for instance after an upgrade; it may be refused again."""
    _settle(record, "retry", data, as_json)


@app.command()
def discard(record: RecordArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Give the record up for good: its bytes are dropped, and that it was stays on record."""
    _settle(record, "discard", data, as_json)


def records(services: Services, service: str, *, held_only: bool) -> list[dict[str, Any]]:
    """Return every record in the quarantine of one service, page by page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = services.get(
            service,
            "/v1/quarantine",
            status="held" if held_only else None,
            cursor=cursor,
            limit="200",
        )
        found.extend(page["items"])
        cursor = page.get("next_cursor")
        if cursor is None:
            return found


def _settle(record: str, action: str, data: Any, as_json: bool) -> None:
    service, number = _parsed(record)
    answer = Services(find(data)).post(service, f"/v1/quarantine/{number}/{action}", body={})
    if as_json:
        print_json(answer)
    else:
        say(f"{record}: {answer['status']}")


def _parsed(record: str) -> tuple[str, str]:
    service, slash, number = record.partition("/")
    if service not in CONSUMERS or not slash or not number.isdecimal():
        raise Failure(
            f"{record!r} names no record",
            "Name one as `coprod quarantine list` does, for instance insights/3.",
            code=ExitCode.USAGE,
        )
    return service, number
