"""Network: whether people are connected to each other, and who is alone (F3, F4)."""

from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.view import View
from services.insights.metrics.families.exchange import people_share
from services.insights.metrics.figure import Figure


def network(view: View) -> dict[str, Figure]:
    given, received = view.tables.given, view.tables.received
    read = (
        view.tables.network.turned,
        given.faces[q.ACTS],
        given.faces[q.LAY_ACTS],
        received.faces[q.LAY_FROM_PEOPLE],
    )
    return view.tables.kept("network", read, lambda: _network(view))


def _network(view: View) -> dict[str, Figure]:
    found = view.tables.network
    counterparts = found.counterparts
    active = len(counterparts.keys() | view.givers(q.ACTS))
    # who is alone is connected to one
    connected = max(found.largest, 1) if active else 0
    lay = view.acting_lay | view.receivers(q.LAY_FROM_PEOPLE)
    alone = sum(len(counterparts.get(person, ())) <= 1 for person in lay)
    return {
        "F3": people_share(connected, active, view.thresholds.k),
        "F4": people_share(alone, len(lay), view.thresholds.k),
    }
