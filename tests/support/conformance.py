"""Holds a running service to its own OpenAPI document, with requests that nobody thought of."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp

from shared.http.protocol import GuardedProtocol
from shared.http.server import Server, configured

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@asynccontextmanager
async def listening(
    app: ASGIApp, *, connections: int = 500, protocol: type[GuardedProtocol] = GuardedProtocol
) -> AsyncIterator[str]:
    """Serve the application as a service does, on a free port of loopback; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = configured(app, connections)
        config.http = protocol
        server = Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


async def complaints(url: str, directory: Path, *, examples: int, seed: int = 1) -> str:
    """Return what schemathesis has against the service; nothing when it conforms."""
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(examples), "--seed", str(seed)),
        *("--phases", "fuzzing", "--generation-database", "none"),
        *("--workers", "1", "--no-color", "--suppress-health-check", "all"),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    return "" if run.returncode == 0 else said.decode()
