"""``coprod contracts``: the checked-in AsyncAPI documents and JSON Schemas, written again."""

from tools.contracts import BreakingChange, write
from tools.failure import Failure
from tools.output import say


def contracts() -> None:
    """Write the AsyncAPI documents and JSON Schemas from the models; nothing if one would break."""
    try:
        changed = write()
    except BreakingChange as breaking:
        raise Failure(str(breaking)) from None
    say("\n".join(map(str, changed)) or "nothing changed")
