"""Serves one application until it is told to stop, and then lets running requests finish."""

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS = 10


def serve(app: FastAPI, host: str, port: int) -> None:
    """Block until SIGINT or SIGTERM; logs go where ``shared.telemetry`` sends them."""
    uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="asyncio",  # a Kafka client on uvloop loses connections silently
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    ).run()
