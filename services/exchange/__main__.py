"""Runs exchange: ``python -m services.exchange``, with the settings of the environment."""

from services.exchange.app import exchange_app
from shared.http.server import serve
from shared.runtime import failpoint
from shared.runtime.settings import load_settings
from shared.runtime.telemetry import configure_logging

if __name__ == "__main__":
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    failpoint.arm(settings.failpoints)
    serve(
        exchange_app(settings),
        settings.host,
        settings.port,
        connections=settings.connections_max,
    )
