"""Opens the log that the settings name."""

from shared.log.embedded.log import EmbeddedLog
from shared.log.kafka.log import KafkaLog
from shared.log.port import Log
from shared.runtime.settings import ServiceSettings


def open_log(settings: ServiceSettings) -> Log:
    """Return the log, not yet started. The settings have checked that its address is there."""
    match settings.log:
        case "kafka":
            return KafkaLog(settings.kafka_bootstrap or "", settings.topic_prefix)
        case "embedded":
            return EmbeddedLog(settings.log_url or "")
