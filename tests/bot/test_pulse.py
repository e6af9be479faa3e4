from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.pulse import Pulse
from tests.bot.harness import until
from tests.patience import PATIENCE


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket like that of systemd, and its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address := str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener, address


async def test_systemd_hears_of_the_start_the_pulse_and_the_end(systemd: tuple[socket.socket, str]) -> None:
    listener, address = systemd
    loop, heard = asyncio.get_running_loop(), []
    async with asyncio.timeout(PATIENCE):
        async with Pulse(None, TaskHealth(), 0.001, {"NOTIFY_SOCKET": address}):
            heard += [await loop.sock_recv(listener, 100) for _ in range(3)]
        while heard[-1] != b"STOPPING=1":
            heard.append(await loop.sock_recv(listener, 100))
    assert heard[:3] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


async def test_the_file_is_touched_as_long_as_the_process_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "pulse"

    async def touched() -> bool:
        return file.exists() and file.stat().st_mtime > 1

    async with Pulse(file, TaskHealth(), 0.001, {}):
        for _ in range(3):
            await until(touched)
            os.utime(file, (1, 1))
    os.utime(file, (1, 1))
    assert not await touched()


async def test_a_file_that_cannot_be_touched_is_a_failing_task_and_no_more(tmp_path: Path) -> None:
    health = TaskHealth()

    async def failed() -> bool:
        return health.failures["pulse"] > 0

    async with Pulse(tmp_path / "away" / "pulse", health, 0.001, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        await until(failed)
