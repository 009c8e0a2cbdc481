"""The stand-in for PostgreSQL answers every statement as a real one, alone and between sessions."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg
import pytest

from shared.consumer import checkpoint as positions
from shared.consumer import quarantine
from shared.eventstore import appending, store
from shared.outbox import relay
from tests.simulation import statements
from tests.simulation.luck import Luck
from tests.simulation.postgres import Connection, Database, Session
from tests.simulation.statements import STATEMENTS

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

SESSIONS = 3
STEPS = 40
SCHEDULES = 25
LOOKS, LOOK_SECONDS = 3, 0.03  # a statement that waits at each of these waits for a lock
T0 = datetime(2025, 3, 1, 12, tzinfo=UTC)
TOPIC = "registry.services.v1"
VOLATILE = {"first_seen", "mirrored_at", "id", "created_at"}


WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)"
FUNCTIONS = (
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname IN ('append_one', 'append_many')"
)


class Peer(Protocol):
    """One session of either database."""

    async def begin(self) -> None: ...

    async def commit(self) -> None: ...

    async def rollback(self) -> None: ...

    async def fetch(self, text: str, *args: Any) -> Sequence[Any]: ...

    async def waits(self) -> bool:
        """Return whether its statement waits for a lock that somebody else has."""
        ...


@dataclass
class Simulated:
    connection: Connection

    async def begin(self) -> None:
        await self.connection.begin()

    async def commit(self) -> None:
        await self.connection.commit()

    async def rollback(self) -> None:
        await self.connection.rollback()

    async def fetch(self, text: str, *args: Any) -> Sequence[Any]:
        return await self.connection.fetch(text, *args)

    async def waits(self) -> bool:
        return self.connection._session.waits_for is not None


@dataclass
class Real:
    connection: "asyncpg.Connection[asyncpg.Record]"
    observer: "asyncpg.Connection[asyncpg.Record]"
    transaction: Any = None

    async def waits(self) -> bool:
        return bool(await self.observer.fetchval(WAITS, self.connection.get_server_pid()))

    async def begin(self) -> None:
        self.transaction = self.connection.transaction()
        await self.transaction.start()

    async def commit(self) -> None:
        await self.transaction.commit()

    async def rollback(self) -> None:
        await self.transaction.rollback()

    async def fetch(self, text: str, *args: Any) -> Sequence[Any]:
        return await self.connection.fetch(text, *args)


@dataclass
class Player:
    """Plays steps on a session, one at a time, and writes down what came of each."""

    peer: Peer
    open: bool = False
    failed: bool = False
    doing: "asyncio.Task[object] | None" = None
    heard: list[object] = field(default_factory=list)

    async def begin(self, step: Callable[[Peer], Awaitable[object]]) -> None:
        self.doing = asyncio.create_task(self._outcome(step))
        await self.look()

    async def look(self) -> None:
        """Note the outcome if it is there, or that it waits."""
        if self.doing is None:
            return
        looks = 0
        while not self.doing.done() and looks < LOOKS:
            await asyncio.wait([self.doing], timeout=LOOK_SECONDS if looks else 0.002)
            looks = looks + 1 if await self.peer.waits() else 0
        if self.doing.done():
            self.heard.append(self.doing.result())
            self.doing = None

    async def _outcome(self, step: Callable[[Peer], Awaitable[object]]) -> object:
        try:
            return await step(self.peer)
        except asyncpg.PostgresError as error:
            self.failed = self.open
            return type(error).__name__


def _rows(found: Sequence[Any]) -> list[object]:
    """Return the rows in an order of their own: most of these statements promise none."""
    rows = [
        tuple(str(v) for name, v in zip(row.keys(), row, strict=True) if name not in VOLATILE)
        for row in found
    ]
    return sorted(rows, key=repr)


def _statement(text: str, *args: Any) -> Callable[[Peer], Awaitable[object]]:
    async def step(peer: Peer) -> object:
        return [text.split()[:2], *args, _rows(await peer.fetch(text, *args))]

    return step


def _append(chance: random.Random, number: int) -> Callable[[Peer], Awaitable[object]]:
    """Return an append of one event, as if its stream had been read earlier."""
    stream, read, partition = chance.choice("ab"), chance.randrange(3), chance.randrange(2)
    used = f"key-{chance.randrange(4)}"
    promise = ["scope", used, b"hash", 200, b"{}", b"{}", f"s-{stream}", read, read + 1]
    moved = [f"s-{stream}", read, read + 1, TOPIC, partition, stream]
    identity = f"00000000-0000-0000-0000-{number:012d}"
    event = [identity, "source", "type", "subject"]
    rest = [T0, None, None, "actor", b"data"]
    one = [*promise, T0, *moved[:2], *moved[3:], None, True, *event, *rest]
    stored = [f"s-{stream}", read + 1, 1, 1, *event, stream, *rest]
    heads = [TOPIC, partition, 1]
    columns = [[[value] for value in part] for part in (promise, moved, heads, stored)]
    many = [*columns[0], T0, *columns[1], None, *columns[2], *columns[3]]
    text, args = ((appending.APPEND_ONE, one), (appending.APPEND_MANY, many))[number % 2]

    async def step(peer: Peer) -> object:
        return _rows(await peer.fetch(text, *args))

    return step


def _advance(chance: random.Random) -> Callable[[Peer], Awaitable[object]]:
    moves = [
        (TOPIC, n, chance.randrange(1, 4), *(chance.randrange(3) for _ in range(3)), 0)
        for n in chance.sample(range(2), chance.randrange(1, 3))
    ]
    return _statement(positions.ADVANCE, "fold", *(list(c) for c in zip(*moves, strict=True)))


def _claim(chance: random.Random) -> Callable[[Peer], Awaitable[object]]:
    numbers = chance.sample(range(2), chance.randrange(1, 3))
    return _statement(positions.CLAIM, "fold", [TOPIC] * len(numbers), numbers, "me")


def _quarantined(chance: random.Random) -> Callable[[Peer], Awaitable[object]]:
    row = ("fold", TOPIC, 0, chance.randrange(3), None, None, "reason", "detail")
    return _statement(quarantine.ADD, *row, b"k", chance.choice((b"a", b"b", None)), "[]")


def _step(chance: random.Random, number: int) -> Callable[[Peer], Awaitable[object]]:
    partition, position, epoch = (chance.randrange(2), chance.randrange(3), chance.randrange(1, 4))
    moves = ([epoch] * 2, [position] * 2, [position + 1] * 2)
    at = (TOPIC, partition)
    choices: Sequence[Callable[[], Callable[[Peer], Awaitable[object]]]] = (
        lambda: _append(chance, number),
        lambda: _append(chance, number),
        lambda: _append(chance, number),
        lambda: _claim(chance),
        lambda: _claim(chance),
        lambda: _advance(chance),
        lambda: _advance(chance),
        lambda: _quarantined(chance),
        lambda: _statement(store.HEADS),
        lambda: _statement(store.KNOWN, ["s-a"], [], [], ["s-b"], [number % 3 + 1], 2),
        lambda: _statement(store.KNOWN, ["s-b"], ["scope"] * 2, ["key-0", "key-1"], [], [], 1),
        lambda: _statement(store.LOCK_STREAMS, ["s-a", "s-b"]),
        lambda: _statement(store.PAGES, [TOPIC], [partition], [position], 2, 1_000_000),
        lambda: _statement(store.PAGES, [TOPIC] * 2, [1, 0], [position, 0], 5, 5),
        lambda: _statement(relay.BEHIND),
        lambda: _statement(relay.POSITIONS),
        lambda: _statement(relay.TAKE, *at),
        lambda: _statement(relay.CLAIM, *at, "me"),
        lambda: _statement(relay.ADVANCE, [TOPIC] * 2, [partition, 1 - partition], *moves),
        lambda: _statement(relay.REWIND, *at, position),
        lambda: _statement(positions.STANDING, "fold"),
        lambda: _statement(positions.RESET, TOPIC, chance.choice((None, partition)), -1),
        lambda: _statement(positions.HOLD, "fold", *at),
        lambda: _statement(positions.ADD_UNKNOWN, "fold", *at, position, "unknown"),
        lambda: _statement(positions.UNKNOWN_TYPES, "fold"),
        lambda: _statement(quarantine.UNMIRRORED, "fold", 10),
    )
    return chance.choice(choices)()


async def _transcript(seed: int, peers: Sequence[Peer]) -> list[object]:
    """Play the seed's steps: who is heard when, and who waits, is part of what is compared."""
    chance = random.Random(seed)
    players = [Player(peer) for peer in peers]
    transcript: list[object] = []
    for number in range(STEPS):
        player, step = chance.choice(players), _step(chance, number)
        ending = chance.random()
        if player.doing is None:
            await player.begin(_told(player, ending) or step)
        for other in players:
            await other.look()
        transcript.append([(p.heard[-1:], p.doing is not None) for p in players])
    await _end(players)
    return [*transcript, *(player.heard for player in players)]


async def _end(players: Sequence[Player]) -> None:
    """Undo what is open, so that whoever waits gets its answer; one may wait for any other."""
    await asyncio.gather(*map(_let_go, players))


async def _let_go(player: Player) -> None:
    if player.doing is not None:
        player.heard.append(await player.doing)
    if player.open:
        await player.peer.rollback()


def _told(player: Player, ending: float) -> Callable[[Peer], Awaitable[object]] | None:
    """Return a step that begins or ends the player's transaction; None for any other step."""
    if not player.open and ending < 0.3:
        player.open = True
        return _ended(lambda peer: peer.begin(), "begun")
    if player.open and (player.failed or ending < 0.25):
        failed, player.open, player.failed = player.failed, False, False
        if failed or ending < 0.1:
            return _ended(lambda peer: peer.rollback(), "rolled back")
        return _ended(lambda peer: peer.commit(), "committed")
    return None


def _ended(
    end: Callable[[Peer], Awaitable[None]], word: str
) -> Callable[[Peer], Awaitable[object]]:
    async def step(peer: Peer) -> object:
        await end(peer)
        return word

    return step


@pytest.fixture
async def real(
    fresh_database: Callable[[str], str], as_admin: Callable[[str], str]
) -> AsyncIterator[list[Peer]]:
    """Sessions that find a deadlock at once and give nobody up: how fast we are decides nothing."""
    dsn = as_admin(fresh_database("exchange"))
    connections = [await asyncpg.connect(dsn) for _ in range(SESSIONS + 1)]
    *players, observer = connections
    for (written,) in await observer.fetch(FUNCTIONS):
        await observer.execute(written.replace("'1s'", "'60s'").replace("'2s'", "'60s'"))
    for connection in players:
        await connection.execute("SET deadlock_timeout = '1ms'")
        await connection.execute("SET ROLE coprod_exchange")
    yield [Real(connection, observer) for connection in players]
    for connection in connections:
        await connection.close()


@pytest.fixture
async def simulated(monkeypatch: pytest.MonkeyPatch) -> list[Peer]:
    monkeypatch.setattr(statements, "LOCK_SECONDS", 60.0)
    monkeypatch.setattr(statements, "IDLE_SECONDS", 60.0)
    database = Database(asyncio.get_running_loop(), Luck(random.Random(0)), "exchange")
    database.deadlock_seconds = 0.0
    return [Simulated(Connection(database, Session(database))) for _ in range(SESSIONS)]


@pytest.mark.parametrize("seed", range(SCHEDULES))
async def test_sessions_hear_the_same_from_both(
    seed: int, simulated: list[Peer], real: list[Peer]
) -> None:
    expected = await _transcript(seed, real)

    for place, (found, wanted) in enumerate(
        zip(await _transcript(seed, simulated), expected, strict=True)
    ):
        assert found == wanted, f"from step {place} on"


def test_every_statement_that_is_stood_in_for_is_compared() -> None:
    """But for those that need a silent backend, rows that only a service has, or a secret."""
    compared = {
        *(appending.APPEND_ONE, appending.APPEND_MANY, store.HEADS, store.KNOWN),
        *(store.LOCK_STREAMS, store.PAGES, relay.BEHIND, relay.POSITIONS, relay.TAKE, relay.CLAIM),
        *(relay.ADVANCE, relay.REWIND, positions.CLAIM, positions.ADVANCE, positions.STANDING),
        *(
            positions.HOLD,
            positions.RESET,
            positions.ADD_UNKNOWN,
            positions.UNKNOWN_TYPES,
            quarantine.ADD,
        ),
        quarantine.UNMIRRORED,
    }
    apart = {store.HASH_KEY, store.TIMEOUTS, relay.END_SILENT, quarantine.MIRRORED}

    assert {text for text in STATEMENTS if "ledger" not in text} == compared | apart
