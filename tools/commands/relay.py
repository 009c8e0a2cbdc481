"""``coprod relay``: the way back after a lost topic, or one kept for less than a consumer's lag."""

import asyncio
from typing import Annotated, Literal

import asyncpg
import typer

from shared.contracts.topics import EVENT_TOPICS
from shared.outbox.relay import RewindRefused, progress
from shared.outbox.relay import rewind as rewind_relay
from tools.commands.group import group
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, say

app = group("Publish a range of the log again.")


@app.command()
def rewind(
    service: Annotated[
        Literal["registry", "exchange"], typer.Option("--service", help="Whose events.")
    ],
    topic: Annotated[str, typer.Option("--topic", help="Without the deployment's prefix.")],
    to: Annotated[int, typer.Option("--to", metavar="POSITION", min=0, help="0 for everything.")],
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, help="All of the topic unless named.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish again everything after POSITION; consumers drop what they have."""
    known = {each.name for each in EVENT_TOPICS if each.producer == service}
    if topic not in known:
        raise Failure(
            f"{service} does not write to {topic!r}",
            f"Its topics are {', '.join(sorted(known))}.",
            code=ExitCode.USAGE,
        )
    rewound = asyncio.run(_rewind(find(data).database(service), topic, partition, to))
    if as_json:
        print_json({"topic": topic, "partitions": rewound, "from_position": to + 1})
    else:
        numbers = ", ".join(map(str, rewound))
        say(f"{topic}/{numbers} is published again from position {to + 1}")


async def _rewind(dsn: str, topic: str, partition: int | None, to: int) -> list[int]:
    """Return the partitions that are published again; of a whole topic, those that reach so far."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        if partition is None:
            relayed = await progress(pool)
            numbers = sorted(
                at.partition for at, (_, end) in relayed.items() if at.topic == topic and end > to
            )
        else:
            numbers = [partition]
        try:
            for number in numbers:
                await rewind_relay(pool, topic, number, to)
        except RewindRefused as refused:
            raise Failure(
                str(refused), "`coprod status --json` shows how far each partition was published."
            ) from None
    return numbers
