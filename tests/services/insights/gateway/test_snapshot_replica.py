"""What a process reads of the snapshots that it and all others publish."""

from services.insights.gateway.snapshot_replica import SnapshotReplica
from services.insights.release.hub import Latest
from services.insights.release.snapshot import Snapshot
from shared.contracts.topics import INSIGHTS_SERVICES
from shared.log.port import LogRecord, TopicPartition
from tests.services.insights.snapshots import a_snapshot

AT = TopicPartition(INSIGHTS_SERVICES.name, 0)


def record(snapshot: Snapshot, key: bytes | None = b"s-1") -> LogRecord:
    return LogRecord(AT.topic, AT.partition, 0, key, bytes(bytearray(snapshot.body)), ())


async def test_what_is_known_already_is_left_as_it_is() -> None:
    latest = Latest("here")
    mine = a_snapshot(position=2)
    latest.offer(mine)

    await SnapshotReplica(latest, "d").handle({AT: [record(mine)]})

    assert latest.get("s-1") is mine


async def test_what_others_published_since_is_taken_and_what_is_older_is_not() -> None:
    latest = Latest("here")
    latest.offer(a_snapshot(position=2))
    replica = SnapshotReplica(latest, "d")

    await replica.handle({AT: [record(a_snapshot(position=1))]})
    await replica.handle({AT: [record(a_snapshot(position=3))]})

    newest = latest.get("s-1")
    assert newest is not None
    assert newest.version.position == 3


async def test_a_record_without_a_key_is_read() -> None:
    latest = Latest("here")

    await SnapshotReplica(latest, "d").handle({AT: [record(a_snapshot(), key=None)]})

    assert latest.get("s-1") == a_snapshot()
