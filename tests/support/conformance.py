"""Holds a running service to its own OpenAPI document, with requests that nobody thought of."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve the application on a free port of loopback; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, loop="asyncio", lifespan="on", log_config=None, access_log=False)
        )
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
