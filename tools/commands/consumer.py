"""``coprod consumer``: reading on after a topic was made anew, or kept for less than the lag."""

import asyncio
from typing import Annotated, Literal

import asyncpg
import typer

from shared.consumer.checkpoint import reset as reset_consumer
from shared.contracts.topics import EVENT_TOPICS
from shared.log.port import TopicPartition
from tools.commands.group import group
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, say

app = group("Have a service read the log again.")


@app.command()
def reset(
    service: Annotated[
        Literal["exchange", "insights"], typer.Option("--service", help="Who is to read again.")
    ],
    topic: Annotated[str, typer.Option("--topic", help="Without the deployment's prefix.")],
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, help="All of the topic unless named.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a topic again from the oldest record that the log still has.

    Nothing is taken twice and nothing is passed over: what comes next is known by its position. A
    service that runs begins again within half a minute.
    """
    known = {each.name for each in EVENT_TOPICS if service in each.consumers}
    if topic not in known:
        raise Failure(
            f"{service} does not read {topic!r}",
            f"Its topics are {', '.join(sorted(known))}.",
            code=ExitCode.USAGE,
        )
    made = asyncio.run(_reset(find(data).database(service), topic, partition))
    if not made:
        raise Failure(f"{service} has never read {topic}", "There is nothing to set back.")
    if as_json:
        print_json([{"consumer": name, **at._asdict()} for name, at in made])
    else:
        numbers = ", ".join(str(at.partition) for _, at in made)
        say(f"{service} reads {topic}/{numbers} again from the oldest record")


async def _reset(dsn: str, topic: str, partition: int | None) -> list[tuple[str, TopicPartition]]:
    connection = await asyncpg.connect(dsn)
    try:
        return await reset_consumer(connection, topic, partition)
    finally:
        await connection.close()
