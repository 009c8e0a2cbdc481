"""How a record says that something is not known: by leaving it out, never by null.

A JSON merge patch (RFC 7396) reads null as "remove this", so it can say every change of a record
that holds none.
"""

from collections.abc import Mapping
from typing import Any


def without_unknown(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record without the fields that are None."""
    return {name: value for name, value in record.items() if value is not None}
