"""Runs insights: ``python -m services.insights``, with the settings of the environment."""

from services.insights.app import insights_app
from shared.http.server import serve
from shared.runtime import failpoint
from shared.runtime.settings import load_settings
from shared.runtime.telemetry import configure_logging

if __name__ == "__main__":
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    failpoint.arm(settings.failpoints)
    app, leaving = insights_app(settings)
    connections = settings.connections_max + settings.stream_clients_max
    serve(app, settings.host, settings.port, leaving, connections)
