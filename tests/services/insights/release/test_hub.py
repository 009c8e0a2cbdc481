"""The newest snapshot of each service, and followers that never hold anybody up."""

from services.insights.release.hub import Follower, Latest
from services.insights.release.snapshot import read
from tests.services.insights.snapshots import a_snapshot


def taken(follower: Follower) -> list[tuple[str, str, int]]:
    """Take everything that waits: (kind, service, position)."""
    found: list[tuple[str, str, int]] = []
    while (one := follower.take()) is not None:
        kind, entry = one
        found.append((kind, entry.snapshot.service_id, entry.snapshot.version.position))
    return found


def test_an_older_snapshot_never_replaces_a_newer_one() -> None:
    latest = Latest("a")

    assert latest.offer(a_snapshot(position=2))
    assert not latest.offer(a_snapshot(position=2))
    assert not latest.offer(a_snapshot(position=1))
    found = latest.get("s-1")
    assert found is not None
    assert found.version.position == 2


def test_a_snapshot_comes_back_from_its_bytes_unchanged() -> None:
    snapshot = a_snapshot()

    assert read(snapshot.body) == snapshot
    assert b'"metrics"' not in snapshot.glance


def test_a_follower_gets_each_service_first_and_then_its_changes() -> None:
    latest = Latest("a")
    latest.offer(a_snapshot("s-1"))

    with latest.follow(None, None) as follower:
        assert taken(follower) == [("snapshot", "s-1", 1)]
        latest.offer(a_snapshot("s-2"))
        latest.offer(a_snapshot("s-1", 2))
        assert taken(follower) == [("snapshot", "s-2", 1), ("change", "s-1", 2)]


def test_only_the_newest_waits_for_a_slow_follower() -> None:
    latest = Latest("a")

    with latest.follow(None, None) as follower:
        for position in range(1, 1000):
            latest.offer(a_snapshot("s-1", position))
        latest.offer(a_snapshot("s-2"))
        assert taken(follower) == [("snapshot", "s-1", 999), ("snapshot", "s-2", 1)]


def test_a_follower_of_one_service_hears_of_no_other() -> None:
    latest = Latest("a")

    with latest.follow(frozenset({"s-2"}), None) as follower:
        latest.offer(a_snapshot("s-1"))
        latest.offer(a_snapshot("s-2"))
        assert taken(follower) == [("snapshot", "s-2", 1)]


def test_who_comes_back_gets_only_what_it_has_not() -> None:
    latest = Latest("a")
    for service_id in ("s-1", "s-2", "s-3"):
        latest.offer(a_snapshot(service_id))

    with latest.follow(None, "a-2") as follower:
        latest.offer(a_snapshot("s-1", 2))
        assert taken(follower) == [("snapshot", "s-3", 1), ("change", "s-1", 2)]


def test_an_event_id_of_another_process_skips_nothing() -> None:
    latest = Latest("b")
    latest.offer(a_snapshot())

    with latest.follow(None, "a-2") as follower:
        assert taken(follower) == [("snapshot", "s-1", 1)]


def test_who_has_left_is_offered_nothing() -> None:
    latest = Latest("a")
    with latest.follow(None, None) as follower:
        pass

    latest.offer(a_snapshot())

    assert taken(follower) == []
