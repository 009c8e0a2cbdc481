"""``coprod contracts``: the checked-in AsyncAPI documents and JSON Schemas, written again."""

import os

from tools.commands.contracts import BreakingChange, write
from tools.terminal.failure import Failure
from tools.terminal.output import say


def contracts() -> None:
    """Write the AsyncAPI documents and JSON Schemas from the models; nothing if one would break."""
    os.umask(0o022)  # what is published is for everybody to read
    try:
        changed = write()
    except BreakingChange as breaking:
        raise Failure(str(breaking)) from None
    say("\n".join(map(str, changed)) or "nothing changed")
