"""Programs in processes of their own that start at once: another process has imported them, and forks for each.

What is forked goes on as `python -m` would, but for the second or two that its imports take. `fork` starts one from a
test; `stand_in` is a command for tests of what people type.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
from asyncio import ReadTransport as Pipe
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import STDOUT
from tempfile import TemporaryDirectory

from tests.bot.stand_in import SIZE, send

ROOT = Path(__file__).parents[2]
COMMANDS = (  #: what commands import
    *(
        "bot.__main__",
        "bot.app",
        "bot.platforms.terminal.commands",
        "bot.preflight",
        "bot.process",
        "bot.stores",
        "bot.work",
    ),
    *("bot.platforms.discord.adapter", "bot.platforms.telegram.adapter", "bot.platforms.web.adapter"),
    *("bot.core.workflows.live.live_catalog", "bot.core.execution.one_shot", "comfy.embedded.nodes", "bot.logs"),
    *("bot.platforms.terminal.session", "bot.platforms.terminal.output", "bot.platforms.terminal.reply"),
    *("anyio._backends._asyncio", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"),
    *("dbos._sys_db_sqlite", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin"),
)
_given: list[str] = []
_TESTS = (
    "tests.bot.survivor",
    "tests.bot.core.runs.asking",
    "tests.bot.core.runs.claiming",
    "tests.bot.platforms.telegram.program",
)


class Forked:
    """A process that was forked; as far as tests need it, one of asyncio's. `said` is what it prints."""

    def __init__(self, pid: int, status: socket.socket, said: asyncio.StreamReader, pipe: Pipe | None) -> None:
        self.pid, self.said, self._status, self._pipe = pid, said, status, pipe
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        if self._code is None:
            with suppress(BlockingIOError):
                self._end(self._status.recv(SIZE))
        return self._code

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            self._end(await asyncio.get_running_loop().sock_recv(self._status, SIZE))
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _end(self, told: bytes) -> None:
        assert told, "the process that forks has died"
        self._code = int.from_bytes(told, "big", signed=True)
        self._status.close()
        if self._pipe is not None:
            self._pipe.close()


class Nursery:
    """A process that forks (`tests/bot/nursery.py`): it has imported these modules, and ends with ours, or when it is
    closed. `python` is the command that starts its program, in a folder and an environment.
    """

    def __init__(
        self, python: Sequence[str], *modules: str, folder: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> None:
        self._folder = TemporaryDirectory(prefix="nursery")  # the path of a socket has to be short
        self.address = str(Path(self._folder.name, "socket"))
        theirs, self._life = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(100)
            number = listener.fileno()
            command = [*python, str(number), *modules]
            self._process = subprocess.Popen(command, cwd=folder, env=env, stdin=theirs, pass_fds=[number])
        atexit.register(self.close)

    def close(self) -> None:
        atexit.unregister(self.close)
        self._life.close()
        self._process.wait()
        self._folder.cleanup()


@cache
def nursery() -> str:
    """The address of a process that has imported the bot of this checkout: of the one of this test run, or our own."""
    return _given[0] if _given else Nursery([sys.executable, "-m", "tests.bot.nursery"], *COMMANDS, *_TESTS).address


def use(address: str) -> None:
    """Fork from a process that another one has started."""
    _given.append(address)


def stand_in(module: str, address: str | None = None) -> list[str]:
    """A command for a module's `main`."""
    return [sys.executable, "-IS", str(Path(__file__).with_name("stand_in.py")), address or nursery(), module]


async def fork(
    module: str,
    *words: str,
    env: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    output: int | None = None,
    log: int | None = None,
) -> Forked:
    """Run a module's `main` with these words, in a folder. What it prints goes to the file `output`, or else can be
    read from `said`; what it writes to stderr goes to the file `log`, beside its output if that is `STDOUT`, or else
    where ours goes.
    """
    loop, said, pipe = asyncio.get_running_loop(), asyncio.StreamReader(), None
    status = socket.socket(socket.AF_UNIX)
    status.connect(nursery())
    if output is None:
        reading, output = os.pipe()
        pipe, _protocol = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(said), os.fdopen(reading, "rb")
        )
    else:
        output = os.dup(output)
    told = {"module": module, "words": words, "env": dict(os.environ if env is None else env), "folder": str(folder)}
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        send(status, told, nothing, output, {None: 2, STDOUT: output}.get(log, log))
    finally:
        os.close(output)
        os.close(nothing)
    status.setblocking(False)
    pid = int.from_bytes(await loop.sock_recv(status, SIZE), "big")
    return Forked(pid, status, said, pipe)
