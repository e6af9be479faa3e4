"""One function a client: from a prompt to the bytes of its picture. Peers that are not installed are left out."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

Run = Callable[[dict[str, Any]], Awaitable[int]]
Open = Callable[[str, AsyncExitStack], Awaitable[Run]]


async def darkroom(url: str, stack: AsyncExitStack) -> Run:
    from comfy import ComfyClient, Prompt

    client = await stack.enter_async_context(ComfyClient(url))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    async def run(graph: dict[str, Any]) -> int:
        submission = await client.submit(Prompt(graph))
        async for _ in client.follow(submission.prompt_id):
            pass
        record = await client.collect(submission.prompt_id)
        files = [
            await client.download(output.file, folder / f"{submission.prompt_id}-{number}")
            for number, output in enumerate(record.files)
        ]
        return sum(file.size for file in files)

    return run


async def bare_loop(url: str, stack: AsyncExitStack) -> Run:
    """Measure the minimum: a socket, POST, events, GET /history, GET /view, and nothing else."""
    session = await stack.enter_async_context(aiohttp.ClientSession())

    async def run(graph: dict[str, Any]) -> int:
        client_id = uuid4().hex
        async with session.ws_connect(f"{url}/ws?clientId={client_id}", max_msg_size=0) as socket:
            async with session.post(f"{url}/prompt", json={"prompt": graph, "client_id": client_id}) as answer:
                prompt_id = (await answer.json())["prompt_id"]
            async for message in socket:
                event = json.loads(message.data)
                if event["type"] == "executing" and event["data"]["node"] is None:
                    break
        async with session.get(f"{url}/history/{prompt_id}") as answer:
            outputs = (await answer.json())[prompt_id]["outputs"]
        size = 0
        for image in (image for node in outputs.values() for image in node["images"]):
            async with session.get(f"{url}/view", params=image) as answer:
                size += len(await answer.read())
        return size

    return run


async def comfykit(url: str, stack: AsyncExitStack) -> Run:
    from comfykit import ComfyKit

    kit = ComfyKit(comfyui_url=url, executor_type="websocket")  # its quicker way
    session = await stack.enter_async_context(aiohttp.ClientSession())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    async def run(graph: dict[str, Any]) -> int:
        path = folder / f"{uuid4().hex}.json"
        path.write_text(json.dumps(graph))
        result = await kit.execute(str(path))
        size = 0
        for image in result.images:
            async with session.get(image) as answer:
                size += len(await answer.read())
        return size

    return run


async def comfy_toolkit(url: str, stack: AsyncExitStack) -> Run:
    from comfy_toolkit import ComfyClient

    client = ComfyClient(url)

    def blocking(graph: dict[str, Any]) -> int:
        result = client.submit_and_track(graph)
        images = result.get("images") or []
        return sum(len(client.download(image)) for image in images)

    async def run(graph: dict[str, Any]) -> int:
        return await asyncio.to_thread(blocking, graph)

    return run


async def comfy_api_simplified(url: str, stack: AsyncExitStack) -> Run:
    from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper

    api = ComfyApiWrapper(url)

    def blocking(graph: dict[str, Any]) -> int:
        images = api.queue_and_wait_images(ComfyWorkflowWrapper(graph), "Save Image")
        return sum(len(image) for image in images.values())

    async def run(graph: dict[str, Any]) -> int:
        return await asyncio.to_thread(blocking, graph)

    return run


async def comfy_sdk(url: str, stack: AsyncExitStack) -> Run:
    """comfy-sdk speaks to ComfyUI only through comfy-api-proxy, whose time is therefore part of its own."""
    from comfy_sdk import AsyncComfy

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = await asyncio.create_subprocess_exec(
        *("comfy-api-proxy", "--comfyui", url, "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    stack.callback(proxy.kill)
    os.environ["COMFY_BASE_URL"] = f"http://127.0.0.1:{port}"
    await _answers(os.environ["COMFY_BASE_URL"])
    client = await stack.enter_async_context(AsyncComfy())

    async def run(graph: dict[str, Any]) -> int:
        job = await client.run(client.workflows.from_json(graph))
        return sum([len(await output.to_bytes()) for output in job.get_outputs("2")])

    return run


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


_NEEDS = {"comfykit": "comfykit", "comfy-toolkit": "comfy_toolkit", "comfy-api-simplified": "comfy_api_simplified"}
_ALL: dict[str, Open] = {
    "darkroom": darkroom,
    "bare aiohttp loop": bare_loop,
    "comfykit": comfykit,
    "comfy-toolkit": comfy_toolkit,
    "comfy-api-simplified": comfy_api_simplified,
    "comfy-sdk": comfy_sdk,
}


def installed() -> dict[str, Open]:
    needs = {**_NEEDS, "comfy-sdk": "comfy_sdk"}
    return {name: open_ for name, open_ in _ALL.items() if importlib.util.find_spec(needs.get(name, "comfy"))}
