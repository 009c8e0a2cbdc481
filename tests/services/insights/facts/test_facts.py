"""What each event of a contribution's life adds and takes back, and how facts are packed."""

import msgspec
import pytest

from services.insights.facts.encoding import FORMAT_VERSION, UnknownFormat, pack, unpack
from services.insights.facts.fact import (
    CHANNELS,
    CHOICES,
    KINDS,
    KNOWLEDGES,
    MODES,
    PARTIES,
    PHASES,
    SCOPES,
    STAGES,
    ActFact,
    ConsultationFact,
    RoleFact,
    day_number,
    turned,
)
from services.insights.facts.from_events import facts_of
from shared.contracts.exchange import (
    Act,
    ConsultationClosed,
    ConsultationOpened,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionRecorded,
    ContributionVoided,
    DisputeResolved,
    Receiver,
)
from shared.contracts.registry import RoleStartMoved, ServiceClosed
from shared.contracts.vocabulary import (
    Channel,
    Choice,
    Knowledge,
    Message,
    Mode,
    Outcome,
    ParticipantKind,
    Party,
    Phase,
    Scope,
    Stage,
)
from tests.support.archetypes import DAY, Codes, Story, moment

BEFORE = Story().act("u1", 3, ["u2"], minutes=30)
AFTER = Story().act("u1", 3, ["u3"], minutes=45)


def signs(event: Message) -> list[tuple[int, int]]:
    facts = facts_of(event, Codes())
    return [(fact.sign, fact.minutes) for fact in facts if isinstance(fact, ActFact)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ContributionRecorded(act=BEFORE), []),
        (ContributionConfirmed(act=BEFORE, by="u2"), [(1, 30)]),
        (ContributionDisputed(act=BEFORE, by="u2", reason_code="wrong", counted=True), [(-1, 30)]),
        (ContributionDisputed(act=BEFORE, by="u2", reason_code="wrong", counted=False), []),
        (DisputeResolved(act=BEFORE, by="p1", outcome=Outcome.UPHELD), []),
        (DisputeResolved(act=BEFORE, by="p1", outcome=Outcome.REJECTED), [(1, 30)]),
        (DisputeResolved(act=AFTER, by="p1", outcome=Outcome.CORRECTED), [(1, 45)]),
        (
            ContributionCorrected(before=BEFORE, after=AFTER, by="u1", counted=True),
            [(-1, 30), (1, 45)],
        ),
        (ContributionCorrected(before=BEFORE, after=AFTER, by="u1", counted=False), []),
        (ContributionVoided(act=BEFORE, by="u1", reason_code="double", counted=True), [(-1, 30)]),
        (ContributionVoided(act=BEFORE, by="u1", reason_code="double", counted=False), []),
        (ServiceClosed(service_id="s", closed_on=DAY), []),
    ],
)
def test_only_what_counts_is_added_and_only_what_counted_is_taken_back(
    event: Message, expected: list[tuple[int, int]]
) -> None:
    assert signs(event) == expected


def test_receivers_are_distinct_in_the_acts_order_and_never_the_giver() -> None:
    names = ("u3", "u1", "u2", "u3")
    act = Act.model_validate(
        BEFORE.model_dump()
        | {"receivers": [Receiver(participant_id=one, party="user") for one in names]}
    )
    code = Codes()

    (fact,) = facts_of(ContributionConfirmed(act=act, by="u2"), code)

    assert isinstance(fact, ActFact)
    assert fact.receivers == ((code("participant", "u3"), 2), (code("participant", "u2"), 2))


def test_blank_fields_are_nought_and_missing_minutes_are_no_minutes() -> None:
    act = Story(timed=False).act("u1", 3, phase=None, mode=None)

    (fact,) = facts_of(ContributionConfirmed(act=act, by="u2"), Codes())

    assert isinstance(fact, ActFact)
    assert (fact.phase, fact.mode, fact.minutes, fact.episode, fact.kind) == (0, 0, -1, 0, 0)


def test_a_role_whose_start_moved_is_taken_back_and_added() -> None:
    moved = RoleStartMoved(
        service_id="s",
        participant_id="u1",
        participant_kind="person",
        party="user",
        since_before=DAY,
        since=DAY.replace(day=1),
    )

    before, after = facts_of(moved, Codes())

    assert isinstance(before, RoleFact)
    assert (before.sign, before.day, after.sign, after.day) == (
        -1,
        day_number(DAY),
        1,
        day_number(DAY) - 29,
    )
    assert turned(before) == msgspec.structs.replace(after, day=before.day)


def test_amounts_beyond_sixty_four_bits_survive() -> None:
    story = Story()
    story.allocation(1, 2**80)
    story.allocation(1, 5)
    facts = story.facts()

    assert unpack(pack(facts)) == facts


def test_packed_facts_of_another_format_are_refused() -> None:
    with pytest.raises(UnknownFormat, match="format 100"):
        unpack(msgspec.msgpack.encode([FORMAT_VERSION + 98, 0, [], {}]))


def test_consultations_are_facts_of_the_days_they_open_and_close() -> None:
    at = moment(3)
    of = {"consultation_id": "c", "service_id": "s", "opened_at": at}

    opened = facts_of(ConsultationOpened(title="Parks", **of), Codes())
    closed = facts_of(ConsultationClosed(closed_at=moment(1), **of), Codes())

    day = day_number(at)
    assert opened == [ConsultationFact(1, day, 1, 1)]
    assert closed == [ConsultationFact(1, day + 2, 1, 0)]
    assert unpack(pack(opened + closed)) == opened + closed


def test_each_value_of_an_act_stands_in_the_field_of_its_name() -> None:
    act = Act(
        contribution_id="c",
        service_id="s",
        occurred_at=moment(0),
        giver_id="g",
        giver_kind=ParticipantKind.GROUP,
        giver_party=Party.FAMILY_SOCIAL,
        giver_org="o",
        receivers=(Receiver(participant_id="r", party=Party.USER),),
        receiver_groups=("rg1", "rg2"),
        phase=Phase.ASSESS,
        mode=Mode.OPINION,
        choice=Choice.PASS,
        kind="civic",
        scope=Scope.SYSTEM,
        stage=Stage.RECOVERY,
        knowledge=Knowledge.LIVED,
        minutes=17,
        episode_id="e",
        channel=Channel.PAPER,
        recorded_by="g",
    )
    codes = {"service": 101, "organisation": 102, "episode": 103}

    (fact,) = facts_of(
        ContributionDisputed(act=act, by="r", reason_code="wrong", counted=True),
        lambda kind, text: codes.get(kind) or 200 + ord(text),
    )[:1]

    assert msgspec.structs.asdict(fact) == {
        "service": 101,
        "day": day_number(act.occurred_at),
        "sign": -1,
        "giver": 200 + ord("g"),
        "giver_group": 1,
        "party": PARTIES.index("family_social") + 1,
        "phase": PHASES.index("assess") + 1,
        "mode": MODES.index("opinion") + 1,
        "kind": KINDS.index("civic") + 1,
        "choice": CHOICES.index("pass") + 1,
        "scope": SCOPES.index("system") + 1,
        "stage": STAGES.index("recovery") + 1,
        "knowledge": KNOWLEDGES.index("lived") + 1,
        "channel": CHANNELS.index("paper") + 1,
        "minutes": 17,
        "organisation": 102,
        "episode": 103,
        "receiver_groups": 2,
        "receivers": ((200 + ord("r"), PARTIES.index("user") + 1),),
    }
