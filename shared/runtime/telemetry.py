"""Structured logs and Prometheus metrics, the same in every process."""

import io
import logging
import re
import sys
from typing import Literal, TextIO

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

LogFormat = Literal["console", "json"]
METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST
# Controls of C0 and C1, separators of lines, and marks that turn the direction of text.
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
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
        _harmless,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback),
    ]


def _harmless(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Show controls as codes: what somebody sent must not steer the terminal of an operator."""
    return {
        name: _visible(value) if isinstance(value, str) else value for name, value in event.items()
    }


def _traceback(output: TextIO, failure: structlog.typing.ExcInfo) -> None:
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, failure)
    # indented, so that a line of somebody's message is never taken for an event of its own
    output.writelines(f"\n  {_visible(line)}" for line in plain.getvalue().strip().split("\n"))


def _visible(text: str) -> str:
    return STEERING.sub(lambda found: ascii(found.group())[1:-1], text)


def metrics_registry() -> CollectorRegistry:
    """Return a registry of this process; tests make one each, so nothing is shared at import."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """Return the metrics in Prometheus' text format (``METRICS_MEDIA_TYPE``)."""
    return generate_latest(registry)
