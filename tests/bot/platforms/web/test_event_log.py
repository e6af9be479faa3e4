"""The journal of a visitor's runs, and what is sent of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import ANY
from weakref import ref

import aiohttp
import pytest
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.core.model import Delivering, Running
from bot.core.run import RunRecord, State
from bot.platforms.http_server import listening
from bot.platforms.web.api.events import Stream
from bot.platforms.web.live.event_log import EventLog
from bot.platforms.web.live.hub import Hub
from tests.bot.core.runs.test_stored_forms import RECORD
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.turns import Turns
from tests.patience import PATIENCE


def test_a_run_is_news_once_and_again_when_it_has_changed() -> None:
    journal, run = EventLog(), replace(RECORD, state=State.RUNNING, ended_at=None)
    done = replace(run, state=State.DONE, ended_at=1.0)
    assert [journal.know(each) for each in (run, run, done, done)] == [True, False, True, False]
    assert list(journal.unfinished) == []
    journal.forget(done.id)
    assert journal.know(done)


def test_the_records_of_ended_runs_are_not_kept() -> None:
    """A page is open for long, and hears of many."""
    journal, kept = EventLog(), list[ref[RunRecord]]()
    for number in range(1500):
        run = replace(RECORD, id=str(number), state=State.RUNNING, ended_at=None)
        done = replace(run, state=State.DONE, ended_at=1.0)
        kept += ref(run), ref(done)
        journal.know(run)
        journal.know(done)
    del run, done
    assert not [each for each in kept if each() is not None]
    assert not journal.know(replace(RECORD, id="1499", state=State.DONE, ended_at=1.0))
    assert journal.know(replace(RECORD, id="1", state=State.DONE, ended_at=1.0))


def test_it_is_known_when_an_unfinished_run_was_looked_at_and_how_others_ended() -> None:
    now = [1.0]
    journal, run = EventLog(lambda: now[0]), replace(RECORD, state=State.RUNNING, ended_at=None)
    journal.know(run)
    now[0] = 5.0
    assert journal.seen_at(run.id) == 1.0
    assert not journal.know(run)
    assert journal.seen_at(run.id) == 5.0
    assert journal.ends == {}
    journal.know(replace(run, state=State.DONE, ended_at=7.0))
    assert journal.ends == {run.id: (State.DONE, 7.0)}


class _Heard:
    """A connection that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.begun = asyncio.Event()

    def is_connected(self) -> bool:
        return True

    async def send(self, data: str, event: str, **_more: object) -> None:
        self.sent.append((event, json.loads(data)))
        self.begun.set()


@pytest.mark.long
async def test_a_page_is_sent_only_what_differs(tmp_path: Path) -> None:
    async with page(tmp_path) as site, Visitor(site.url) as ann:
        run_id = (await ann.ask("gated", gate="one"))[1]["id"]
        await ann.until(run_id, "running")
        run = await site.services.runs.get(run_id)
        assert run is not None
        hub, heard = Hub(), _Heard()
        with hub.listen(run.person.id) as (journal, inbox):
            stream = Stream(site.services, hub, run.person.id, 50, cast("EventSourceResponse", heard))
            telling = asyncio.create_task(stream.tell(journal, inbox))
            await asyncio.wait_for(heard.begun.wait(), PATIENCE)
            for status in (Running("Blur"), Delivering(), Delivering(), Running("Blur")):
                hub.say(run.person.id, run_id, status)
                for _turn in range(10):
                    await asyncio.sleep(0)
            hub.hang_up()
            await telling
    assert [name for name, _data in heard.sent] == ["state", "status", "status", "status"]
    assert [data["state"] for _name, data in heard.sent[1:]] == ["running", "delivering", "running"]


async def test_while_many_runs_are_told_others_have_a_turn(tmp_path: Path) -> None:
    runs = [replace(RECORD, id=f"run-{number}") for number in range(200)]
    async with page(tmp_path) as site:
        stream = Stream(site.services, Hub(), "ann", 200, cast("EventSourceResponse", _Heard()))

        async def told() -> list[str]:
            return [view["id"] async for view in stream._views(runs)]

        telling = Turns(told())
        assert await telling == [run.id for run in runs]
        assert telling.given == 4


async def test_a_page_that_is_gone_is_let_go_though_there_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.web.api.events._PING_EVERY", 0.01)
    hub, closed = Hub(), asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        with hub.listen("ann") as (journal, inbox), suppress(ConnectionResetError):
            async with sse_response(request) as response:
                await Stream(site.services, hub, "ann", 50, response).tell(journal, inbox)
        closed.set()
        return response

    app = web.Application()
    app.router.add_get("/", stream)
    async with page(tmp_path) as site, listening(app, "127.0.0.1", (0,)) as port, asyncio.timeout(PATIENCE):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
            told = await answer.content.readuntil(b": ping\r\n\r\n")
            assert b"event: state" in told
            assert hub.is_open("ann")
        await closed.wait()
    assert not hub.is_open("ann")


async def test_pages_look_again_at_what_is_on_offer_only_when_they_are_told() -> None:
    hub = Hub()
    with hub.listen("ann") as (_, one), hub.listen("ben") as (_, other):
        assert await one.take(0.0) == await other.take(0.0) == []
        waiting = [asyncio.create_task(each.take(None)) for each in (one, other)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
        hub.tell("ann", "a run")  # news of a run hide nothing
        hub.look_again()
        assert one.looks_again
        assert other.looks_again
        assert await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE) == [[ANY], []]
