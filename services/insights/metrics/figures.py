"""Figures: every number of the catalogue for one window and lens, or why there is none."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import orjson

from services.insights.metrics.definition import BY_ID, VERSION
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.concentration import concentration, novelty
from services.insights.metrics.families.coverage import coverage
from services.insights.metrics.families.delivery import delivery, knowledge
from services.insights.metrics.families.exchange import exchange, reciprocity
from services.insights.metrics.families.involvement import involvement
from services.insights.metrics.families.network import network
from services.insights.metrics.families.outside import outside
from services.insights.metrics.families.party import parties, presence
from services.insights.metrics.families.power import power
from services.insights.metrics.families.voice import voice
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.thresholds import LENSES

_WEIGHTED = [id_ for id_, definition in BY_ID.items() if definition.lens == "weighted"]
_PLACES = dict.fromkeys(BY_ID, missing(Reason.NO_DATA))


def figures(state: ServiceState, window: str, lens: str | None = None) -> dict[str, Figure]:
    """Return every figure by id, in the catalogue's order; without ``lens``, in the verdict's.

    They are formed once between two changes of the state, however often they are asked for.
    """
    view = state.view(window)
    lens = lens or view.lens
    if lens not in view.read:
        held = _held_back(view, lens)
        view.read[lens] = {**_without_lens(view), **_released(_weighted(view, lens), held)}
    return view.read[lens]


def figures_tested(state: ServiceState, window: str) -> Mapping[str, Figure]:
    """Return only those that the tests of a grade look at, in the verdict's lens.

    A day before needs no others.
    """
    view = state.view(window)
    return _released({**_grading(view), **outside(view, view.lens)}, _held_back(view, view.lens))


def _weighted(view: View, lens: str) -> dict[str, Figure]:
    """Return the figures that differ by lens, held back or not: true of any window like it."""
    return view.once(
        lens,
        lambda: {
            **parties(view, lens),
            **exchange(view, lens),
            **delivery(view, lens),
            **concentration(view, lens),
            **outside(view, lens),
        },
    )


def _unweighted(view: View) -> dict[str, Figure]:
    """Return those that don't, but for the ones that ask when the window begins."""
    return view.once(
        "unweighted",
        lambda: {
            **_grading(view),
            **reciprocity(view),
            **network(view),
            **power(view),
            **coverage(view),
        },
    )


def _grading(view: View) -> dict[str, Figure]:
    return view.once("grading", lambda: {**presence(view), **knowledge(view), **involvement(view)})


def _without_lens(view: View) -> dict[str, Figure]:
    """Return them in the catalogue's order, with places for the weighted ones.

    A figure without a lens is the same in both, so it looks at the verdict's own.
    """
    if "" not in view.read:
        found = {**_unweighted(view), **novelty(view), **voice(view)}
        view.read[""] = {**_PLACES, **_released(found, _held_back(view, view.lens))}
    return view.read[""]


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
        id_: held.every
        or (held.weighted if definition.lens == "weighted" else None)
        or (held.exchange if definition.exchange else None)
        for id_, definition in BY_ID.items()
    } | {"Q4": None}


def _released(found: Mapping[str, Figure], held: _Held) -> Mapping[str, Figure]:
    if not any(held):
        return found
    reasons = _reasons(held)
    return {
        id_: missing(reason, figure.n) if (reason := reasons[id_]) else figure
        for id_, figure in found.items()
    }


def figures_json(state: ServiceState, window: str, lens: str) -> dict[str, Any]:
    version = state.thresholds.stamped(VERSION)
    return {id_: figure.to_json(version) for id_, figure in figures(state, window, lens).items()}


def figures_encoded(state: ServiceState, window: str) -> dict[str, dict[str, orjson.Fragment]]:
    """Return by lens what ``figures_json`` does, each figure encoded: of most the bytes are known.

    Those without a lens are the same in both.
    """
    version = state.thresholds.stamped(VERSION)
    by_lens: dict[str, dict[str, orjson.Fragment]] = {}
    shared: dict[str, orjson.Fragment] = {}
    for lens in LENSES:
        told = figures(state, window, lens)
        asked = _WEIGHTED if shared else told
        shared = {**shared, **{id_: told[id_].encoded(version) for id_ in asked}}
        by_lens[lens] = shared
    return by_lens


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
