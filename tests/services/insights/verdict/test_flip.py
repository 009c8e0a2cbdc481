"""The nearest flip, worked by hand, and what it takes to change and to announce a class."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from services.insights.metrics.figure import Figure, share
from services.insights.metrics.thresholds import DEFAULTS
from services.insights.verdict.evidence import Evidence, Grounds, Part
from services.insights.verdict.flip import Step, nearest_flip
from services.insights.verdict.margin import MOVABLE, class_with_margin, moved
from services.insights.verdict.rule import ServiceClass, rule
from services.insights.verdict.sentences.flips import flip_json

HALF = Fraction(1, 2)


def part(numerator: int, denominator: int, givers: int = 9) -> Part:
    short = max(DEFAULTS.k - givers, 0)
    return Part(numerator, denominator, denominator, short, held_back=0 < short < DEFAULTS.k)


def shown(part: Part | None) -> Fraction | None:
    return part.exact if part and not part.held_back else None


def held_back(part: Part | None) -> Fraction | None:
    return part.exact if part and part.held_back else None


def grounds(
    *,
    delivery: Part | None = None,
    planning: Part | None = None,
    votes: Figure | None = None,
    e1b: tuple[int, int] = (20, 35),
    k1: tuple[int, int] = (30, 100),
    unknown: tuple[int, int] = (0, 100),
    opinions: tuple[int, int] = (0, 100),
) -> Grounds:
    votes = votes or share(0, 0, 0)
    shares = [one for one in (votes.exact, shown(planning)) if one is not None]
    return Grounds(
        evidence=Evidence(
            enough=True,
            d=shown(delivery),
            d_held_back=held_back(delivery),
            planning_held_back=held_back(planning),
            p=sum(shares, Fraction(0)) / len(shares) if shares else None,
            e1b=Fraction(*e1b),
            k1=Fraction(*k1),
            unknown=Fraction(*unknown),
            opinion=Fraction(*opinions),
            opinion_people=20,
            g2=None,
            resources=False,
            thresholds=DEFAULTS,
        ),
        lens="count",
        acts=200,
        givers=40,
        span_days=80,
        last_day=None,
        delivery=delivery,
        planning=planning,
        votes=votes,
        e1b=share(*e1b, e1b[1]),
        k1=share(*k1, k1[1]),
        unknown=unknown,
        opinions=opinions,
        exchanging=e1b[0],
    )


def test_one_more_giver_who_receives_changes_the_class_and_two_have_it_announced() -> None:
    flip = nearest_flip(grounds(delivery=part(50, 100), planning=part(50, 100), e1b=(6, 35)))

    assert flip is not None
    assert (flip.quantity, flip.from_class, flip.to_class) == (
        "e1b",
        ServiceClass.VOLUNTEERING,
        ServiceClass.CO_PRODUCTION,
    )
    assert flip.to_change == Step(1, 7, 35)
    assert flip.to_announce == Step(2, 8, 35)
    text = flip_json(flip)["text"]
    assert "givers who also receive 0.171 (6/35)" in text["en"]
    assert "1 person more of those who give also receive (7/35)" in text["en"]
    assert "2 people (8/35) to have it announced" in text["en"]
    assert "ceux qui donnent et qui ont reçu 0,171 (6/35)" in text["fr"]


def test_weighted_shares_add_units_to_the_whole() -> None:
    flip = nearest_flip(grounds(delivery=part(8, 100), planning=part(50, 100)))

    assert flip is not None
    assert (flip.quantity, flip.to_class) == ("d", ServiceClass.CO_PRODUCTION)
    # (8 + 3) / (100 + 3) = 0.107, where 2 more give 0.098; (8 + 5) / 105 = 0.124 is past 0.12
    assert (flip.to_change, flip.to_announce) == (Step(3, 11, 103), Step(5, 13, 105))


def test_a_share_of_nobody_takes_as_many_units_as_people_are_missing() -> None:
    flip = nearest_flip(grounds(delivery=part(0, 20, givers=0), planning=part(50, 100)))

    assert flip is not None
    # 3 of 23 reach a tenth, but would come from fewer than k
    assert (flip.value, flip.to_change.add) == (Fraction(0), 5)
    assert flip_json(flip)["givers_missing"] == 5
    assert "from 5 more people at least" in flip_json(flip)["text"]["en"]


def test_a_share_that_is_held_back_is_no_flip_and_moves_none() -> None:
    few = grounds(delivery=part(9, 100, givers=2), planning=part(9, 100, givers=2))
    voted = grounds(
        delivery=part(50, 100), planning=part(50, 100, givers=2), votes=share(5, 100, 4)
    )

    of_few, of_votes = nearest_flip(few), nearest_flip(voted)

    assert of_few is not None
    assert of_few.quantity == "opinion"
    assert of_votes is not None
    # p is that of the votes alone: 11 of 106
    assert (of_votes.lever.unit, of_votes.to_change) == ("vote_weight", Step(6, 11, 106))


def test_the_unknown_share_is_named_last_however_near() -> None:
    near = grounds(delivery=part(50, 100), planning=part(50, 100), unknown=(50, 100))

    flip = nearest_flip(near)

    assert flip is not None
    assert (flip.quantity, flip.to_class) == ("e1b", ServiceClass.VOLUNTEERING)


def test_planning_moves_by_half_where_votes_are_the_other_half() -> None:
    flip = nearest_flip(
        grounds(delivery=part(50, 100), planning=part(0, 20), votes=share(1, 10, 4), e1b=(35, 35))
    )

    assert flip is not None
    # p = (0.1 + 0) / 2; its acts have to reach 0.1: 3 of 23
    assert (flip.quantity, flip.value, flip.to_change) == ("p", Fraction(1, 20), Step(3, 3, 23))


def test_votes_move_planning_where_there_are_no_planning_acts() -> None:
    flip = nearest_flip(grounds(delivery=part(50, 100), votes=share(5, 100, 4)))

    assert flip is not None
    assert (flip.quantity, flip.lever.unit, flip.to_change) == (
        "p",
        "vote_weight",
        Step(6, 11, 106),
    )


def test_of_two_moves_as_small_the_first_in_order_is_named() -> None:
    flip = nearest_flip(
        grounds(delivery=part(15, 100), planning=part(15, 100), e1b=(35, 35), k1=(0, 100))
    )

    assert flip is not None
    assert (flip.quantity, flip.to_class) == ("d", ServiceClass.CO_DESIGN)


def test_below_the_floor_no_single_move_gives_a_class() -> None:
    found = grounds(delivery=part(50, 100), planning=part(50, 100))
    few = replace(found, evidence=replace(found.evidence, enough=False))

    assert rule(few.evidence).service_class is ServiceClass.INSUFFICIENT_EVIDENCE
    assert nearest_flip(few) is None


def test_without_delivery_no_flip_leads_to_insufficient_evidence() -> None:
    flip = nearest_flip(grounds(planning=part(12, 100)))

    assert flip is None


shares = st.fractions(0, 1, max_denominator=60)
maybe = st.one_of(st.none(), shares)
evidences = st.builds(
    Evidence,
    enough=st.just(True),
    d=maybe,
    p=maybe,
    d_held_back=st.none(),
    planning_held_back=maybe,
    e1b=maybe,
    k1=maybe,
    unknown=maybe,
    opinion=maybe,
    opinion_people=st.integers(0, 9),
    g2=maybe,
    resources=st.booleans(),
    thresholds=st.just(DEFAULTS),
)


@settings(max_examples=80, deadline=None)
@given(evidence=evidences, previous=st.sampled_from(ServiceClass))
def test_a_class_is_announced_once_no_quantity_is_within_the_margin_of_the_one_before(
    evidence: Evidence, previous: ServiceClass
) -> None:
    found = class_with_margin(evidence, previous)

    own = rule(evidence).service_class
    near = [
        moved(evidence, quantity, value + step)
        for quantity in MOVABLE
        if (value := getattr(evidence, quantity)) is not None
        for step in (DEFAULTS.margin, -DEFAULTS.margin)
    ]
    assert found is (previous if previous in near else own)


@settings(max_examples=80, deadline=None)
@given(
    d=st.integers(0, 100),
    p=st.integers(0, 100),
    e1b=st.integers(0, 35),
    k1=st.integers(0, 100),
    unknown=st.integers(0, 100),
)
def test_taking_the_step_changes_the_class_and_one_unit_less_does_not(
    d: int, p: int, e1b: int, k1: int, unknown: int
) -> None:
    found = grounds(
        delivery=part(d, 100),
        planning=part(p, 100),
        e1b=(e1b, 35),
        k1=(k1, 100),
        unknown=(unknown, 100),
    )

    flip = nearest_flip(found)

    assert flip is not None
    step, lever = flip.to_change, flip.lever
    after = Fraction(step.numerator, step.denominator)
    assert moved(found.evidence, flip.quantity, after) is flip.to_class
    less = Fraction(
        step.numerator - (1 if flip.up else -1 if lever.people else 0),
        step.denominator - (0 if lever.people else 1),
    )
    assert moved(found.evidence, flip.quantity, less) is flip.from_class
    if flip.to_announce is not None:
        assert flip.to_announce.add >= step.add
        announced = Fraction(flip.to_announce.numerator, flip.to_announce.denominator)
        margin = DEFAULTS.margin if flip.up else -DEFAULTS.margin
        assert moved(found.evidence, flip.quantity, announced - margin) is flip.to_class
