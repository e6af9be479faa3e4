"""Any bytes in place of a server's answers and messages: an error of ours, or something that can be used."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from hypothesis import settings
from hypothesis import strategies as st

from bot.core.error_text import explain
from bot.core.execution.progress import ProgressTracker
from comfy import ComfyClient, ComfyError, Prompt, Server
from comfy.bodies import page_title
from comfy.messages.events import parse_binary, parse_text
from comfy.messages.history import read_entry
from comfy.object_info import ObjectInfo
from comfy.verdict import judge
from tests.comfy.unruly import GRAPH, OUTPUTS, Job, Unruly
from tests.foreign import as_json, changed, check, cut_up, how_much, values

DATA = Path(__file__).parents[1] / "data"
PROMPT_ID = str(UUID(int=7))
NODES: dict[str, Any] = json.loads((DATA / "object_info.json").read_bytes())
FEW = {name: NODES[name] for name in list(NODES)[:12]} | {name: NODES[name] for name in ("LoadImage", "SaveImage")}
ENTRY = {
    "prompt": [1, PROMPT_ID, GRAPH, {"client_id": "a"}, ["2"]],
    "outputs": {**OUTPUTS, "3": {"text": ["a", "b"], "result": ["3d/cup.glb [output]", None, {}], "gifs": [{}]}},
    "status": {
        "status_str": "success",
        "completed": True,
        "messages": [
            ["execution_start", {"prompt_id": PROMPT_ID, "timestamp": 1}],
            ["execution_cached", {"nodes": ["1"], "prompt_id": PROMPT_ID}],
            ["execution_error", {"node_id": "2", "exception_message": "no", "exception_type": "ValueError"}],
        ],
    },
}
QUEUE = {"queue_running": [[1, PROMPT_ID, GRAPH, {}, ["2"]]], "queue_pending": [[2, "b", GRAPH, {}, ["2"]]]}
STATS = {
    "system": {"comfyui_version": "0.33.0", "python_version": "3.12", "argv": ["main.py"]},
    "devices": [{"name": "cpu", "type": "cpu", "vram_total": 1, "vram_free": 1}],
}
ACCEPTED = {"prompt_id": PROMPT_ID, "number": 1, "node_errors": {}}
REFUSED = {
    "error": {"type": "prompt_outputs_failed_validation", "message": "no", "details": "", "extra_info": {}},
    "node_errors": {
        "1": {"errors": [{"type": "x", "message": "m", "details": "d", "extra_info": {"input_name": "a"}}]}
    },
}
UPLOADED = {"name": "cat.png", "subfolder": "", "type": "input"}


def messages() -> list[Any]:
    """All recorded messages of real servers."""
    found = []
    for path in sorted((DATA / "recordings").rglob("*.json*")):
        for line in path.read_text("utf-8").splitlines():
            with suppress(ValueError):
                read = json.loads(line)
                found += [each for each in (read, *(read if isinstance(read, list) else [])) if _is_message(each)]
    return found[:200] or [{"type": "executing", "data": {"node": "1", "prompt_id": PROMPT_ID}}]


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "type" in value and "data" in value


STATE = {"value": 1, "max": 2, "state": "running"}
MESSAGES = [
    *messages(),
    {
        "type": "progress_state",
        "data": {"prompt_id": PROMPT_ID, "nodes": {"1": {"value": 1, "max": 2, "state": "running"}}},
    },
    {"type": "progress", "data": {"value": 1, "max": 20, "prompt_id": PROMPT_ID, "node": "1"}},
    {"type": "executed", "data": {"node": "2", "output": OUTPUTS["2"], "prompt_id": PROMPT_ID}},
    {"type": "execution_error", "data": {"prompt_id": PROMPT_ID, "node_id": "1", "exception_message": "no"}},
    {"type": "execution_cached", "data": {"prompt_id": PROMPT_ID, "nodes": ["1"]}},
    {"type": "executing", "data": {"prompt_id": PROMPT_ID, "node": None}},
]
METADATA = json.dumps({"node_id": "1", "prompt_id": PROMPT_ID, "image_type": "image/png"}).encode()
FRAMES = [
    struct.pack(">II", 1, 1) + b"\xff\xd8\xff",
    struct.pack(">II", 3, 1) + b"2width: 64",
    struct.pack(">II", 4, len(METADATA)) + METADATA + b"\x89PNG",
    b"",
]


@how_much
@pytest.mark.long
def test_text_messages(tried: settings) -> None:
    tracker = ProgressTracker(Prompt(GRAPH), lambda: 0.0)

    def read(message: Any) -> None:
        event = parse_text(json.dumps(message, skipkeys=True))
        if event is not None:
            tracker.fold(event)  # type: ignore[arg-type] - what a follower is never given is passed over as well

    check(tried, changed(MESSAGES) | values, read)


@how_much
def test_binary_messages(tried: settings) -> None:
    check(tried, cut_up(FRAMES) | st.binary(max_size=200), lambda frame: parse_binary(frame) and None)


@how_much
@pytest.mark.long
def test_records_of_prompts(tried: settings) -> None:
    def read(entry: Any) -> None:
        with suppress(ValueError):
            record = read_entry(PROMPT_ID, entry)
            for output in record.files:
                assert all(isinstance(value, str) for value in output.file.query.values())
            assert all(isinstance(output.text, str) for output in record.texts)

    check(tried, changed([ENTRY]) | values, read)


@how_much
@pytest.mark.long
def test_declarations_of_nodes(tried: settings) -> None:
    prompt = Prompt(GRAPH)

    def read(nodes: Any) -> None:
        if not isinstance(nodes, dict) or not all(isinstance(node, dict) for node in nodes.values()):
            return
        info = ObjectInfo(nodes)
        for name in (*nodes, "LoadImage"):
            info.node(name)
        judge(prompt, info)
        assert info.is_same(ObjectInfo(nodes)) in (True, False)

    check(tried, changed([FEW]), read)


@how_much
def test_beginnings_of_pages(tried: settings) -> None:
    pages = [b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>", b"<!-- a --><html>"]
    check(tried, cut_up(pages), lambda page: page_title(page) and None)


Ask = Callable[[ComfyClient], Awaitable[object]]
ROUTES: dict[str, tuple[list[Any], Ask]] = {
    "system_stats": ([STATS], lambda client: client.system_stats()),
    "object_info": ([FEW], lambda client: client.object_info(refresh=True)),
    "queue": ([QUEUE], lambda client: client.queue()),
    "history": ([{PROMPT_ID: ENTRY}], lambda client: client.history(PROMPT_ID)),
    "prompt": ([ACCEPTED, REFUSED], lambda client: client._http.submit({}, PROMPT_ID, "a", {})),
    "upload": ([UPLOADED], lambda client: client._http.upload("upload/image", Path(__file__), "a.png", {})),
    "cancel": ([{"cancelled": True}], lambda client: client._http.cancel_job(PROMPT_ID)),
}


@how_much
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.long
def test_answers_over_http(route: str, tried: settings) -> None:
    documents, ask = ROUTES[route]
    answers = st.tuples(
        st.sampled_from([200, 200, 200, 400, 404, 500]),
        (changed(documents) | values).map(as_json) | cut_up([as_json(document)[:4000] for document in documents]),
        st.sampled_from([{}, {}, {}, {"Retry-After": "-1"}, {"Retry-After": "٣"}, {"Location": "http://["}]),
    )
    with asyncio.Runner() as runner:
        server = Unruly()
        runner.run(server.start())
        client = ComfyClient(Server(server.url, gone_after=0.0, look_every=0.01))
        runner.run(client.__aenter__())

        def meet(answer: tuple[int, bytes, dict[str, str]]) -> None:
            status, body, headers = answer

            async def intercept(_: web.Request) -> web.Response:
                return web.Response(status=status, body=body, headers=headers, content_type="application/json")

            server.intercept = intercept
            runner.run(_asked(ask, client))

        try:
            check(tried, answers, meet)
        finally:
            runner.run(client.__aexit__(None, None, None))
            runner.run(server.stop())


async def _asked(ask: Ask, client: ComfyClient) -> None:
    try:
        await ask(client)
    except ComfyError as fault:
        explain(fault, "run")


@how_much
@pytest.mark.long
def test_messages_over_a_websocket(tried: settings) -> None:
    """Whatever comes, the run is followed to its end."""
    said: list[Any] = []

    async def babble(server: Unruly, job: Job) -> None:
        await server.begin(job)
        for message in said:
            await server.send_raw(job, message)
        await server.finish(job)

    with asyncio.Runner() as runner:
        server = Unruly(babble)
        runner.run(server.start())
        client = ComfyClient(Server(server.url, gone_after=1.0, look_every=0.05))
        runner.run(client.__aenter__())

        def follow(given: list[Any]) -> None:
            said[:] = given
            with suppress(ComfyError):  # a message may say that it failed
                runner.run(_followed(client))

        texts = (changed(MESSAGES) | values).map(lambda message: json.dumps(message, skipkeys=True)) | st.text(
            max_size=40
        )
        try:
            check(tried, st.lists(texts | cut_up(FRAMES), max_size=6), follow)
        finally:
            runner.run(client.__aexit__(None, None, None))
            runner.run(server.stop())


async def _followed(client: ComfyClient) -> None:
    submission = await client.submit(Prompt(GRAPH))
    async for _event in client.follow(submission.prompt_id):
        pass
