"""Ways to break the protocols, each of which the simulation must notice.

A mutation is a text of a module and what stands there instead. What PostgreSQL does inside one
statement is broken in the stand-in that does it here.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Edit:
    """``old`` stands in the module exactly once."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    name: str
    edits: Sequence[Edit]


PUBLISH = "        await self._log.publish(*at, [self._outgoing(event) for event in events])\n"
MUTATIONS = (
    Mutation(
        "the relay moves on before the log has acknowledged",
        [
            Edit(
                "shared.outbox.relay",
                PUBLISH,
                "",
            ),
            Edit(
                "shared.outbox.relay",
                "        if await self._advances.take(advance):\n",
                "        if await self._advances.take(advance):\n"
                "            await self._log.publish(*at, [self._outgoing(e) for e in events])\n",
            ),
        ],
    ),
    Mutation(
        "the relay moves on under a passed epoch",
        [Edit("shared.outbox.relay", "    AND r.epoch = a.epoch AND r.position = a.base\n", "")],
    ),
    Mutation(
        "the relay waits for the first acknowledgement alone",
        [
            Edit(
                "shared.log.kafka.producer",
                "    for acknowledged in acknowledgements:\n",
                "    for acknowledged in acknowledgements[:1]:\n",
            )
        ],
    ),
    Mutation(
        "a producer is kept after a batch of it failed",
        [
            Edit(
                "shared.log.kafka.producer",
                "            self._drop(producer)\n            raise PublishFailed",
                "            raise PublishFailed",
            )
        ],
    ),
    Mutation(
        "a failed page is passed over",
        [
            Edit(
                "shared.outbox.relay",
                PUBLISH,
                "        with suppress(PublishFailed):\n"
                "            await self._log.publish(*at, [self._outgoing(e) for e in events])\n",
            )
        ],
    ),
    Mutation(
        "positions come from a sequence",
        [
            Edit(
                "tests.simulation.statements",
                '        await session.lock("head", place)\n'
                '        head = session.get("head", place)\n',
                '        counters = session.database.__dict__.setdefault("sequence", {})\n'
                '        head = {"position": counters.setdefault(place, 0)}\n'
                "        counters[place] += events\n",
            )
        ],
    ),
    Mutation(
        "a stream's version is not compared",
        [
            Edit(
                "tests.simulation.statements",
                '        if stream is not None and stream["version"] == read:\n'
                '            session.put("stream"',
                '        if stream is not None:\n            session.put("stream"',
            )
        ],
    ),
    Mutation(
        "a repeated command is not recognised",
        [
            Edit(
                "shared.eventstore.handling",
                "        if before is None:\n            return None\n",
                "        return None\n",
            ),
            Edit(
                "shared.eventstore.handling",
                "            if accepted.last > first:\n"
                "                self.append.promises.append("
                "Promise(asked, accepted.answer, *placed))\n",
                "",
            ),
        ],
    ),
    Mutation(
        "answers are remembered in a transaction of their own",
        [
            Edit(
                "tests.simulation.statements",
                "    await _remember(session, promises)\n",
                "    await _remember(session, promises)\n"
                "    session.commit()\n"
                "    session.begin()\n",
            )
        ],
    ),
    Mutation(
        "a consumer writes under a passed epoch",
        [Edit("shared.consumer.checkpoint", "AND p.epoch = a.epoch AND", "AND")],
    ),
    Mutation(
        "a claim raises no epoch",
        [Edit("tests.simulation.statements", '        row["epoch"] += 1\n', "")],
    ),
    Mutation(
        "repeats are dropped by their offset",
        [
            Edit(
                "shared.consumer.sequencing",
                "    elif event.position <= intake.position:\n",
                "    elif record.offset < intake.offset:\n",
            )
        ],
    ),
    Mutation(
        "a gap is passed over",
        [
            Edit(
                "shared.consumer.sequencing",
                "    elif event.position > intake.position + 1:\n",
                "    elif event.position < 0:\n",
            )
        ],
    ),
    Mutation(
        "positions and work are committed one after the other",
        [
            Edit(
                "shared.consumer.consumer",
                "                async with conn.transaction():\n"
                "                    await self._advance(",
                "                if True:\n                    await self._advance(",
            )
        ],
    ),
    Mutation(
        "the memory is changed before the commit",
        [
            Edit(
                "shared.consumer.consumer",
                "        while True:\n            changed =",
                "        await self._handler.committed(_batch(before, intakes))\n"
                "        while True:\n            changed =",
            ),
            Edit(
                "shared.consumer.consumer",
                "        if batch.positions:\n            await self._handler.committed(batch)\n",
                "",
            ),
        ],
    ),
    Mutation(
        "who is fenced goes on as if it were not",
        [
            Edit(
                "shared.consumer.consumer",
                "lost = fenced.lost - await positions.arrived(conn, name, intakes)",
                "lost = set()",
            )
        ],
    ),
    Mutation(
        "a partition is fetched before it is claimed",
        [
            Edit("shared.log.kafka.fetching", "        self.consumer.pause(*held)\n", ""),
            Edit(
                "shared.log.kafka.fetching",
                "accepted = {at: listed for at, listed in batch.items() if self._unmoved(at)}",
                "accepted = batch",
            ),
        ],
    ),
    Mutation(
        "a claim does not say from where to read",
        [
            Edit(
                "shared.log.kafka.fetching",
                "        self.next[at] = max(offset, 0)\n",
                "        self.next[at] = len(self.next) * 3\n",
            )
        ],
    ),
    Mutation(
        "what was lost is never taken back",
        [
            Edit(
                "shared.consumer.consumer",
                "starts = await self._claimed(sorted(due)) if due else {}",
                "starts = {}",
            )
        ],
    ),
    Mutation(
        "quarantined records are mirrored by whoever quarantined them alone",
        [
            Edit(
                "shared.consumer.consumer",
                "        self._unmirrored.set()  # a crash may have left some\n",
                "",
            ),
            Edit(
                "shared.consumer.quarantine",
                "            async with asyncio.timeout(LOOKING_SECONDS):\n",
                "            async with asyncio.timeout(None):\n",
            ),
        ],
    ),
)
BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


class MutatedLoader(importlib.machinery.SourceFileLoader):
    """Compiles the module from its changed text; nothing of it is kept on disk."""

    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self._edits = edits

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        text = self.get_data(self.path).decode()
        for edit in self._edits:
            if text.count(edit.old) != 1:
                raise ValueError(f"{fullname} does not hold exactly once: {edit.old!r}")
            text = text.replace(edit.old, edit.new)
        return compile(text, self.path, "exec")


class MutatingFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of one mutation; put before all others, it must see them first."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        edits = [edit for edit in self._mutation.edits if edit.module == fullname]
        if not edits:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if found is None or found.origin is None:
            return None
        loader = MutatedLoader(fullname, found.origin, edits)
        return importlib.util.spec_from_file_location(fullname, found.origin, loader=loader)


def install(mutation: Mutation) -> None:
    """Have every later import of the mutation's modules mutated."""
    early = sorted({edit.module for edit in mutation.edits} & sys.modules.keys())
    if early:
        raise RuntimeError(f"imported before they could be mutated: {early}")
    sys.meta_path.insert(0, MutatingFinder(mutation))
