"""Descriptors: every client of the stream holds one open file of this process."""

import resource
from contextlib import suppress

import structlog

BESIDE_CLIENTS = 500  # the database's and the log's connections, and requests that come and go
log = structlog.get_logger(__name__)


def room_for(clients: int) -> int:
    """Let this process open as many files as the clients take; return how many clients fit.

    Fewer fit where the hard limit is lower. That is said once, loudly: a process that ran out of
    descriptors could not accept anybody, those who only ask for figures neither.
    """
    needed = clients + BESIDE_CLIENTS
    allowed = _raised(needed)
    if allowed >= needed:
        return clients
    fitting = max(1, allowed - BESIDE_CLIENTS)
    log.warning(
        "stream_clients_limited",
        asked=clients,
        admitted=fitting,
        open_files_max=allowed,
        remedy=f"raise the hard limit of open files (ulimit -Hn) to {needed}",
    )
    return fitting


def _raised(needed: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # some kernels allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return needed if soft == resource.RLIM_INFINITY else soft
