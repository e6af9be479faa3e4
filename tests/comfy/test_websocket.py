"""A websocket rests while a node takes many quick steps, and nothing of what came meanwhile is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from comfy import ComfyClient
from comfy.messages.events import StepProgress
from comfy.tracking.step_course import StepCourse
from comfy.tracking.websocket import Websocket
from tests.patience import PATIENCE

_HOUR = 3600.0
_NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def step(value: float, most: float = 20.0, node: str = "2") -> StepProgress:
    return StepProgress("prompt", node, value, most)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """A server that sends back what it is sent."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        there = web.WebSocketResponse()
        await there.prepare(request)
        async for message in there:
            await there.send_str(message.data)
        return there

    application = web.Application()
    application.router.add_get("/", echo)
    async with TestServer(application) as server:
        yield server


@pytest.fixture
async def websocket(server: TestServer) -> AsyncIterator[Websocket]:
    async with connected(server) as websocket:
        yield websocket


@pytest.fixture
async def other(server: TestServer) -> AsyncIterator[Websocket]:
    async with connected(server) as websocket:
        yield websocket


@asynccontextmanager
async def connected(server: TestServer) -> AsyncIterator[Websocket]:
    timeout = aiohttp.ClientWSTimeout(ws_close=PATIENCE)
    async with (
        aiohttp.ClientSession(ws_response_class=Websocket) as session,
        session.ws_connect(server.make_url("/"), timeout=timeout) as websocket,
    ):
        assert isinstance(websocket, Websocket)
        yield websocket


@asynccontextmanager
async def patience() -> AsyncIterator[None]:
    async with asyncio.timeout(PATIENCE):
        yield


async def test_what_came_in_a_rest_is_read_after_it(websocket: Websocket) -> None:
    for number in range(5):
        websocket.rest(0.001)
        await websocket.send_str(str(number))
    async with patience():
        assert [await websocket.receive_str() for _ in range(5)] == list("01234")


async def test_nothing_is_read_in_a_rest(websocket: Websocket, other: Websocket) -> None:
    websocket.rest(_HOUR)
    reading = asyncio.create_task(websocket.receive_str())
    await websocket.send_str("a word")
    async with patience():
        for _time in range(3):  # whatever is sent after it comes
            await other.send_str("another")
            assert await other.receive_str() == "another"
        assert not reading.done()
        websocket.rest(0.0)
        assert await reading == "a word"


async def test_a_client_rests_between_two_steps_of_many_and_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rest, rests, heard = Websocket.rest, asyncio.Queue[float](), asyncio.Queue[list[float]]()

    def noted(websocket: Websocket, seconds: float) -> None:
        rests.put_nowait(seconds)
        rest(websocket, seconds)

    async def tell(request: web.Request) -> web.WebSocketResponse:
        there, told = web.WebSocketResponse(), list[float]()
        await there.prepare(request)
        for number in (1, 2):
            step = {"value": number, "max": 10, "prompt_id": "prompt", "node": "2"}
            await there.send_json({"type": "progress", "data": step})
            told.append(await rests.get())
        await there.send_json({"type": "executing", "data": {"node": None, "prompt_id": "prompt"}})
        told.append(await rests.get())
        heard.put_nowait(told)
        return there

    monkeypatch.setattr(Websocket, "rest", noted)
    application = web.Application()
    application.router.add_get("/ws", tell)
    async with TestServer(application) as server, ComfyClient(str(server.make_url("/"))) as client, patience():
        client._socket.register("prompt", ours=False).pace = _HOUR  # so it rests for four times as long as a step took
        await client._socket.open()
        first, second, last = await heard.get()
    assert (first, last) == (0.0, 0.0)
    assert second > 0.0


async def test_it_is_closed_in_a_rest_as_at_any_time(websocket: Websocket) -> None:
    websocket.rest(_HOUR)
    async with patience():
        assert await websocket.close()
    assert websocket.close_code == aiohttp.WSCloseCode.OK
    websocket.rest(_HOUR)  # too late, and no harm


@pytest.mark.parametrize("last", [0.0, 0.001])
async def test_what_is_said_last_of_a_rest_counts(websocket: Websocket, last: float) -> None:
    for seconds in (0.001, _HOUR, last):
        websocket.rest(seconds)
    await websocket.send_str("a word")
    async with patience():
        assert await websocket.receive_str() == "a word"


def test_it_rests_for_half_of_what_a_node_still_takes() -> None:
    course = StepCourse()
    told = [(0.05, 1), (0.1, 2), (0.5, 10), (0.8, 16), (0.95, 19), (1.0, 20)]
    rests = [round(course.rest(step(value), now, 0.2), 6) for now, value in told]
    assert rests == [0.0, 0.2, 0.2, 0.1, 0.0, 0.0]


@pytest.mark.parametrize(
    "told",
    [
        [(0.0, 1), (1.0, 2), (2.0, 3)],  # slow: none would come meanwhile
        [(0.0, 1)],
        [(0.0, 5), (0.1, 1)],  # it began anew
        [(0.0, 1), (0.0, 2)],
        [(0.0, 1), (0.1, 30)],  # beyond its end
    ],
)
def test_it_does_not_rest_where_that_is_not_known_to_be_worth_it(told: list[tuple[float, float]]) -> None:
    course = StepCourse()
    assert [course.rest(step(value), now, 0.2) for now, value in told] == [0.0] * len(told)


def test_it_does_not_rest_where_more_comes_than_is_read_at_once() -> None:
    """Previews: whoever leaves them unread holds up the server, and hears the end late."""
    course = StepCourse()
    for number in range(1, 20):
        course.note(60_000)
        assert course.rest(step(number, most=1000), number / 40, 0.25) == 0.0
    course = StepCourse()
    rests = []
    for number in range(1, 20):
        course.note(300)
        rests.append(course.rest(step(number, most=1000), number / 40, 0.25))
    assert rests[1:] == [0.25] * 18


def test_each_node_has_a_pace_of_its_own() -> None:
    course = StepCourse()
    assert course.rest(step(1), 0.0, 0.2) == 0.0
    assert course.rest(step(2), 0.01, 0.2) > 0.0
    assert course.rest(step(3, node="3"), 0.02, 0.2) == 0.0


@given(st.lists(st.tuples(_NUMBERS, _NUMBERS, st.floats(0, 10), st.sampled_from("23")), max_size=30))
def test_whatever_a_server_says_a_rest_is_short(told: list[tuple[float, float, float, str]]) -> None:
    course, now = StepCourse(), 0.0
    for value, most, later, node in told:
        now += later
        assert 0.0 <= course.rest(step(value, most, node), now, 0.2) <= 0.2
