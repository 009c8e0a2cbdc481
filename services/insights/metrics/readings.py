"""Readings: how the definitions are read where a formula alone leaves a choice, as published.

Whoever has these, the definitions and the exported facts gets the same figures.
"""

from typing import NamedTuple


class Reading(NamedTuple):
    id: str
    text: str


def written(readings: tuple[Reading, ...]) -> list[dict[str, str]]:
    return [reading._asdict() for reading in readings]


GENERAL: tuple[Reading, ...] = (
    Reading(
        "windows",
        "A day is the UTC date of the act. A window of W days ends on the as-of day D, both"
        " included; life is all days up to D. As of a day means by when things happened, never by"
        " when they were recorded. What no event dates (whose a service is, which organisations"
        " are linked to it) is read as known now, whatever D.",
    ),
    Reading(
        "contributions",
        "Contributions are those confirmed and neither voided nor under dispute, as last corrected."
        " M(c) is the weight of those with c. An act is a contribution of mode act. A blank mode is"
        " neither act nor opinion; a blank phase belongs to no phase.",
    ),
    Reading(
        "parties",
        "Lay (L) is user or family_social, by the stamp on each act. Groups count as givers in M,"
        " in the floor and in k; they are no people in E, F, J, K, M3 and M6.",
    ),
    Reading(
        "floor",
        "below_floor: fewer than 20 contributions (also without a mode) and decisions in W; or"
        " fewer than 5 givers in W, who are the distinct givers of contributions or the voters of"
        " the one decision that had most, whichever are more (voters are not named, so they are"
        " never added to givers); or fewer than 28 days from the first to the last contribution or"
        " decision of the service's life up to D, both included.",
    ),
    Reading(
        "lens",
        "Weighted figures weigh acts by minutes or by count, never by both. In the minutes lens an"
        " act without minutes weighs 0. minutes_missing: fewer than 80 % of the acts in W carry"
        " minutes, or of all contributions where none is an act. The verdict's lens is minutes"
        " where 80 % of those do, else counts; without any contribution it is counts.",
    ),
    Reading(
        "k",
        "below_k: fewer than 5 distinct givers, or people, behind the denominator. H1 and H3 are"
        " exempt; for B3 they are those who gave the feedback, for G2 the givers in the episodes,"
        " for E3 the persons with an arc.",
    ),
    Reading(
        "reasons",
        "A figure that is null has the first of these reasons that holds: below_floor,"
        " minutes_missing, receivers_unknown, affiliation_unknown, field_missing,"
        " observed_too_short, no_data (the denominator is empty or weighs 0, whoever stands behind"
        " it), currencies_mixed, below_k, few_lay.",
    ),
    Reading(
        "intervals",
        "Intervals are Wilson's, z = 1.959963984540054. n is people for shares of people, episodes"
        " for G2, arcs for E3.r, feedbacks for B3; for weighted shares the contributions in the"
        " denominator, in the minutes lens (Σm)²/Σm² over the minutes m of those contributions,"
        " rounded down. Figures that are no shares have none. Rows cluster by person, so intervals"
        " of weighted shares are somewhat too narrow.",
    ),
)

FIELD_MISSING = Reading(
    "field_missing",
    "A blank field is unknown, never no: the share is over what carries the field. field_missing:"
    " that is less than half, by weight, of what the share is over before the field is asked for.",
)
FEW_LAY = Reading(
    "few_lay",
    "With 1 to 4 distinct lay givers behind the lay part, whatever they weigh, the share is null,"
    " few_lay. With none it is 0.",
)
RECEIVERS = Reading(
    "receivers",
    "Receivers are the distinct persons named, without the giver; who is named twice has the party"
    " named first. Groups are no persons: an act that names only groups has unknown receivers. An"
    " act with more than 50 receivers is a gift to a group: it is no receipt, and its receivers"
    " are unknown.",
)
RECEIVERS_UNKNOWN = Reading(
    "receivers_unknown",
    "Let T be the lay delivery acts of W, or all delivery acts where none is lay."
    " receivers_unknown: T is empty, or unknown receivers hold more than half of its weight; a T of"
    " weight 0 is not unknown. A weighted figure asks this in its own lens, one without a lens in"
    " the verdict's.",
)
RECEIPTS = Reading(
    "receipts",
    "A receipt is to be named as receiver of an act, by a person or a group. An act of kind train,"
    " facilitate or connect is none: being trained to help is not being helped.",
)
EDGES = Reading(
    "edges",
    "w_ij gets each act's weight in millionths over its receivers, in equal whole parts, the"
    " remainder one by one to the first named. Givers are persons; acts of every kind make arcs.",
)
HELPED_WHATEVER = Reading(
    "gave_and_received",
    "G_L is the persons who gave an act stamped lay; R those with a receipt, R_L with a receipt"
    " stamped lay. E1 asks for receipts in W, E1b and K1 for any up to D, from anyone.",
)
VERDICT: tuple[Reading, ...] = (
    Reading(
        "axes",
        "d is the lay share of delivery acts (G1); p the mean of those known of H1 and the lay"
        " share of acts of phase commission or design, over W or 365 days, whichever is longer, in"
        " W's lens. A share is absent where its acts weigh nothing, and is 0 where no giver is lay,"
        " also where too few gave for the figure to be shown.",
    ),
    Reading(
        "few_lay",
        "With 1 to 4 distinct lay givers behind it, d or the planning acts' share is held back: no"
        " axis, cell, flip or text states it or its complement. In p it is left out of the mean; d"
        " counts as below 1/10. Where a d held back is 1/10 or more, steps 1 to 3 give"
        " insufficient_evidence, flag few_lay; where a planning share held back is, steps 1 and 3"
        " do.",
    ),
    Reading(
        "rule",
        "The first that holds. 0 below the floor: insufficient_evidence (a party stands on every"
        " act, so no weight is without one). Where d < 1/10 or absent:"
        " 1 p < 1/10 or absent, 5 lay people or more gave opinions, and opinions are half or more"
        " of lay contributions by count: consultation. 2 p ≥ 1/10: co_design. 3 else conventional;"
        " insufficient_evidence, flag no_delivery_facts, where d is absent. Where d ≥ 1/10: 4"
        " unknown receivers hold more than half of the weight of lay delivery acts, or E1b and K1"
        " are both null (before receivers_unknown): volunteering, flag reciprocity_unobservable. 5"
        " E1b < 0.2 or K1 ≥ 0.8: volunteering. 6 d > 0.9 and not G2 ≥ 0.5: mutual_aid. 7 p < 1/10"
        " or absent: co_delivery. 8 else co_production. Thresholds are compared as exact"
        " fractions.",
    ),
    Reading(
        "flags",
        "planning_unobserved: p is absent. co_commission: co_design, and H3 of W is above 0."
        " delivery_unobserved: co_design, and d is absent.",
    ),
    Reading(
        "grade",
        "T1 J1 < 0.5. T2 J2 < 0.7 and J3 ≥ 0.3. T3 A1 = 3 and G2 ≥ 0.5. T6 N1 ≥ 0.1. A test of"
        " several conditions fails if one fails, else is unknown if one is; unknown never passes."
        " established: T1, T2, T3 and T6 pass; transformative: all of T1 to T8 do; else emerging.",
    ),
    Reading(
        "tentative",
        "Either end of an interval of d, p, E1b or K1 gives another class. The interval of p is"
        " that of its acts, with the votes as they are; a share that is held back has none.",
    ),
    Reading(
        "nearest_flip",
        "One of d, p, E1b, K1, the unknown share and the opinion share moves past its threshold,"
        " the others stay; the smallest distance that gives another class, not"
        " insufficient_evidence; ties in that order, and the unknown share after all others. Past"
        " the unknown share E1b and K1 are as they are without receivers_unknown. What is null or"
        " held back can't be moved. p moves by planning acts where they alone can, else by votes."
        " Shares of people keep their denominator, weighted shares add units to it.",
    ),
    Reading(
        "announced",
        "A class is announced once two successive days agree on it and no quantity is within 0.02"
        " of a value that would give the class announced before; a grade needs two days and no"
        " margin.",
    ),
)
