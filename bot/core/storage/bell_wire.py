"""The wire: a command tells the process that works on the same SQLite file that it has changed something."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path

_MANY = 100  # tellings that are heard as one


class BellWire:
    """A socket with a name that follows from that of an SQLite file, and that is no file: who has changed the database
    tells the process that works on it. Only Linux has such names: elsewhere nothing is heard.
    """

    def __init__(self, database: Path) -> None:
        path = os.path.realpath(database).encode("utf-8", "surrogateescape")
        self._name = f"\0darkroom-{sha256(path).hexdigest()[:32]}"
        self._socket: socket.socket | None = None

    def tell(self) -> None:
        """Say that the file has changed. If nobody listens, nothing happens."""
        if sys.platform == "linux":
            with suppress(OSError), _datagrams() as sender:
                sender.sendto(b"changed", self._name)

    @property
    def is_heard(self) -> bool:
        """True if what is told is heard here."""
        return self._socket is not None

    def listen(self, told: Callable[[], object]) -> None:
        """Call a function whenever another process tells, until `close`; unless another process listens already."""
        if sys.platform != "linux" or self._socket is not None:
            return
        with suppress(OSError), ExitStack() as stack:
            listener = stack.enter_context(_datagrams())
            listener.bind(self._name)
            asyncio.get_running_loop().add_reader(listener, _hear, listener, told)
            self._socket = listener
            stack.pop_all()

    def close(self) -> None:
        """Listen no longer."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _hear(listener: socket.socket, told: Callable[[], object]) -> None:
    with suppress(BlockingIOError):
        for _each in range(_MANY):
            listener.recv(16)
    told()
