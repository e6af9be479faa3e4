"""Ports of this machine for what tests start later."""

from __future__ import annotations

import atexit
import socket


def free_port() -> int:
    """Return a port that nothing listens at, and that the system gives to no other program while this process lives:
    it is bound here, and whoever is told its number can listen at it all the same.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    atexit.register(held.close)
    return int(held.getsockname()[1])
