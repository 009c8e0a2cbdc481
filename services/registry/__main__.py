"""Runs registry: ``python -m services.registry``, with the settings of the environment."""

from services.registry.app import registry_app
from shared.http.server import serve
from shared.runtime import failpoint
from shared.runtime.settings import load_settings
from shared.runtime.telemetry import configure_logging

if __name__ == "__main__":
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    failpoint.arm(settings.failpoints)
    serve(
        registry_app(settings),
        settings.host,
        settings.port,
        connections=settings.connections_max,
    )
