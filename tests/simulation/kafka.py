"""A stand-in for Kafka's server: partitions, numbered batches of producers, and consumer groups.

Requests come from ``kafka_clients`` over a network of the schedule's luck. Records that are
acknowledged stay, in their order, unless the schedule takes the log's tail away on purpose.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber

from tests.simulation.loop import later_outside
from tests.simulation.luck import Fate, Luck
from tests.simulation.postgres import settle

T = TypeVar("T")
SESSION_SECONDS = 0.8
REBALANCE_SECONDS = 0.6
REMEMBERED_BATCHES = 5


@dataclass(eq=False)
class Member:
    """One consumer in a group; ``joined`` is answered when the group has settled."""

    number: int
    topics: Sequence[str]
    heard_at: float
    joined: "asyncio.Future[frozenset[KafkaPartition]] | None" = None


@dataclass
class Group:
    """Members and who has what; ``settling`` while it waits for all of them to join again."""

    members: dict[int, Member] = field(default_factory=dict)
    settling: bool = False
    rounds: int = 0
    offsets: dict[KafkaPartition, int] = field(default_factory=dict)


class Broker:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, luck: Luck, partitions: Mapping[str, int]
    ) -> None:
        self.loop, self.luck = loop, luck
        self.partitions = dict(partitions)
        self.logs: dict[KafkaPartition, list[ConsumerRecord[Any, Any]]] = {
            KafkaPartition(topic, number): []
            for topic, count in partitions.items()
            for number in range(count)
        }
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.lost: set[tuple[KafkaPartition, Any]] = set()  # acknowledged, and never written
        self.up = True
        self.grown = loop.create_future()  # resolved and replaced at each append
        self._sequences: dict[tuple[int, KafkaPartition], list[int]] = {}
        self._numbers = 0

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def away(self, seconds: float) -> None:
        self.up = False
        later_outside(self.loop, seconds, self._back)

    def _back(self) -> None:
        self.up = True

    async def request(self, work: Callable[[], T]) -> T:
        """Do the work at the server; it is done whether or not the client lives to hear of it.

        Raises:
            KafkaConnectionError: nobody can tell whether it was done.
        """
        fate = self.luck.fate()
        answer: asyncio.Future[T] = self.loop.create_future()
        later_outside(self.loop, fate.delay_to, self._arrived, work, fate, answer)
        return await answer

    def _arrived(self, work: Callable[[], T], fate: Fate, answer: "asyncio.Future[T]") -> None:
        if fate.lost_to or not self.up:
            later_outside(self.loop, 0.1, settle, answer, KafkaConnectionError("no answer"))
            return
        outcome: T | Exception
        try:
            outcome = work()
        except Exception as refused:  # noqa: BLE001 - what the server says goes to the client
            outcome = refused
        if fate.lost_back:
            outcome = KafkaConnectionError("no answer")
        later_outside(self.loop, fate.delay_back, settle, answer, outcome)

    # --- producing

    def append(
        self, producer: int, at: KafkaPartition, first: int, records: Sequence[tuple[Any, Any, Any]]
    ) -> None:
        """Write a numbered batch once.

        Raises:
            OutOfOrderSequenceNumber: a batch before this one was numbered and never written.
        """
        firsts = self._sequences.setdefault((producer, at), [0])
        if first in firsts[:-1]:
            return  # written already
        if first != firsts[-1]:
            raise OutOfOrderSequenceNumber
        if self.luck.strikes("acknowledged_lost"):
            self.lost.update((at, value) for _, value, _ in records)
        else:
            self.write(at, records)
        firsts.append(first + len(records))
        del firsts[: -REMEMBERED_BATCHES - 1]

    def write(self, at: KafkaPartition, records: Sequence[tuple[Any, Any, Any]]) -> None:
        log = self.logs[at]
        for key, value, headers in records:
            log.append(
                ConsumerRecord(
                    *at,
                    len(log),
                    0,
                    0,
                    key,
                    value,
                    None,
                    len(key or b""),
                    len(value or b""),
                    tuple(headers),
                )
            )
        grown, self.grown = self.grown, self.loop.create_future()
        grown.set_result(None)

    def lose_tail(self, at: KafkaPartition, left: int) -> None:
        """Have the log end earlier, as after an unclean election or in a topic made anew."""
        log = self.logs[at]
        self.lost.update((at, record.value) for record in log[left:])
        del log[left:]

    # --- groups

    def join(self, name: str, member: Member) -> Awaitable[frozenset[KafkaPartition]]:
        """Begin a round of joining; every member must join it, or is put out."""
        group = self.groups[name]
        member.heard_at = self.loop.time()
        group.members[member.number] = member
        joined = member.joined = self.loop.create_future()
        self._settle(name)
        self._try_to_settle(name)
        return joined

    def leave(self, name: str, member: Member) -> None:
        group = self.groups[name]
        if group.members.pop(member.number, None) is not None:
            self._settle(name)
            self._try_to_settle(name)

    def heartbeat(self, name: str, member: Member) -> bool:
        """Return whether the member has what it had; otherwise it must join again."""
        group = self.groups[name]
        if group.members.get(member.number) is not member:
            return False
        member.heard_at = self.loop.time()
        return not group.settling

    def _settle(self, name: str) -> None:
        group = self.groups[name]
        if not group.settling:
            group.settling = True
            group.rounds += 1
            later_outside(self.loop, REBALANCE_SECONDS, self._try_to_settle, name, group.rounds)

    def _try_to_settle(self, name: str, late_round: int = 0) -> None:
        group = self.groups[name]
        if not group.settling or late_round not in (0, group.rounds):
            return
        absent = [m for m in group.members.values() if m.joined is None]
        if absent and not late_round:
            return
        for member in absent:
            del group.members[member.number]
        group.settling = False
        shares = _by_range(self.partitions, list(group.members.values()))
        for member in group.members.values():
            joined, member.joined = member.joined, None
            if joined is not None and not joined.done():
                joined.set_result(frozenset(shares[member.number]))
            later_outside(self.loop, SESSION_SECONDS, self._expire, name, member)

    def _expire(self, name: str, member: Member) -> None:
        group = self.groups[name]
        if group.members.get(member.number) is not member:
            return
        silent = self.loop.time() - member.heard_at
        if silent >= SESSION_SECONDS and member.joined is None:
            self.leave(name, member)
        else:
            left = max(0.05, SESSION_SECONDS - silent)
            later_outside(self.loop, left, self._expire, name, member)


def _by_range(
    partitions: Mapping[str, int], members: Sequence[Member]
) -> dict[int, list[KafkaPartition]]:
    """Share as Kafka's range assignor: topic by topic, consecutive numbers to each member."""
    shares: dict[int, list[KafkaPartition]] = {member.number: [] for member in members}
    for topic, count in partitions.items():
        takers = sorted(member.number for member in members if topic in member.topics)
        for place, taker in enumerate(takers):
            each, more = divmod(count, len(takers))
            first = each * place + min(place, more)
            for number in range(first, first + each + (place < more)):
                shares[taker].append(KafkaPartition(topic, number))
    return shares
