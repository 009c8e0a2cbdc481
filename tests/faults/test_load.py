"""The load reaches every replica, or a fault of one that has nothing to do would be none."""

from itertools import pairwise

import pytest

from services.registry.service.rules import derived_id
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from tests.faults.load import SERVICES


@pytest.mark.parametrize("replicas", [2, 3])
def test_each_share_of_the_partitions_has_a_service(replicas: int) -> None:
    partitions = EXCHANGE_ACTIVITY.partitions
    larger = partitions % replicas  # of the shares, the first ones: they are ranges
    ends = [partitions // replicas * n + min(n, larger) for n in range(replicas + 1)]

    held = {partition_of(derived_id("local", f"s{n}"), partitions) for n in range(SERVICES)}

    for first, end in pairwise(ends):
        assert held & set(range(first, end)), f"no service in partitions {first} to {end - 1}"
