"""F. Networks: whether people are connected to each other, and who is alone."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import people_share, plain


def _connected(view: View) -> Figure:
    network = view.tables.network
    read = network.turned, view.tables.given.faces[q.ACTS]

    def found() -> tuple[int, int]:
        active = len(network.counterparts.keys() | view.givers(q.ACTS))
        # who is alone is connected to one
        return (max(network.largest, 1) if active else 0), active

    connected, active = view.tables.kept("F3", read, found)
    return people_share(connected, active, view.thresholds.k)


def _alone(view: View) -> Figure:
    network, given, received = view.tables.network, view.tables.given, view.tables.received
    read = network.turned, given.faces[q.LAY_ACTS], received.faces[q.LAY_FROM_PEOPLE]

    def found() -> tuple[int, int]:
        lay = view.acting_lay | view.receivers(q.LAY_FROM_PEOPLE)
        return sum(len(network.counterparts.get(person, ())) <= 1 for person in lay), len(lay)

    alone, lay = view.tables.kept("F4", read, found)
    return people_share(alone, lay, view.thresholds.k)


FAMILY = Family(
    id="F",
    clause="Construire des réseaux sociaux … relations humaines fortes et durables",
    metrics=(
        plain(
            "F3",
            _connected,
            fr="personnes reliées",
            en="connectedness",
            formula="people in the largest component / active people",
            source="the founding article",
            fields=("mode", "receivers"),
            window="365d",
            readings=(
                Reading(
                    "active",
                    "Active: persons who gave an act, or were named in one by a person. Components"
                    " are of arcs without direction; who has none is a component of one.",
                ),
            ),
            exchange=True,
            interval="people",
        ),
        plain(
            "F4",
            _alone,
            fr="isolement",
            en="isolation",
            formula="active lay with ≤1 counterpart / active lay",
            source="the founding article",
            fields=("party", "mode", "receivers"),
            reading="rising is an alarm",
            readings=(
                Reading(
                    "active_lay",
                    "Active lay: persons who gave an act stamped lay, or were named in an act by a"
                    " person and stamped lay, training included; those without a counterpart count."
                    " A counterpart is a person of any party whom an act joins to them, either"
                    " way.",
                ),
            ),
            exchange=True,
            interval="people",
        ),
    ),
)
