"""Catalogue: every family, in order; what is published of them follows from their declarations."""

from functools import cache
from typing import Any

from services.insights.metrics.definition import Definition, Family
from services.insights.metrics.families import (
    allies,
    change,
    context,
    equality,
    exchange,
    involvement,
    knowledge,
    learning,
    networks,
    outside,
    parties,
    power,
    prevention,
    reciprocity,
    system,
    work,
)
from services.insights.metrics.readings import GENERAL, VERDICT, written
from services.insights.metrics.thresholds import DEFAULTS, Thresholds

_MEASURED: tuple[Family, ...] = (
    parties.FAMILY,
    change.FAMILY,
    allies.FAMILY,
    work.FAMILY,
    reciprocity.FAMILY,
    networks.FAMILY,
    knowledge.FAMILY,
    power.FAMILY,
    prevention.FAMILY,
    involvement.FAMILY,
    exchange.FAMILY,
    system.FAMILY,
    equality.FAMILY,
    outside.FAMILY,
    learning.FAMILY,
)
FAMILIES: tuple[Family, ...] = (*_MEASURED, context.family(_MEASURED))
DEFINITIONS: tuple[Definition, ...] = tuple(one for family in FAMILIES for one in family.metrics)
BY_ID: dict[str, Definition] = {definition.id: definition for definition in DEFINITIONS}
VERSION = max((definition.version for definition in DEFINITIONS), key=int)


@cache
def versions(thresholds: Thresholds) -> dict[str, str]:
    """Return the version of each definition as it is read with these thresholds."""
    return {id_: thresholds.stamped(definition.version) for id_, definition in BY_ID.items()}


def published(thresholds: Thresholds = DEFAULTS) -> dict[str, Any]:
    """Return every definition and threshold as published: what a figure means, in the open."""
    version_of = versions(thresholds)
    return {
        "version": thresholds.stamped(VERSION),
        "thresholds": thresholds.to_json(),
        "families": [family.to_json() for family in FAMILIES],
        "metrics": [one.to_json(version_of[one.id]) for one in DEFINITIONS],
        "readings": written(GENERAL),
        "verdict": {"readings": written(VERDICT)},
    }
