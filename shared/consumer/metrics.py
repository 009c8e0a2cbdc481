"""What a consumer tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ConsumerMetrics:
    """One for all consumers of a process; each is a value of the label ``consumer``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"coprod_consumer_{name}", text, ["consumer"], registry=registry)

        self.events = counter("events", "Events taken")
        self.duplicates = counter("duplicates", "Records dropped: position seen before")
        self.quarantined = counter("quarantined", "Records put into quarantine")
        self.unknown = counter("unknown", "Events of types that this build does not know")
        self.fenced = counter("fenced", "Partitions lost to another epoch")
        self.retries = counter("retries", "Attempts repeated after a failure that passes")

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"coprod_consumer_{name}", text, ["consumer"], registry=registry)

        self.gaps = gauge("gaps", "Partitions held up by a gap")
        self.unreadable = gauge("unreadable", "Partitions that the log can't deliver any more")
        self.lag = gauge(
            "lag_records", "Records, of all partitions, that nobody has dealt with yet"
        )
        self.unread = gauge("unread", "Partitions that no process of this deployment reads")
        self.batch_seconds = Histogram(
            "coprod_consumer_batch_seconds",
            "Time from delivery to commit",
            ["consumer"],
            registry=registry,
        )
