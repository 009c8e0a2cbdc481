"""Structured logs and Prometheus metrics, the same in every process."""

import logging
import sys
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

LogFormat = Literal["console", "json"]
METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST
CHATTY_LOGGERS = ("aiokafka", "asyncio", "faststream", "uvicorn", "httpx", "httpcore", "yoyo")


def configure_logging(log_format: LogFormat, level: str) -> None:
    """Send everything, other libraries' logs included, to standard error: one line an event."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _rendering(log_format: LogFormat) -> list[structlog.typing.Processor]:
    # Never the values of local variables: a traceback through a command would show a person's name.
    if log_format == "json":
        transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(transformer),
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def metrics_registry() -> CollectorRegistry:
    """Return a registry of this process; tests make one each, so nothing is shared at import."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """Return the metrics in Prometheus' text format (``METRICS_MEDIA_TYPE``)."""
    return generate_latest(registry)
