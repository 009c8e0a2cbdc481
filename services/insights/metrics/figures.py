"""Figures: every number of the catalogue for one window and lens, or why there is none.

A figure is formed when it is first asked for between two changes of the state, whoever asks.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import orjson

from services.insights.metrics.catalogue import BY_ID, DEFINITIONS, versions
from services.insights.metrics.definition import Definition
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.thresholds import LENSES

NO_LENS = ""
_WEIGHTED = tuple(one for one in DEFINITIONS if one.lens == "weighted")
_UNWEIGHTED = tuple(one for one in DEFINITIONS if one.lens == "none")
_PLACES = dict.fromkeys(BY_ID, missing(Reason.NO_DATA))


def figures(state: ServiceState, window: str, lens: str | None = None) -> dict[str, Figure]:
    """Return every figure by id, in the catalogue's order; without ``lens``, in the verdict's."""
    view = state.view(window)
    lens = lens or view.lens
    if lens not in view.read:
        if NO_LENS not in view.read:
            view.read[NO_LENS] = {**_PLACES, **_shown(view, _UNWEIGHTED, view.lens)}
        view.read[lens] = {**view.read[NO_LENS], **_shown(view, _WEIGHTED, lens)}
    return view.read[lens]


def figure(view: View, id_: str) -> Figure | None:
    """Return one figure as ``figures`` does, in the verdict's lens; None: it is not measured."""
    definition = BY_ID.get(id_)
    return _shown(view, (definition,), view.lens)[id_] if definition else None


def unheld(view: View, id_: str, lens: str = NO_LENS) -> Figure:
    """Return one figure as the rule reads it, which asks for itself what would hold it back."""
    definition = BY_ID[id_]
    of = lens if definition.lens == "weighted" else NO_LENS
    found = view.found(of, dated=definition.dated)
    if id_ not in found:
        found[id_] = definition.find(view, of)
    return found[id_]


def _shown(view: View, definitions: Iterable[Definition], lens: str) -> dict[str, Figure]:
    """Return figures, held back where they have to be.

    A figure without a lens is the same in both, so what holds it back is asked in the verdict's.
    """
    held = _held_back(view, lens)
    found = {one.id: unheld(view, one.id, lens) for one in definitions}
    if not any(held):
        return found
    reasons = _reasons(held)
    return {
        id_: missing(reason, figure.n) if (reason := reasons[id_]) else figure
        for id_, figure in found.items()
    }


class _Held(NamedTuple):
    """Why figures are held back: ``every`` one, ``weighted`` ones, those of ``exchange``."""

    every: Reason | None
    weighted: Reason | None
    exchange: Reason | None


def _held_back(view: View, lens: str) -> _Held:
    minutes_missing = lens == "minutes" and view.minutes_missing
    return _Held(
        every=Reason.BELOW_FLOOR if view.below_floor else None,
        weighted=Reason.MINUTES_MISSING if minutes_missing else None,
        exchange=Reason.RECEIVERS_UNKNOWN if view.receivers_unknown(lens) else None,
    )


@cache
def _reasons(held: _Held) -> Mapping[str, Reason | None]:
    """Return why each figure is held back, the first of its reasons; there are few ways to be."""
    return {
        one.id: None
        if one.unfloored
        else held.every
        or (held.weighted if one.lens == "weighted" else None)
        or (held.exchange if one.exchange else None)
        for one in DEFINITIONS
    }


def figures_json(state: ServiceState, window: str, lens: str) -> dict[str, Any]:
    version = versions(state.thresholds)
    return {id_: one.to_json(version[id_]) for id_, one in figures(state, window, lens).items()}


def figures_encoded(state: ServiceState, window: str) -> dict[str, dict[str, orjson.Fragment]]:
    """Return every figure by id, and by the lenses that it differs by; ``none`` where by none.

    Each is encoded: of most the bytes are known.
    """
    version = versions(state.thresholds)
    found = {lens: figures(state, window, lens) for lens in LENSES}
    without_lens = found[LENSES[0]]
    return {
        one.id: {lens: found[lens][one.id].encoded(version[one.id]) for lens in LENSES}
        if one.lens == "weighted"
        else {one.lens: without_lens[one.id].encoded(version[one.id])}
        for one in DEFINITIONS
    }


def metrics_json(
    state: ServiceState,
    window: str,
    *,
    service_id: str,
    receipt: dict[str, Any],
    lens: str | None = None,
) -> dict[str, Any]:
    """Return the figures as the API and the command line write them."""
    lens = lens or state.view(window).lens
    return {
        "service_id": service_id,
        "window": window,
        "as_of": _written(state.as_of),
        "lens": lens,
        "metrics": figures_json(state, window, lens),
        "receipt": receipt,
    }


def _written(day: date) -> str:
    return day.isoformat()
