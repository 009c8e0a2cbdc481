"""Figures: every number of the catalogue for one window and lens, or why there is none."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import orjson

from services.insights.metrics.catalogue import BY_ID
from services.insights.metrics.concentration import concentration, novelty
from services.insights.metrics.coverage import coverage
from services.insights.metrics.delivery import delivery, knowledge
from services.insights.metrics.exchange import exchange, reciprocity
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.involvement import involvement
from services.insights.metrics.network import network
from services.insights.metrics.outside import outside
from services.insights.metrics.party import parties, presence
from services.insights.metrics.power import power
from services.insights.metrics.state import ServiceState
from services.insights.metrics.view import View
from services.insights.metrics.voice import voice


def figures(state: ServiceState, window: str, lens: str | None = None) -> dict[str, Figure]:
    """Return every figure by id, in the catalogue's order; without ``lens``, in the verdict's.

    They are formed once between two changes of the state, however often they are asked for.
    """
    view = state.view(window)
    lens = lens or view.lens
    if lens not in view.read:
        if "" not in view.read:
            view.read[""] = {**novelty(view), **voice(view)}  # they ask when the window begins
        found = {**unreleased(view, lens), **view.read[""]}
        # a figure without a lens is the same in both, so it looks at the verdict's own
        own = _held_back(view, lens)
        none = own if lens == view.lens else _held_back(view, view.lens)
        view.read[lens] = _released(found, _reasons(own, none))
    return view.read[lens]


def unreleased(view: View, lens: str) -> dict[str, Figure]:
    """Return every figure that is true of any window with the same content, held back or not."""
    return {
        **view.once(lens, lambda: _weighted(view, lens)),
        **view.once("unweighted", lambda: _unweighted(view)),
    }


def _weighted(view: View, lens: str) -> dict[str, Figure]:
    return {
        **parties(view, lens),
        **exchange(view, lens),
        **delivery(view, lens),
        **concentration(view, lens),
        **outside(view, lens),
    }


def _unweighted(view: View) -> dict[str, Figure]:
    return {
        **presence(view),
        **reciprocity(view),
        **knowledge(view),
        **network(view),
        **power(view),
        **involvement(view),
        **coverage(view),
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
def _reasons(own: _Held, none: _Held) -> Mapping[str, Reason | None]:
    """Return why each figure is held back, the first of its reasons; there are few ways to be.

    ``own`` is for the weighted ones, ``none`` for those without a lens.
    """
    reasons: dict[str, Reason | None] = {}
    for id_, definition in BY_ID.items():
        weighted = definition.lens == "weighted"
        held = own if weighted else none
        reasons[id_] = (
            held.every
            or (held.weighted if weighted else None)
            or (held.exchange if definition.exchange else None)
        )
    return {**reasons, "Q4": None}


def _released(
    found: Mapping[str, Figure], reasons: Mapping[str, Reason | None]
) -> dict[str, Figure]:
    return {
        id_: missing(reason, found[id_].n) if reason else found[id_]
        for id_, reason in reasons.items()
    }


def figures_json(state: ServiceState, window: str, lens: str) -> dict[str, Any]:
    version = state.defaults.version
    return {id_: figure.to_json(version) for id_, figure in figures(state, window, lens).items()}


def figures_encoded(state: ServiceState, window: str, lens: str) -> dict[str, orjson.Fragment]:
    """Return what ``figures_json`` does, each figure encoded: of most the bytes are known."""
    version = state.defaults.version
    return {id_: figure.encoded(version) for id_, figure in figures(state, window, lens).items()}


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
