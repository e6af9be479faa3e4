"""Works that are done together: none is left behind, whatever ends them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.platform import Services
from bot.core.together import together
from bot.core.workflows.live_catalog import LiveCatalog
from bot.process import serve
from bot.settings import Role, Settings
from tests.bot.harness import RecordingPlatform, layers

_WRITES = 200


class _Slow:
    """Work that takes its time to end when it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.let_go, self.ended = asyncio.Event(), asyncio.Event(), False

    async def work(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.let_go.wait()
            self.ended = True


async def test_what_each_returned_is_returned_in_order() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await together(after(3), after(1), after(2)) == [3, 1, 2]
    assert await together() == []


async def test_the_others_have_ended_when_one_fails() -> None:
    slow = _Slow()

    async def fail() -> None:
        await slow.begun.wait()
        asyncio.get_running_loop().call_soon(slow.let_go.set)
        raise ConnectionError("away") from OSError("no route")

    with pytest.raises(ConnectionError, match="away") as caught:
        await together(slow.work(), fail())
    assert slow.ended
    assert isinstance(caught.value.__cause__, OSError)


async def test_all_have_ended_when_the_caller_was_cancelled() -> None:
    slow = _Slow()
    task = asyncio.create_task(together(slow.work(), asyncio.sleep(3600)))
    await slow.begun.wait()
    task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    slow.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.ended


class _Leaving(RecordingPlatform):
    """A platform that still writes while it leaves."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.serves, self.written = asyncio.Event(), 0

    async def serve(self, services: Services) -> None:
        self.serves.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(_WRITES):
                await services.health.probe()
                self.written += 1


@pytest.mark.long
async def test_the_records_are_open_until_the_last_platform_has_left(tmp_path: Path) -> None:
    settings = Settings.read({"DARKROOM_DATA_DIR": str(tmp_path / "data")}, None)
    leaving, tasks = _Leaving(), TaskHealth()
    async with LiveCatalog(*layers(settings.folder), tasks=tasks) as shelf:
        platforms = [RecordingPlatform("quick"), leaving]
        work = asyncio.create_task(serve(settings, shelf, platforms, Role(), tasks, lambda _line: None))
        await leaving.serves.wait()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert leaving.written == _WRITES
