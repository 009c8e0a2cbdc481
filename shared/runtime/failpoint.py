"""Named places where a test makes a process die, stop, wait or fail; inert unless armed.

Armed by ``COPROD_FAILPOINTS``: ``name=kill``, ``name=stop`` (until a SIGCONT), ``name=error`` or
``name=pause:SECONDS``, several with commas between, each with ``@N`` for the N-th time the place is
reached (the first, unless said). It happens once in the life of a process. A production image
refuses to start with any.
"""

import asyncio
import os
import re
import signal
from dataclasses import dataclass

PLACES = frozenset(
    {
        "command.committing",  # all is decided, nothing is stored
        "command.committed",  # durable, and nobody was told
        "relay.publishing",
        "relay.acknowledged",  # in the log, and the position not moved
        "consumer.taking",  # a batch is in hand, no transaction open
        "consumer.committing",  # the fold is written, the transaction is open
        "consumer.committed",  # durable, and the memory not changed
    }
)
FORM = re.compile(
    r"(?P<name>[a-z.]+)=(?P<deed>kill|stop|error|pause:(?P<seconds>[0-9.]+))(@(?P<at>\d+))?"
)


class Injected(ConnectionError):
    """What ``error`` raises: a failure of the kind that passes."""


@dataclass(slots=True)
class _Failpoint:
    deed: str
    seconds: float
    left: int  # how often the place is still passed before it happens


_armed: dict[str, _Failpoint] = {}


def arm(text: str) -> None:
    """Arm what the text names, and nothing else any more.

    Raises:
        ValueError: it is not of the form, or names a place that there is not.
    """
    _armed.clear()
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = FORM.fullmatch(part)
        if found is None or found["name"] not in PLACES:
            raise ValueError(f"{part!r} is no failpoint; places: {', '.join(sorted(PLACES))}")
        deed, seconds = found["deed"].partition(":")[0], float(found["seconds"] or 0)
        _armed[found["name"]] = _Failpoint(deed, seconds, int(found["at"] or 1) - 1)


async def reach(name: str) -> None:
    """Pass the place; where it is armed, what it is armed with happens.

    Raises:
        Injected: it is armed with ``error``.
    """
    if not _armed or (point := _armed.get(name)) is None:
        return
    if point.left > 0:
        point.left -= 1
        return
    del _armed[name]
    match point.deed:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "pause":
            await asyncio.sleep(point.seconds)
        case _:
            raise Injected(f"failpoint {name}")
