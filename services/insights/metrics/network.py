"""Network: whether people are connected to each other, and who is alone (F3, F4)."""

from collections import defaultdict

from services.insights.metrics.exchange import people_share
from services.insights.metrics.figure import Figure
from services.insights.metrics.view import View


def network(view: View) -> dict[str, Figure]:
    counterparts: dict[int, set[int]] = defaultdict(set)
    for giver, receiver in view.edges:
        counterparts[giver].add(receiver)
        counterparts[receiver].add(giver)
    active = counterparts.keys() | view.givers(lambda cell: cell.gift_of_person)
    lay = view.acting_lay | {
        receipt.person
        for receipt in view.receipts
        if receipt.cell.lay and not receipt.cell.from_group
    }
    alone = {person for person in lay if len(counterparts.get(person, ())) <= 1}
    return {
        "F3": people_share(_largest_component(active, counterparts), active, view.defaults.k),
        "F4": people_share(alone, lay, view.defaults.k),
    }


def _largest_component(active: set[int], counterparts: dict[int, set[int]]) -> set[int]:
    """Return the most people that are connected through others; who is alone is connected to one.

    Found anew on each reading: a union-find can't take an edge back.
    """
    largest: set[int] = set()
    unseen = set(active)
    while unseen:
        component: set[int] = set()
        border = {unseen.pop()}
        while border:
            component |= border
            border = {
                near for person in border for near in counterparts.get(person, ())
            } - component
        unseen -= component
        if len(component) > len(largest):
            largest = component
    return largest
