"""A sign, every few seconds, that a process goes on: for systemd, and for the health checks of containers."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.core.background import BackgroundTask, TaskHealth

EVERY = 10.0  # seconds


class Pulse:
    """Tells systemd that the process is ready, and then that it goes on, if systemd wants to hear it
    (`Type=notify`, `WatchdogSec=`); touches a file each time, if there is to be one.
    """

    def __init__(
        self, file: Path | None, tasks: TaskHealth, every: float = EVERY, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._file, self._every = file, every
        self._listener = environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._task = BackgroundTask("pulse", tasks)

    async def __aenter__(self) -> Pulse:
        self._tell("READY=1")
        if self._file is not None or self._listener:
            self._task.repeat(self._beat, self._every)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tell("STOPPING=1")
        await self._task.stop()

    async def _beat(self) -> None:
        self._tell("WATCHDOG=1")
        if self._file is not None:
            await asyncio.to_thread(self._file.touch)

    def _tell(self, words: str) -> None:
        """Send words to systemd; its socket takes them at once. If it is gone, nothing happens."""
        if self._listener:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
                sender.setblocking(False)
                sender.sendto(words.encode(), self._listener)
