"""The process that forks for `tests/bot/forks.py`: it imports modules, and becomes the programs that are asked for.

    python nursery.py LISTENER MODULE...

LISTENER is the number of a socket. Who connects to it says what to run, and hands over its standard files; it is told
the process's number, and in the end its exit code. If it closes the connection before that, its process is killed.
This program ends with its standard input, and needs nothing but the standard library.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module

SIZE = 4  #: bytes of a number


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        import_module(name)
    gc.collect()
    gc.freeze()  # pages that the collector does not write to are shared with what is forked
    life, (woken, waking) = os.dup(0), os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    asked: dict[int, socket.socket] = {}  # who asked for each process that runs
    while True:
        ready, _, _ = select.select([life, woken, listener, *asked.values()], [], [])
        if life in ready:
            for pid in asked:
                os.kill(pid, signal.SIGKILL)
            return
        for pid in [pid for pid, status in asked.items() if status in ready]:
            os.kill(pid, signal.SIGKILL)
            asked.pop(pid).close()
        if woken in ready:
            os.read(woken, 1000)
            _tell_ends(asked)
        if listener in ready:
            status, _address = listener.accept()
            told, files = _asked(status)
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (listener, status, *asked.values()):
                    each.close()
                for number in (life, woken, waking):
                    os.close(number)
                _become(told, files)
                return
            for number in files:
                os.close(number)
            asked[pid] = status
            _tell(status, pid)


def _asked(status: socket.socket) -> tuple[dict[str, object], list[int]]:
    """What to become, and its standard files."""
    size, files, _flags, _address = socket.recv_fds(status, SIZE, 3)
    told: dict[str, object] = json.loads(status.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
    return told, files


def _tell_ends(asked: dict[int, socket.socket]) -> None:
    """Tell the exit code of each process that has ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if (status := asked.pop(ended[0], None)) is not None:
                _tell(status, os.waitstatus_to_exitcode(ended[1]))
                status.close()


def _tell(status: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        status.sendall(number.to_bytes(SIZE, "big", signed=True))


def _become(told: dict[str, object], files: list[int]) -> None:
    """Be another program; when this returns, it has ended."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.chdir(told["folder"])  # type: ignore[arg-type]
    os.environ.clear()
    os.environ.update(told["env"])  # type: ignore[call-overload]
    sys.stdout.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)  # type: ignore[union-attr]
    sys.argv = [str(told["module"]), *told["words"]]  # type: ignore[misc]
    import_module(sys.argv[0]).main()


if __name__ == "__main__":
    main()
