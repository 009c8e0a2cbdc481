"""Given what happened, when a command comes: how every test of a decider begins."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from shared.contracts.vocabulary import Message


@dataclass(frozen=True, slots=True)
class Scenario:
    """One aggregate's rules; ``given`` returns a function from a command to what it causes."""

    decide: Callable[[Any, Any], list[Message]]
    evolve: Callable[[Any, Message], Any]
    initial: Any

    def given(self, *history: Message) -> Callable[[Any], list[Message]]:
        state = reduce(self.evolve, history, self.initial)
        return lambda command: self.decide(command, state)
