"""The command line ``coprod``: one table of commands, each loaded only when it is run.

Listing the commands must not cost the import of database drivers: ``--help`` reads the table alone.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import typer
import typer.core
import typer.main

from tools.terminal.failure import EXIT_CODES_HELP, ExitCode, Failure, failure_of
from tools.terminal.output import print_failure, write_anywhere, write_no_more


class CommandEntry(NamedTuple):
    """Where a command is: ``target`` is a function or, for a group of commands, a ``Typer``."""

    name: str
    target: str
    help: str


COMMANDS = (
    CommandEntry(
        "up", "tools.commands.up:up", "Start a deployment in the foreground; Ctrl-C stops it."
    ),
    CommandEntry("down", "tools.commands.up:down", "Stop the deployment that `up` runs."),
    CommandEntry(
        "status",
        "tools.commands.status:status",
        "Processes, addresses, lag, positions, quarantine.",
    ),
    CommandEntry("demo", "tools.commands.demo:demo", "Start a deployment and play a town in it."),
    CommandEntry(
        "simulate",
        "tools.commands.demo:simulate",
        "Play a town, at a rate, in a running deployment.",
    ),
    CommandEntry("import", "tools.importing.cli:app", "Take in the files of agencies."),
    CommandEntry(
        "wait", "tools.commands.wait:wait", "Wait until everything acknowledged is folded."
    ),
    CommandEntry(
        "verdict", "tools.commands.figures:verdict", "How a service is classified, and why."
    ),
    CommandEntry("metrics", "tools.commands.figures:metrics", "The figures of a service."),
    CommandEntry("verify", "tools.verification.cli:verify", "Check stores, log and figures."),
    CommandEntry(
        "quarantine",
        "tools.commands.quarantine:app",
        "List, show, retry or discard broken records.",
    ),
    CommandEntry(
        "rebuild", "tools.commands.rebuild:rebuild", "Fold from the start beside the live figures."
    ),
    CommandEntry("facts", "tools.commands.facts:app", "Export the facts behind the figures."),
    CommandEntry("relay", "tools.commands.relay:app", "Publish a range of the log again."),
    CommandEntry("consumer", "tools.commands.consumer:app", "Have a service read the log again."),
    CommandEntry(
        "contracts", "tools.commands.documents:contracts", "Write the published documents again."
    ),
    CommandEntry(
        "provision", "tools.commands.provision:provision", "Make databases, roles and topics."
    ),
)


class LazyGroup(typer.core.TyperGroup):
    """Shows every command from the table, and imports the one that is run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, stub, rest = super().resolve_command(ctx, args)
        entry = next((entry for entry in COMMANDS if entry.name == name), None)
        return (name, stub, rest) if entry is None else (name, load(entry), rest)

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            except Failure as failure:
                print_failure(failure)
                raise typer.Exit(failure.code) from None
            finally:
                sys.stdout.flush()  # what cannot be written is told here, not by the interpreter
        except BrokenPipeError:
            raise  # the reader has left, as `head` does: typer ends without a word
        except OSError as error:
            write_no_more()
            print_failure(failure_of(error))
            raise typer.Exit(ExitCode.PROBLEM) from None


def load(entry: CommandEntry) -> Any:
    """Import the command behind an entry; the answer is what typer makes of it."""
    module, _, attribute = entry.target.partition(":")
    target: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    if isinstance(target, typer.Typer):
        group = typer.main.get_group(target)
        group.name, group.help = entry.name, group.help or entry.help
        for command in (group, *group.commands.values()):
            command.epilog = EXIT_CODES_HELP
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name=entry.name, epilog=EXIT_CODES_HELP)(target)
    return typer.main.get_command(alone)


def make_app() -> LazyGroup:
    """Return the whole command line, with a stub for each command of the table."""
    stubs: dict[str, Any] = {
        entry.name: typer.core.TyperCommand(entry.name, help=entry.help, callback=None)
        for entry in COMMANDS
    }
    return LazyGroup(
        name="coprod",
        commands=stubs,
        no_args_is_help=True,
        help="Measure, live and explained, whether a public service is really co-produced.",
        epilog=EXIT_CODES_HELP,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def main() -> None:
    # Databases, logs, rejects and exports name people: whatever is written is its owner's alone.
    os.umask(0o077)
    write_anywhere()
    make_app()(prog_name="coprod")
