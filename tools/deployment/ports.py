"""Loopback ports: those that a deployment takes must be free before anything is started."""

import socket
from collections.abc import Mapping

from tools.terminal.failure import Failure

HOST = "127.0.0.1"


def demand_free(ports: Mapping[str, int]) -> None:
    """Check that each named port can be listened on.

    Raises:
        Failure: somebody listens there already; the message says who needed it.
    """
    for name, port in ports.items():
        with socket.socket() as probe:
            # a port of ours that was closed a moment ago is free; servers set this flag as well
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as refused:
                raise Failure(
                    f"port {port}, which {name} needs, cannot be had: {refused.strerror}",
                    "Stop what listens there, or choose other ports with --port-base N "
                    "(it takes N+1 to N+4).",
                ) from None
