"""Open files: every connection holds one of this process."""

import resource
from contextlib import suppress

import structlog

OWN_FILES = 200  # the database's and the log's connections, and files of the process itself
log = structlog.get_logger(__name__)


def room_for(connections: int) -> int:
    """Let this process open as many files as the connections take; return how many fit.

    Fewer fit where the hard limit is lower. That is logged as a warning with the remedy.
    """
    fitting = fitting_connections(connections)
    if fitting < connections:
        log.warning(
            "connections_limited",
            asked=connections,
            admitted=fitting,
            remedy=f"raise the hard limit of open files (ulimit -Hn) to {connections + OWN_FILES}",
        )
    return fitting


def fitting_connections(connections: int) -> int:
    """Do the same as ``room_for`` without a word."""
    allowed = _raised(connections + OWN_FILES)
    return max(1, min(connections, allowed - OWN_FILES))


def _raised(needed: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # some kernels allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return needed if soft == resource.RLIM_INFINITY else soft
