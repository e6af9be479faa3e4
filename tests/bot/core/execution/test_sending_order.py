"""A server gets its runs in the order in which they were taken, however long each takes to prepare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core.execution.sending_order import SendingOrder, SendingPlace
from bot.core.model import Cancelled
from bot.core.run import State
from tests.bot.harness import ANN, BEN, MOD, Gates, House, WatchedServer, house, picture, until
from tests.bot.onward import write_onward


class SlowUploads(WatchedServer):
    """Takes no picture before `free` is set, and no longer than until a prompt overtakes it."""

    def __init__(self, gates: Gates) -> None:
        super().__init__(nodes=gates.nodes())
        self.free = asyncio.Event()

    def _watch(self) -> Any:
        watch = super()._watch()

        @web.middleware
        async def wait(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/prompt":
                self.free.set()
            if request.path == "/upload/image":
                await self.free.wait()
            answer: web.StreamResponse = await watch(request, handler)
            return answer

        return wait


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a run waits for those before it."""
    waits, wait = asyncio.Event(), SendingPlace.wait

    async def noted(self: SendingPlace) -> bool:
        waits.set()
        return await wait(self)

    monkeypatch.setattr(SendingPlace, "wait", noted)
    return waits


@asynccontextmanager
async def behind(
    folder: Path, gates: Gates, waits: asyncio.Event, **settings: Any
) -> AsyncIterator[tuple[House, SlowUploads, str, str]]:
    """A house in which one run sends its picture, and another one is ready behind it."""
    await asyncio.to_thread(write_onward, folder)
    server = SlowUploads(gates)
    async with house(folder, servers=[server], **settings) as home:
        try:
            first, _ = await home.ask("gate", picture=await asyncio.to_thread(picture, folder / "given"))

            async def sends() -> bool:
                return (await home.run(first)).state is State.RUNNING

            await until(sends)
            second, _ = await home.ask("gated", BEN, gate="second")
            await until(partial(_is_any_set, waits, server.free))
            yield home, server, first, second
        finally:
            server.free.set()
            gates.open()


async def _is_any_set(*events: asyncio.Event) -> bool:
    return any(event.is_set() for event in events)


async def test_one_that_is_ready_does_not_overtake(tmp_path: Path, gates: Gates, waits: asyncio.Event) -> None:
    async with behind(tmp_path, gates, waits) as (home, server, first, second):
        server.free.set()
        gates.open()
        await home.ended(first, second)
        assert gates.passed == ["gate", "second"]


@pytest.mark.long
async def test_one_that_waits_for_another_can_be_taken_back(tmp_path: Path, gates: Gates, waits: asyncio.Event) -> None:
    async with behind(tmp_path, gates, waits, operators=(MOD.key,)) as (home, server, first, second):
        urgent, _ = await home.ask("gated", MOD, gate="urgent")

        async def is_ahead() -> bool:
            return (await home.run(urgent)).is_ahead

        await until(is_ahead)  # while the first one still sends its picture
        assert not (await home.run(second)).is_ahead
        server.free.set()
        gates.open()
        runs = await home.ended(first, second, urgent)
        assert gates.passed == ["gate", "urgent", "second"]
        assert [run.tries for run in runs] == [1, 1, 1]


@pytest.mark.long
async def test_one_that_waits_for_another_can_be_cancelled(tmp_path: Path, gates: Gates, waits: asyncio.Event) -> None:
    async with behind(tmp_path, gates, waits) as (home, server, first, second):
        assert await home.services.runs.cancel(second, BEN)
        (run,) = await home.ended(second)
        assert (run.state, run.end) == (State.CANCELLED, Cancelled(BEN))
        server.free.set()
        gates.open()
        await home.ended(first)
        assert server.calls["POST /prompt"] == 1


@pytest.mark.long
async def test_the_next_one_goes_on_where_the_one_before_ends_unsent(
    tmp_path: Path, gates: Gates, waits: asyncio.Event
) -> None:
    async with behind(tmp_path, gates, waits) as (home, server, first, second):
        gates.open()
        assert await home.services.runs.cancel(first, ANN)
        runs = await home.ended(first, second)
        assert [run.state for run in runs] == [State.CANCELLED, State.DONE]
        assert (gates.passed, server.calls["POST /prompt"]) == (["second"], 1)


def test_places_follow_each_other_and_none_is_kept_that_was_left() -> None:
    order = SendingOrder()
    first, second, third = (order.enter("one") for _run in range(3))
    elsewhere = order.enter("two")
    second.leave()
    second.leave()
    assert [place in (order._unsent["one"]) for place in (first, second, third)] == [True, False, True]
    first.leave()
    assert order._unsent["one"] == [third]
    assert order._unsent["two"] == [elsewhere]
