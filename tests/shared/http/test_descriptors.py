"""A process makes room for its connections, and admits no more than fit."""

import resource
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from shared.http.file_limits import OWN_FILES, room_for

SOFT = 256


@pytest.fixture(autouse=True)
def hard() -> Iterator[int]:
    """Begin with a low soft limit, as a login shell does; what was is put back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def soft() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_the_soft_limit_is_raised_as_far_as_the_connections_need_it() -> None:
    assert room_for(300) == 300
    assert soft() == 300 + OWN_FILES


def test_a_limit_that_suffices_is_left_alone(hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (2_000, hard))

    assert room_for(300) == 300
    assert soft() == 2_000


def test_where_the_hard_limit_is_too_low_fewer_are_admitted_and_that_is_said(hard: int) -> None:
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no hard limit here")

    with capture_logs() as said:
        admitted = room_for(hard)

    assert admitted == hard - OWN_FILES
    (warning,) = said
    assert (warning["event"], warning["log_level"]) == ("connections_limited", "warning")
