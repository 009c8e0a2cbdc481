"""Starting afresh removes what the directory made and nothing else."""

from pathlib import Path

import pytest

from tools.deployment import record
from tools.deployment.fresh import remove_previous
from tools.deployment.record import Deployment, Kafka
from tools.terminal.failure import Failure


def used_directory(tmp_path: Path, previous: Deployment) -> Path:
    for folder in ("postgres", "kafka", "logs", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("x")
    (tmp_path / "acts.csv").write_text("x")
    record.write(previous, tmp_path)
    return tmp_path


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_what_others_put_there_stays(tmp_path: Path) -> None:
    previous = Deployment(deployment="d", log="embedded")
    directory = used_directory(tmp_path, previous)

    await remove_previous(directory, previous)

    assert names(directory) == {"mine", "acts.csv"}


async def test_the_record_is_kept_while_its_topics_cannot_be_removed(tmp_path: Path) -> None:
    kafka = Kafka(bootstrap="127.0.0.1:9")
    previous = Deployment(deployment="d", log="kafka", kafka=kafka, topic_prefix="coprod-d.")
    directory = used_directory(tmp_path, previous)

    with pytest.raises(Failure, match=r"127\.0\.0\.1:9"):
        await remove_previous(directory, previous)

    assert record.read(directory) == previous.model_copy(update={"directory": directory})
    assert (directory / "postgres").exists()


async def test_a_directory_never_used_is_fine(tmp_path: Path) -> None:
    await remove_previous(tmp_path, None)

    assert names(tmp_path) == set()
