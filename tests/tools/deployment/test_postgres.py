"""The embedded server of a data directory: made, run, found again, stopped."""

from pathlib import Path

import psycopg
import pytest

from tests.support.polling import eventually
from tools.deployment import postgres, process
from tools.deployment.kafka.local_kafka import free_port

pytestmark = pytest.mark.postgres


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path


async def test_data_outlives_the_server(directory: Path) -> None:
    for statement in ("CREATE TABLE kept (n integer)", "INSERT INTO kept VALUES (1)"):
        await postgres.make_cluster(directory)
        program = postgres.program(directory, free_port())
        running = await process.spawn(program)
        dsn = postgres.address(directory, int(program.argv[-1].removeprefix("port=")))
        await postgres.wait_until_it_answers(dsn, 20)
        with psycopg.connect(dsn) as connection:
            connection.execute(statement)

        await process.stop(running, program)

    assert running.returncode == 0


async def test_a_server_that_was_left_running_is_found_and_stopped(directory: Path) -> None:
    await postgres.make_cluster(directory)
    program = postgres.program(directory, free_port())
    running = await process.spawn(program)
    await eventually(lambda: postgres.leftover(directory) is not None)

    found = postgres.leftover(directory)
    assert found is not None
    await process.stop_leftover(found, program.stop_signal)

    assert found.pid == running.pid
    assert postgres.leftover(directory) is None
    await running.wait()


async def test_a_stranger_with_the_recorded_number_is_left_alone(directory: Path) -> None:
    (directory / "postgres").mkdir()
    (directory / "postgres" / "postmaster.pid").write_text("1\nwhatever\n")

    assert postgres.leftover(directory) is None


async def test_an_interrupted_making_is_begun_again(directory: Path) -> None:
    (directory / "postgres.new").mkdir()
    (directory / "postgres.new" / "PG_VERSION").write_text("half")

    await postgres.make_cluster(directory)

    assert (directory / "postgres" / "global").is_dir()
    assert not (directory / "postgres.new").exists()
