"""How far events have come, from the positions that the three services give."""

from tools.commands.progress import Progress, missing

SERVICES, PARTICIPANTS, ACTIVITY = (
    "registry.services.v1/3",
    "registry.participants.v1/4",
    "exchange.activity.v1/3",
)
HEADS = {SERVICES: 5, PARTICIPANTS: 7, ACTIVITY: 9}


def progress(
    relayed: dict[str, int], replicated: dict[str, int], folded: dict[str, int]
) -> Progress:
    return Progress(HEADS, relayed, replicated, folded)


def test_nothing_is_missing_where_every_reader_has_what_it_reads() -> None:
    done = progress(HEADS, {SERVICES: 5, PARTICIPANTS: 7}, {SERVICES: 5, ACTIVITY: 9})

    assert done.behind(HEADS) == {}
    assert set(done.lags().values()) == {0}


def test_each_step_is_behind_by_what_it_lacks_itself() -> None:
    begun = progress({SERVICES: 5, ACTIVITY: 8}, {SERVICES: 4}, {SERVICES: 5})

    assert begun.lags() == {
        "publishing": 8,
        "replicating to exchange": 8,
        "folding in insights": 9,
    }
    assert begun.behind(HEADS)["replicating to exchange"] == {SERVICES: 1, PARTICIPANTS: 7}


def test_what_came_after_the_target_is_not_waited_for() -> None:
    later = Progress({**HEADS, ACTIVITY: 20}, HEADS, HEADS, HEADS)

    assert later.behind(HEADS) == {}
    assert later.lags()["folding in insights"] == 11


def test_a_partition_never_seen_is_at_zero() -> None:
    assert missing({"t/0": 2, "t/1": 0}, {}) == {"t/0": 2}
