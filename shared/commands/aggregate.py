"""What an aggregate brings to its service: its commands, its routes, and what its refusals mean."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from shared.http.problems import Meaning
from shared.http.strict import StrictModel
from shared.http.submission import SubmissionContext

N = TypeVar("N")
Decide: TypeAlias = Callable[[StrictModel, SubmissionContext], Awaitable[Response]]
"""Decides one command and returns its answer; raises its refusal."""


@dataclass(frozen=True, slots=True)
class CommandType(Generic[N]):
    """One kind of command: its name in bulk, the form of its body, and how it is built.

    ``build(body, context)`` returns the command to the event store, or raises ``Rejected``.
    ``needs`` says what must be known before that; its form is the service's own.
    """

    name: str
    body: type[StrictModel]
    build: Callable[[Any, Any], Any]
    needs: N


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[N]):
    """``routes`` returns the HTTP form of the commands; ``refusals``: what a client is told."""

    commands: Sequence[CommandType[N]]
    routes: Callable[[Decide], Sequence[APIRouter]]
    refusals: Mapping[StrEnum, Meaning]


class Aggregates(Generic[N]):
    """All aggregates of a service, and what follows from them.

    ``kinds``: full name in bulk -> body. ``refusals`` holds those of every aggregate, and
    ``shared``: those that the service's aggregates have in common.
    """

    def __init__(
        self,
        service: str,
        aggregates: Sequence[Aggregate[N]],
        shared: Mapping[StrEnum, Meaning] | None = None,
    ) -> None:
        commands = [command for one in aggregates for command in one.commands]
        self._all = aggregates
        self._types = {command.body: command for command in commands}
        self.kinds = {f"org.coprod.{service}.{command.name}": command.body for command in commands}
        self.refusals: dict[StrEnum, Meaning] = dict(shared or {})
        for one in aggregates:
            self.refusals.update(one.refusals)

    def type_of(self, body: StrictModel) -> CommandType[N]:
        return self._types[type(body)]

    def routers(self, decide: Decide) -> list[APIRouter]:
        return [router for one in self._all for router in one.routes(decide)]


def created(answer: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of a command that begins an aggregate."""
    return {201: {"model": answer, "description": "It exists from now on"}}
