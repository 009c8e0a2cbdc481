"""One schedule: writers, readers, clients and bad luck, until all is at rest and can be checked."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from prometheus_client import CollectorRegistry

from services.insights.projection.memory import LiveService
from services.insights.projection.store import consumer_name
from shared.consumer import Consumer, ConsumerMetrics
from shared.consumer.checkpoint import reset
from shared.contracts import topics
from shared.contracts.exchange import Act, ContributionConfirmed, Receiver
from shared.contracts.topics import EXCHANGE_ACTIVITY, REGISTRY_SERVICES
from shared.contracts.vocabulary import Party
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Command, Happened, Refusal, Stream
from shared.eventstore.port import Connection as AsyncpgConnection
from shared.eventstore.store import Conflict, PostgresEventStore
from shared.eventstore.store import Pool as AsyncpgPool
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from shared.outbox import relay as relaying
from shared.outbox.relay import Relay, RelayMetrics, RewindRefused, rewind
from shared.runtime.clock import FixedClock
from shared.runtime.retry import is_transient
from tests.shared.eventstore.provider import BY_ANN, T0, key, project_nothing
from tests.simulation import promises
from tests.simulation.kafka import Broker
from tests.simulation.kafka_clients import clients
from tests.simulation.loop import Process, SimulatedLoop, Stuck
from tests.simulation.luck import Luck
from tests.simulation.postgres import Database
from tests.simulation.projection import PROJECTION, Fold
from tests.simulation.referee import Refereed
from tests.simulation.statements import STATEMENTS

DEPLOYMENT = "simulated"
FOLD = consumer_name(PROJECTION)
SERVICES = ("s", "a", "b")
PARTITIONS = sorted(
    TopicPartition(EXCHANGE_ACTIVITY.name, partition_of(name, EXCHANGE_ACTIVITY.partitions))
    for name in SERVICES
)
DEAD_LETTERS = topics.dead_letter(EXCHANGE_ACTIVITY.name)
CLIENTS, COMMANDS_EACH = 2, 3
TROUBLE_SECONDS, RECOVERY_SECONDS = 1.2, 90.0
ANSWER_SECONDS, RESTART_SECONDS, LOOK_SECONDS = 1.0, 0.15, 0.25
TAKING_BACK_SECONDS, SILENT_SECONDS = 2.0, 1.5
METRICS, RELAY_METRICS = ConsumerMetrics(CollectorRegistry()), RelayMetrics(CollectorRegistry())
GONE = (OSError, TimeoutError, Conflict)
assert STATEMENTS  # importing them is what makes them known


@dataclass
class Outcome:
    """What one schedule came to; ``broken`` is empty when every promise held."""

    seed: int
    broken: list[str] = field(default_factory=list)
    struck: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    events: int = 0
    records: int = 0


class World:
    def __init__(self, seed: int) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        random.seed(seed)  # production code jitters with it
        self.loop = SimulatedLoop(self.chance)
        self.luck = Luck.drawn(self.chance)
        self.store = Database(self.loop, self.luck, "registry")
        self.fold = Database(self.loop, self.luck, "insights")
        events = (EXCHANGE_ACTIVITY, REGISTRY_SERVICES)
        partitions = {**{topic.name: topic.partitions for topic in events}, DEAD_LETTERS: 1}
        self.broker = Broker(self.loop, self.luck, partitions)
        self.stored = promises.StorePromises(self.store, self.broker)
        self.folded = promises.FoldPromises(self.fold, FOLD)
        self.writers: dict[str, tuple[Process, PostgresEventStore]] = {}
        self.readers: dict[str, tuple[Process, Consumer, Fold]] = {}
        self.processes: dict[str, Process] = {}
        self.accepted: set[str] = set()
        self.asked: set[str] = set()
        self.poison: list[bytes] = []
        self.handed_over: list[str] = []
        self.over = False

    def run(self) -> Outcome:
        """Play the schedule to its end."""
        outcome = Outcome(self.seed)
        try:
            self.loop.run(self._play())
            self._check()
        except (promises.Broken, Stuck) as at_rest:
            outcome.broken.append(str(at_rest))
        for broken in (
            *(self.stored.broken, self.folded.broken, self.handed_over, self.loop.unhandled),
        ):
            outcome.broken.extend(broken[:3])
        outcome.struck, outcome.seconds = self.luck.struck, self.loop.time()
        outcome.events = len(self.store.tables["event"])
        outcome.records = sum(map(len, self.broker.logs.values()))
        return outcome

    async def _play(self) -> None:
        programs = [("writer-1", self._write), ("writer-2", self._write)]
        programs += [(f"reader-{n}", self._read) for n in range(1, self.chance.choice((2, 3, 4)))]
        supervisors = [
            asyncio.create_task(self._supervise(name, program)) for name, program in programs
        ]
        users = [asyncio.create_task(self._use(number)) for number in range(CLIENTS)]
        trouble = asyncio.create_task(self._trouble())
        await trouble
        self.luck.over()
        for process in self.processes.values():
            process.resumes_at = 0.0
        await asyncio.wait([*users, asyncio.create_task(self._come_to_rest(users))])
        self.over = True
        for supervisor in supervisors:
            supervisor.cancel()

    # --- programs

    async def _supervise(self, name: str, program: Callable[[Process], Awaitable[None]]) -> None:
        """Start the program again whenever it has ended, or was killed."""
        while True:
            process = self.processes[name] = Process(name)
            ended = asyncio.Event()
            process.on_death.append(ended.set)

            async def life(process: Process = process, ended: asyncio.Event = ended) -> None:
                try:
                    await program(process)
                except Exception as error:  # noqa: BLE001 - what is not handled ends the program
                    if not isinstance(error, GONE) and not is_transient(error):
                        self.loop.note(f"{process.name} ended: {error!r}")
                finally:
                    ended.set()

            self.loop.spawn(process, life())
            await ended.wait()
            self.loop.kill(process)
            await asyncio.sleep(RESTART_SECONDS)

    def _log(self) -> Refereed:
        return Refereed("simulated:9092", clients=clients(self.broker), found=self.handed_over)

    async def _write(self, process: Process) -> None:
        pool, wake, log = cast("AsyncpgPool", self.store.pool()), asyncio.Event(), self._log()
        await log.start()
        store = PostgresEventStore(pool, clock=FixedClock(T0), on_commit=wake.set)
        self.writers[process.name] = process, store
        relay = Relay(
            pool,
            log,
            deployment=DEPLOYMENT,
            owner=process.name,
            wake=wake,
            metrics=RELAY_METRICS,
            silent_seconds=SILENT_SECONDS,
        )
        await relay.run()

    async def _read(self, process: Process) -> None:
        pool, log = self.fold.pool(), self._log()
        await log.start()
        fold = Fold(pool, T0.date(), self.folded.remembered)
        consumer = Consumer(
            cast("AsyncpgPool", pool),
            log,
            name=FOLD,
            topics=[EXCHANGE_ACTIVITY, REGISTRY_SERVICES],
            handler=fold,
            deployment=DEPLOYMENT,
            owner=process.name,
            metrics=METRICS,
            taking_back_seconds=TAKING_BACK_SECONDS,
            batch_records_max=self.chance.choice((2, 5, 2000)),
        )
        self.readers[process.name] = process, consumer, fold
        await consumer.start()
        while consumer.failure() is None:  # noqa: ASYNC110 - as a supervisor looks
            await asyncio.sleep(LOOK_SECONDS)

    # --- users

    async def _use(self, number: int) -> None:
        """Send commands one after the other, each until it is answered."""
        for command in range(COMMANDS_EACH):
            await asyncio.sleep(self.chance.random() * TROUBLE_SECONDS / COMMANDS_EACH)
            size = self.chance.choice((1, 1, 1, 2, 5))
            asked = [
                (f"o{number}-{command}-{n}", self.chance.choice(SERVICES)) for n in range(size)
            ]
            self.asked.update(name for name, _ in asked)
            while not await self._sent(asked):  # noqa: ASYNC110 - as a client repeats
                await asyncio.sleep(0.1)
            self.accepted.update(name for name, _ in asked)

    async def _sent(self, asked: list[tuple[str, str]]) -> bool:
        """Send the commands to any writer; return whether the answer came and said yes."""
        there = [one for one in self.writers.values() if one[0].alive]
        if not there:
            return False
        process, store = self.chance.choice(there)
        commands = [_command(name, to) for name, to in asked]
        work = self.loop.spawn(process, handle(store, commands, project_nothing))
        await asyncio.wait([work], timeout=ANSWER_SECONDS)
        if not work.done() or self.luck.strikes("answer_lost"):
            return False
        error = work.exception()
        if error is not None:
            if not isinstance(error, GONE) and not is_transient(error):
                self.loop.note(f"a command was answered with {error!r}")
            return False
        return all(_yes(answer) for answer in work.result())

    # --- trouble

    async def _trouble(self) -> None:
        while self.loop.time() < TROUBLE_SECONDS:
            await asyncio.sleep(self.chance.random() * 0.2)
            self._trouble_processes()
            self._trouble_servers()
            if self.luck.strikes("rewound", times=4):
                await self._rewind(self.chance.choice(PARTITIONS))
            if self.luck.strikes("poisoned", times=4):
                self.poison.append(b"junk %d" % len(self.poison))
                junk = (b"k", self.poison[-1], ())
                self.broker.write(_real(self.chance.choice(PARTITIONS)), [junk])

    def _trouble_processes(self) -> None:
        process = self.chance.choice(list(self.processes.values()))
        if self.luck.strikes("process_killed", times=4):
            self.loop.kill(process)
        if self.luck.strikes("process_paused", times=4):
            self.loop.pause(process, self.chance.choice((0.3, 2.0, 6.0)) * self.chance.random())
        if self.luck.strikes("replica_restarted", times=4):
            self.loop.kill(self.processes[self._a_reader()])

    def _trouble_servers(self) -> None:
        if self.luck.strikes("database_crashed", times=2):
            self.chance.choice((self.store, self.fold)).crash(self.chance.random())
        if self.luck.strikes("tail_lost", times=2):
            at = _real(self.chance.choice(PARTITIONS))
            if log := self.broker.logs[at]:
                self.broker.lose_tail(at, self.chance.randrange(len(log)))
        if self.luck.strikes("broker_away", times=2):
            self.broker.away(self.chance.random() * 3)

    def _a_reader(self) -> str:
        return self.chance.choice([name for name in self.processes if name.startswith("reader")])

    async def _rewind(self, at: TopicPartition) -> None:
        relayed = self.store.tables["relay"].get(tuple(at))
        if relayed is None:
            return
        to_position = self.chance.randrange(relayed["position"] + 1)
        await self._rewind_to(at, to_position)

    async def _rewind_to(self, at: TopicPartition, to_position: int) -> None:
        try:
            await rewind(cast("AsyncpgPool", self.store.pool()), *at, to_position)
        except Exception as error:
            if not isinstance(error, RewindRefused) and not is_transient(error):
                raise

    # --- rest

    async def _come_to_rest(self, users: list["asyncio.Task[None]"]) -> None:
        """Wait until everything is taken; do meanwhile what an operator is told to do."""
        deadline = self.loop.time() + RECOVERY_SECONDS
        still, before = 0, None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.loop.time() > deadline:
                waiting = [name for name, user in zip("abc", users, strict=True) if not user.done()]
                self._check()
                raise promises.Broken(f"not at rest after {RECOVERY_SECONDS} s: {waiting}")
            if all(user.done() for user in users) and self._settled():
                return
            standing = self._standing()
            still = still + 1 if standing == before else 0
            before = standing
            if still > 30 and self.broker.lost:
                await self._operate()
                still = 0

    async def _operate(self) -> None:
        """Bring again what the log lost, as operators are told to, and read it from the start.

        ``coprod relay rewind`` to where the consumer stands, and ``coprod consumer reset``.
        """
        for at in PARTITIONS:
            held = self.fold.tables["consumer_position"].get((FOLD, *at))
            if held is not None and held["position"] < len(promises.stored(self.store, at)):
                await self._rewind_to(at, held["position"])
                async with self.fold.pool().acquire() as connection:
                    await reset(cast("AsyncpgConnection", connection), *at)

    def _standing(self) -> object:
        return (
            {k: row["position"] for k, row in self.fold.tables["consumer_position"].items()},
            {k: row["position"] for k, row in self.store.tables["relay"].items()},
        )

    def _lives(self, service_id: str) -> list[LiveService]:
        """Return the service as each process that holds it has it in memory."""
        lives = [
            fold.live.owned(service_id)
            for process, _, fold in self.readers.values()
            if process.alive
        ]
        return [live for live in lives if live is not None]

    def _settled(self) -> bool:
        try:
            self._check()
        except promises.Broken:
            return False
        return True

    def _check(self) -> None:
        promises.check_commands(self.store, self.accepted, self.asked)
        for at in PARTITIONS:
            if not self.broker.lost:
                promises.check_log(self.store, self.broker, at)
            memories = [
                fold.ledger.memory[at]
                for process, consumer, fold in self.readers.values()
                if process.alive and at in consumer.assigned()
            ]
            promises.check_fold(self.store, self.fold, at, memories)
        for rewound in self.stored.rewound:
            promises.check_rewound(self.broker, rewound)
        quarantined = list(self.fold.tables["quarantine"].values())
        kept = sorted(row["value"] for row in quarantined)
        # a log that was cut off can grow over a bad record that nobody came to read
        if kept != sorted(self.poison) and not (self.broker.lost and set(kept) < set(self.poison)):
            raise promises.Broken(f"bad records {self.poison}, in quarantine {kept}")
        if any(row["mirrored_at"] is None for row in quarantined):
            raise promises.Broken("a quarantined record is not in the dead letters")
        if self.broker.lost:
            return
        letters = {
            record.value for record in self.broker.logs[_real(TopicPartition(DEAD_LETTERS, 0))]
        }
        if letters != {row["value"] for row in quarantined}:
            raise promises.Broken("the dead letters are not what is in quarantine")


def _real(at: TopicPartition) -> "promises.KafkaPartition":
    return promises.KafkaPartition(*at)


def _command(name: str, service: str) -> Command[Any]:
    """Return a command that takes effect as often as it is carried out."""
    act = Act(
        contribution_id=name,
        service_id=service,
        occurred_at=T0,
        giver_id=f"giver-{name}",
        giver_party=Party.USER,
        receivers=(Receiver(participant_id="receiver", party=Party.PROFESSIONAL),),
        minutes=1 + len(name),
        recorded_by="somebody",
    )
    happened = [Happened(ContributionConfirmed(act=act, by="receiver"), T0)]
    return Command(
        stream=Stream(f"service-{service}", service, EXCHANGE_ACTIVITY, service),
        initial=None,
        decide=lambda _: happened,
        evolve=lambda state, _: state,
        answer=lambda _, version, __: Answer(200, {"version": version}),
        provenance=BY_ANN,
        idempotency=key(name),
    )


def _yes(answer: Answer | Refusal) -> bool:
    return isinstance(answer, Answer)


relaying.POLL_SECONDS = 0.3  # the safety net: a schedule need not be made of nothing else
