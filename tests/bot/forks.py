"""Programs in processes of their own that start at once: another process has imported them, and forks for each.

What is forked goes on as `python -m` would, but for the second or two that its imports take. Programs of the guides are
started as people start them (`tests/test_guides.py`).
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from asyncio import ReadTransport as Pipe
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PRELOADED = (
    *("bot.__main__", "bot.app", "bot.platforms.terminal.commands", "bot.preflight", "bot.process", "bot.stores"),
    *("bot.platforms.discord.adapter", "bot.platforms.telegram.adapter", "bot.platforms.web.adapter"),
    *("bot.core.workflows.live_catalog", "comfy.embedded", "tests.bot.survivor", "tests.bot.core.runs.asking"),
    "tests.bot.platforms.telegram.program",
)
_NUMBER = struct.Struct("i")


class Forked:
    """A process that was forked; as far as tests need it, one of asyncio's. `said` is what it prints."""

    def __init__(self, pid: int, status: socket.socket, said: asyncio.StreamReader, pipe: Pipe | None) -> None:
        self.pid, self.said, self._status, self._pipe = pid, said, status, pipe
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        if self._code is None:
            with suppress(BlockingIOError):
                self._end(self._status.recv(_NUMBER.size))
        return self._code

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            self._end(await asyncio.get_running_loop().sock_recv(self._status, _NUMBER.size))
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _end(self, told: bytes) -> None:
        (self._code,) = _NUMBER.unpack(told)
        self._status.close()
        if self._pipe is not None:
            self._pipe.close()


async def fork(
    module: str, *words: str, env: Mapping[str, str] | None = None, output: int | None = None, log: int | None = None
) -> Forked:
    """Run a module's `main` with these words, in the folder of the sources. What it prints goes to the file `output`,
    or else can be read from `said`; what it writes to stderr goes to the file `log`, or else where ours goes.
    """
    loop, said, pipe = asyncio.get_running_loop(), asyncio.StreamReader(), None
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        if output is None:
            reading, output = os.pipe()
            pipe, _protocol = await loop.connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(said), os.fdopen(reading, "rb")
            )
        else:
            output = os.dup(output)
        told = json.dumps({"module": module, "words": words, "env": dict(os.environ if env is None else env)})
        try:
            socket.send_fds(_nursery(), [told.encode()], [theirs.fileno(), output, 2 if log is None else log])
        finally:
            os.close(output)
    (pid,) = _NUMBER.unpack(await loop.sock_recv(ours, _NUMBER.size))
    return Forked(pid, ours, said, pipe)


@cache
def _nursery() -> socket.socket:
    """The process that forks, as a socket that it listens to; it ends with ours."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([sys.executable, "-m", "tests.bot.forks"], cwd=ROOT, stdin=theirs)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _main() -> None:
    for name in _PRELOADED:
        import_module(name)
    gc.collect()
    gc.freeze()  # pages that the collector does not write to are shared with what is forked
    asked, (woken, waking) = socket.socket(fileno=os.dup(0)), os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    statuses: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([asked, woken, *statuses.values()], [], [])
        for pid in [pid for pid, status in statuses.items() if status in ready]:
            os.kill(pid, signal.SIGKILL)  # its test has ended before it
            statuses[pid].close()
            del statuses[pid]
        if woken in ready:
            os.read(woken, 1000)
            _tell_ends(statuses)
        if asked in ready:
            told, files, _flags, _address = socket.recv_fds(asked, 1 << 20, 3)
            if not told:
                for pid in statuses:
                    os.kill(pid, signal.SIGKILL)
                return
            status, output, log = files
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (asked, *statuses.values()):
                    each.close()
                for each in (status, woken, waking):
                    os.close(each)
                _become(json.loads(told), output, log)
                return
            statuses[pid] = socket.socket(fileno=status)
            statuses[pid].send(_NUMBER.pack(pid))
            os.close(output)
            os.close(log)


def _tell_ends(statuses: dict[int, socket.socket]) -> None:
    """Tell the exit code of each process that has ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if (known := statuses.pop(ended[0], None)) is not None:
                with known, suppress(BrokenPipeError, ConnectionResetError):
                    known.send(_NUMBER.pack(os.waitstatus_to_exitcode(ended[1])))


def _become(told: dict[str, object], output: int, log: int) -> None:
    """Be another program; when this returns, it has ended."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for file, number in ((nothing, 0), (output, 1), (log, 2)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(told["env"])  # type: ignore[call-overload]
    sys.argv = [str(told["module"]), *told["words"]]  # type: ignore[misc]
    import_module(sys.argv[0]).main()


if __name__ == "__main__":
    _main()
