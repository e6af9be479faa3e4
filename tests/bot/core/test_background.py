from __future__ import annotations

import asyncio

import pytest

from bot.core.background import BackgroundTask


async def test_it_is_ended_and_awaited() -> None:
    begun, tidied = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.set()

    chore = BackgroundTask("waiting")
    await chore.stop()
    chore.start(work())
    await begun.wait()
    await chore.stop()
    assert tidied.is_set()


async def test_a_failure_is_told_at_once_and_does_not_stand_in_the_way_of_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        raise KeyError("bug")

    chore = BackgroundTask("counting")
    chore.start(work())
    for _ in range(3):
        await asyncio.sleep(0)
    assert "counting" in caplog.text
    await chore.stop()
