"""The rule: from evidence to a class, by steps 0 to 8 of the definition; no margin, no history."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache

from services.insights.metrics.thresholds import Thresholds
from services.insights.verdict.evidence import Evidence
from services.insights.verdict.side import Seen


class ServiceClass(StrEnum):
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    CONSULTATION = "consultation"
    CO_DESIGN = "co_design"
    CONVENTIONAL = "conventional"
    VOLUNTEERING = "volunteering"
    MUTUAL_AID = "mutual_aid"
    CO_DELIVERY = "co_delivery"
    CO_PRODUCTION = "co_production"


class Flag(StrEnum):
    CO_COMMISSION = "co_commission"
    DELIVERY_UNOBSERVED = "delivery_unobserved"
    NO_DELIVERY_FACTS = "no_delivery_facts"
    RECIPROCITY_UNOBSERVABLE = "reciprocity_unobservable"
    PLANNING_UNOBSERVED = "planning_unobserved"
    FEW_LAY = "few_lay"


class Band(StrEnum):
    SOLE_PROFESSIONAL = "sole-professional"
    SHARED = "shared"
    SOLE_LAY = "sole-lay"


_CO_DESIGN_STEP = 2  # the one of steps 1 to 3 that planning reaches


@dataclass(frozen=True, slots=True)
class Ruling:
    """``step``: the number of the step that decided."""

    service_class: ServiceClass
    step: int
    flags: tuple[Flag, ...] = ()


def rule(evidence: Evidence) -> Ruling:
    """Return the class of this evidence."""
    return ruled(evidence.seen)


@cache
def ruled(seen: Seen) -> Ruling:
    """Return the class of what is seen: there are few ways to see, and flips try many of them."""
    if not seen.enough:
        ruling = Ruling(ServiceClass.INSUFFICIENT_EVIDENCE, 0)
    elif seen.d_reaches:
        ruling = _executed_together(seen)
    else:
        ruling = _said_of_few(_executed_without(seen), seen)
    if not seen.p_known:
        flags = (*ruling.flags, Flag.PLANNING_UNOBSERVED)
        return Ruling(ruling.service_class, ruling.step, flags)
    return ruling


def _executed_without(seen: Seen) -> Ruling:
    """Steps 1 to 3: lay people deliver less than a tenth, or nothing is observed of delivery."""
    if seen.p_reaches:
        flags = [
            flag
            for flag, holds in (
                (Flag.CO_COMMISSION, seen.resources),
                (Flag.DELIVERY_UNOBSERVED, not seen.d_known),
            )
            if holds
        ]
        return Ruling(ServiceClass.CO_DESIGN, _CO_DESIGN_STEP, tuple(flags))
    if seen.asked and seen.opinion_reaches:
        return Ruling(ServiceClass.CONSULTATION, 1)
    if not seen.d_known:
        return Ruling(ServiceClass.INSUFFICIENT_EVIDENCE, 3, (Flag.NO_DELIVERY_FACTS,))
    return Ruling(ServiceClass.CONVENTIONAL, 3)


def _said_of_few(ruling: Ruling, seen: Seen) -> Ruling:
    """Return what steps 1 to 3 say where a share that they call small is held back, and is not."""
    if not (seen.d_few or (seen.planning_few and ruling.step != _CO_DESIGN_STEP)):
        return ruling
    kept = tuple(flag for flag in ruling.flags if flag is Flag.NO_DELIVERY_FACTS)
    return Ruling(ServiceClass.INSUFFICIENT_EVIDENCE, ruling.step, (*kept, Flag.FEW_LAY))


def _executed_together(seen: Seen) -> Ruling:
    """Steps 4 to 8: lay people deliver a tenth or more."""
    if seen.unknown_exceeds or not (seen.e1b_known or seen.k1_known):
        return Ruling(ServiceClass.VOLUNTEERING, 4, (Flag.RECIPROCITY_UNOBSERVABLE,))
    if seen.e1b_below or seen.k1_reaches:
        return Ruling(ServiceClass.VOLUNTEERING, 5)
    if seen.d_exceeds and not seen.g2_reaches:
        return Ruling(ServiceClass.MUTUAL_AID, 6)
    if seen.p_reaches:
        return Ruling(ServiceClass.CO_PRODUCTION, 8)
    return Ruling(ServiceClass.CO_DELIVERY, 7)


def band(share: Fraction | None, thresholds: Thresholds) -> Band | None:
    """Return the band of an axis; None where nothing is observed of it."""
    if share is None:
        return None
    if share < thresholds.band_low:
        return Band.SOLE_PROFESSIONAL
    return Band.SHARED if share <= thresholds.band_high else Band.SOLE_LAY
