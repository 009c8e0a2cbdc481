"""Consuming events with exactly-once effect: positions, epochs, gaps, quarantine (written once)."""

from shared.consumer.consumer import Consumer
from shared.consumer.handler import Batch, Claim, Handler
from shared.consumer.metrics import ConsumerMetrics

__all__ = ["Batch", "Claim", "Consumer", "ConsumerMetrics", "Handler"]
