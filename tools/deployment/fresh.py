"""Removes what one data directory made, and nothing else: its files, and its topics."""

import shutil
from pathlib import Path

from shared.log.kafka.provisioning import delete_topics
from tools.deployment import record
from tools.deployment.kafka.local_kafka import answers
from tools.deployment.record import Deployment
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import say

MADE_FOLDERS = ("postgres", "postgres.new", "kafka", "logs")
MADE_FILES = ("postgres.password", record.FILE_NAME)


async def remove_previous(directory: Path, previous: Deployment | None) -> None:
    """Remove the earlier deployment of this directory; its record last: it names the topics.

    Raises:
        Failure: its topics lie in somebody's Kafka that does not answer.
    """
    if previous is not None and previous.kafka is not None and not previous.kafka.managed:
        await _remove_topics(previous.kafka.bootstrap, previous.topic_prefix)
    removed = [name for name in MADE_FOLDERS if (directory / name).exists()]
    for name in removed:
        shutil.rmtree(directory / name)
    for name in MADE_FILES:
        (directory / name).unlink(missing_ok=True)
    if removed:
        say(f"removed what an earlier deployment left in {directory}")


async def _remove_topics(bootstrap: str, prefix: str) -> None:
    if not answers(bootstrap):
        raise Failure(
            f"the earlier deployment has topics at {bootstrap}, which does not answer",
            "Start that Kafka, so that its topics can be removed, or choose another --data DIR.",
            code=ExitCode.UNREACHABLE,
        )
    removed = await delete_topics(bootstrap, prefix)
    say(f"removed {len(removed)} topics that begin with {prefix}")
