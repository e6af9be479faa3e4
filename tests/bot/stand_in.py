"""A program that stands in for `python -m MODULE`: it has a process forked that has imported the module, and ends as
that one does. It needs only what starts at once of the standard library: `python -IS stand_in.py SOCKET MODULE`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from types import FrameType

SIZE = 4  #: bytes of a number


def main() -> None:
    address, module, *words = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as nursery:
        nursery.connect(address)
        told = {"module": module, "words": words, "env": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - a quick import
        send(nursery, told, 0, 1, 2)
        pid = _number(nursery)

        def pass_on(number: int, _frame: FrameType | None) -> None:
            os.kill(pid, number)

        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, pass_on)
        code = _number(nursery)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def send(nursery: socket.socket, told: dict[str, object], *files: int) -> None:
    """Say what to become, and hand over its standard files."""
    data = json.dumps(told).encode()
    socket.send_fds(nursery, [len(data).to_bytes(SIZE, "big")], files)
    nursery.sendall(data)


def _number(nursery: socket.socket) -> int:
    return int.from_bytes(nursery.recv(SIZE, socket.MSG_WAITALL), "big", signed=True)


if __name__ == "__main__":
    main()
