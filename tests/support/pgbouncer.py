"""A real PgBouncer before the tests' PostgreSQL, in whatever mode its operator chose."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from shared.database.provisioning import database_of
from tests.support.deployment import free_port_base

READY_SECONDS_MAX = 10
SETTINGS = """
[databases]
* = host={host}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
{settings}
"""
Pooled: TypeAlias = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def pooled() -> Iterator[Pooled]:
    """Address of a database, and settings -> its address behind a PgBouncer, for a block."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must test on a real PgBouncer: it is the package pgbouncer")
        pytest.skip("=== NO PGBOUNCER, SO NOTHING WAS TESTED BEHIND ONE: install pgbouncer ===")

    directory = Path(tempfile.mkdtemp(prefix="coprod-pgbouncer-"))
    directory.chmod(0o755)

    @contextmanager
    def run(dsn: str, **settings: str | int) -> Iterator[str]:
        port = free_port_base() + 1
        user = urlsplit(dsn).username or ""
        server = parse_qs(urlsplit(dsn).query)["host"][0]
        (directory / "users.txt").write_text(f'"{user}" ""\n')
        (directory / "pgbouncer.ini").write_text(
            SETTINGS.format(
                host=server,
                port=port,
                users=directory / "users.txt",
                settings="\n".join(f"{name} = {value}" for name, value in settings.items()),
            )
        )
        # it refuses to run as root, and only the server's own user comes to its socket
        user_of_server = Path(server).owner() if os.geteuid() == 0 else None
        process = subprocess.Popen(
            [program, str(directory / "pgbouncer.ini")],
            stderr=subprocess.DEVNULL,
            user=user_of_server,
        )
        try:
            _await_listener(process, port)
            yield f"postgresql://{user}@127.0.0.1:{port}/{database_of(dsn)}"
        finally:
            process.terminate()
            process.wait(10)

    yield run
    shutil.rmtree(directory)


def warm(dsn: str, backends: int) -> None:
    """Leave so many idle backends in a pool of transactions, to be dealt out in some order."""
    clients = [psycopg.connect(dsn, prepare_threshold=None) for _ in range(backends)]
    for client in clients:
        client.execute("SELECT 1")
    for client in clients:
        client.commit()
        client.close()


def _await_listener(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        assert process.poll() is None, "PgBouncer ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "PgBouncer does not listen"
        time.sleep(0.02)
