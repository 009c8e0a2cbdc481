"""Which partition a key belongs to: the murmur2 of Java's clients, by aiokafka's own function."""

from collections.abc import Callable
from functools import lru_cache

from aiokafka.partitioner import murmur2

HASH: Callable[[bytes], int] = murmur2
POSITIVE = 0x7FFFFFFF  # the sign bit is dropped as Java's toPositive does


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of ``key``; the same on every machine and for every Kafka client."""
    return (HASH(key.encode()) & POSITIVE) % partitions
