"""Write AsyncAPI documents and JSON Schemas again; refuse what breaks a published type."""

from pathlib import Path
from typing import Any

import orjson

from shared.contracts import documents
from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.compatibility import breaking_changes

ROOT = Path(documents.__file__).parent


class BreakingChange(Exception):
    """A published type changed in a way that breaks old events or old consumers."""


def rendered() -> dict[Path, dict[str, Any]]:
    """Return every document by its path relative to ``shared/contracts``."""
    schemas = {
        Path("schemas") / f"{kind.name}.json": documents.json_schema(kind) for kind in EVENT_TYPES
    }
    apis = {
        Path("asyncapi") / f"{service}.json": documents.asyncapi(service)
        for service in documents.SERVICES
    }
    return {**schemas, **apis}


def write(root: Path = ROOT) -> list[Path]:
    """Write what changed and return its paths.

    Raises:
        BreakingChange: a schema that is already checked in would not survive; nothing is written.
    """
    wanted = rendered()
    for path, document in wanted.items():
        if path.parts[0] == "schemas" and (root / path).exists():
            broken = breaking_changes(orjson.loads((root / path).read_bytes()), document)
            if broken:
                raise BreakingChange(
                    f"{path.stem} is published, give the change a new type: {'; '.join(broken)}"
                )
    changed = [path for path, document in wanted.items() if _differs(root / path, document)]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(_text(wanted[path]))
    return changed


def _differs(path: Path, document: dict[str, Any]) -> bool:
    return not path.exists() or path.read_bytes() != _text(document)


def _text(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
