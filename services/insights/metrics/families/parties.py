"""A. Parties: who is present, how evenly, and the lay share of the whole and of each phase."""

from collections.abc import Iterable
from fractions import Fraction
from math import log

from services.insights.facts.fact import PARTIES, PHASES
from services.insights.metrics.definition import Definition, Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.dimensions import ASSESS, COMMISSION, DELIVER, DESIGN
from services.insights.metrics.engine.predicates import gifts
from services.insights.metrics.engine.tables import halves
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, exactly, missing, rounded
from services.insights.metrics.figure import share as share_of
from services.insights.metrics.readings import EDGES, Reading
from services.insights.metrics.shares import plain, share, weighted
from services.insights.words import table as words


def _present(view: View) -> Figure:
    if not view.contributions:
        return missing(Reason.NO_DATA)
    few = tuple(view.few_givers(question) for question in q.OF_PARTY.values())
    n = len(view.givers(q.EVERYTHING))
    return view.tables.kept("A1", (few, n), lambda: _of_parties(few, n))


def _of_parties(few: Iterable[bool], n: int) -> Figure:
    present = [name for name, absent in zip(PARTIES, few, strict=True) if not absent]
    return exactly(Fraction(len(present)), n, present=present)


def _balance(view: View, lens: str) -> Figure:
    n = view.contributions
    weights = [view.weight(lens, question) for question in q.OF_PARTY.values()]
    total = sum(weights)
    if not total:
        return missing(Reason.NO_DATA, n)
    if view.few_givers(q.EVERYTHING):
        return missing(Reason.BELOW_K, n)
    entropy = -sum(weight / total * log(weight / total) for weight in weights if weight)
    return Figure(rounded(max(entropy, 0.0) / log(len(weights))), n)


def _crossing(view: View, lens: str) -> Figure:
    n = view.cases(lens, q.ACTS_TO_KNOWN)
    crossed, flowed = halves(view.tables.flows, lens)
    if flowed > 0 and view.few_givers(q.ACTS_TO_KNOWN):
        return missing(Reason.BELOW_K, n)
    return share_of(crossed, flowed, n)


def _in_phase(phase: int, *, few_lay: bool = True) -> Definition:
    name = PHASES[phase - 1]
    return share(
        f"A3.{name}",
        fr=f"part des habitants, {words.PHASES[name].fr}",
        en=f"residents' share of {words.PHASES[name].en}",
        formula=f"M(L,{name})/M({name})",
        source="Bovaird 2007; Loeffler's four Co's",
        fields=("party", "minutes", "phase"),
        readings=(Reading("phase", "Contributions of every mode in the phase."),),
        few_lay=few_lay,
        part=gifts(lay=True, phase=phase),
        whole=gifts(phase=phase),
    )


FAMILY = Family(
    id="A",
    clause="délivrer un service dans une relation réciproque et égale entre les professionnels,"
    " les utilisateurs, et la sphère familiale et sociale",
    metrics=(
        plain(
            "A1",
            _present,
            fr="groupes présents en nombre suffisant",
            en="groups present with enough people",
            formula="#{q: ≥k distinct givers of party q}",
            source="the founding article",
            fields=("party",),
            range="0-3",
            reading="3 are asked for by the grade transformative",
            readings=(
                Reading(
                    "parties_present", "Groups count as givers. Without any contribution: no_data."
                ),
            ),
            unit="parties",
        ),
        weighted(
            "A2",
            _balance,
            fr="équilibre entre les groupes",
            en="balance between the groups",
            formula="H(M_P,M_U,M_F)/ln 3",
            source="Shannon 1948, as evenness",
            fields=("party", "minutes"),
            reading="1: equal; below 0.3 one dominates. Absence is the alarm, equality no goal",
            readings=(Reading("balance", "An absent party adds 0. n is all contributions of W."),),
            unit="index",
        ),
        share(
            "A3",
            fr="part des habitants",
            en="residents' share",
            formula="M(L)/M",
            source="Bovaird 2007",
            fields=("party", "minutes"),
            readings=(Reading("all", "Contributions of every mode and phase."),),
            part=q.LAY,
            whole=q.EVERYTHING,
        ),
        _in_phase(COMMISSION),
        _in_phase(DESIGN),
        _in_phase(DELIVER),
        _in_phase(ASSESS, few_lay=False),
        weighted(
            "A4",
            _crossing,
            fr="échange entre groupes",
            en="exchange between groups",
            formula="Σw_ij[party i≠party j]/Σw_ij",
            source="the founding article",
            fields=("party", "minutes", "mode", "receivers", "receiver_party"),
            reading="0: parallel worlds",
            readings=(
                EDGES,
                Reading(
                    "known_parties",
                    "Edges to receivers of unknown party are left out, edge by edge; n is of the"
                    " acts that keep one, each with all its minutes.",
                ),
            ),
            exchange=True,
            interval="contributions",
        ),
    ),
)
