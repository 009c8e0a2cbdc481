"""Definitions: what every figure means, as the dashboard and the curious read it."""

from typing import Any

from services.insights.metrics.catalogue import published


def definitions() -> dict[str, Any]:
    """Return the catalogue with names by language; ``version`` stands with every figure."""
    catalogue = published()
    return {
        "version": catalogue["version"],
        "defaults": catalogue["defaults"],
        "metrics": [_named(definition) for definition in catalogue["definitions"]],
    }


def _named(definition: dict[str, Any]) -> dict[str, Any]:
    rest = {name: one for name, one in definition.items() if name not in {"name_fr", "name_en"}}
    return {**rest, "name": {"fr": definition["name_fr"], "en": definition["name_en"]}}
