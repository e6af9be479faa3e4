"""The real client against the built-in engine, over sockets: the main job from end to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy import (
    ComfyClient,
    ExecutionFailed,
    FileRefused,
    Prompt,
    PromptInterrupted,
    PromptRejected,
    PromptRemoved,
    Server,
    ServerUnavailable,
    TooLarge,
)
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from comfy.messages.events import Executing, ExecutionSuccess
from comfy.messages.previews import Preview

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "cat.png"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sub folder/out"}},
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    Image.new("RGB", (40, 30), (10, 20, 30)).save(path)
    return path


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    async with EmbeddedServer(tmp_path / "engine", max_upload_size=1_000_000) as server:
        yield server


@pytest.fixture
async def client(server: EmbeddedServer) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(server.url) as client:
        yield client


async def test_a_picture_goes_in_and_its_negative_comes_out(client: ComfyClient, photo: Path, tmp_path: Path) -> None:
    file = await client.upload_image(photo)
    submission = await client.submit(Prompt(GRAPH).with_input("1", "image", file.input_value))
    events = [event async for event in client.follow(submission.prompt_id)]
    record = await client.collect(submission.prompt_id)
    await client.download(record.files[0].file, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as out:
        assert out.getpixel((0, 0)) == (245, 235, 225)
        assert set(out.info) >= {"prompt"}
    assert events[-1] == ExecutionSuccess(submission.prompt_id, cached=False)
    assert record.files[0].file.subfolder == "sub folder"


async def test_the_same_again_is_cached(client: ComfyClient, photo: Path) -> None:
    await client.upload_image(photo)
    for cached in (False, True):
        submission = await client.submit(Prompt(GRAPH))
        events = [event async for event in client.follow(submission.prompt_id)]
        assert events[-1] == ExecutionSuccess(submission.prompt_id, cached)


async def test_a_name_is_kept_apart_from_other_content(client: ComfyClient, photo: Path) -> None:
    first = await client.upload_image(photo)
    again = await client.upload_image(photo)
    Image.new("RGB", (5, 5)).save(photo)
    other = await client.upload_image(photo)
    assert (first.filename, again.filename, other.filename) == ("cat.png", "cat.png", "cat (1).png")


async def test_upload_over_the_limit(client: ComfyClient, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(b"x" * 1_500_000)
    with pytest.raises(TooLarge):
        await client.upload_image(tmp_path / "large.png")


async def test_a_node_that_is_not_there(client: ComfyClient) -> None:
    with pytest.raises(PromptRejected, match="KSampler") as caught:
        await client.submit(Prompt({"1": {"class_type": "KSampler", "inputs": {}}}))
    assert caught.value.type == "missing_node_type"


async def test_a_file_that_is_no_picture_fails_by_the_nodes_name(client: ComfyClient, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"no picture")
    await client.upload_image(tmp_path / "cat.png")
    submission = await client.submit(Prompt(GRAPH))
    with pytest.raises(ExecutionFailed) as caught:
        async for _ in client.follow(submission.prompt_id):
            pass
    assert (caught.value.class_type, caught.value.exception_type) == ("LoadImage", "PIL.UnidentifiedImageError")


async def test_prompts_of_a_server_that_ends_are_not_said_to_be_stopped() -> None:
    """Somebody who stopped them would not want them to be made again; who ends a server does."""
    gate = threading.Event()

    def held(image: Any) -> Any:
        gate.wait()
        return image

    hold = NodeType("Hold", "Hold", "test", held, {"image": ("IMAGE", {})}, {}, {}, (("IMAGE", "IMAGE"),))
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "Hold", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    server = EmbeddedServer(nodes={"Hold": hold})
    await server.start()
    async with ComfyClient(Server(server.url, look_every=0.01, gone_after=0.3)) as client:
        running, waiting = await client.submit(Prompt(graph)), await client.submit(Prompt(graph))
        async for event in client.follow(running.prompt_id):
            if isinstance(event, Executing) and event.node == "2":
                break
        stopping = asyncio.create_task(server.stop())
        try:
            for each in (waiting, running):
                with pytest.raises(ServerUnavailable):
                    async for _ in client.follow(each.prompt_id):
                        pass
        finally:
            gate.set()
            await stopping


async def test_progress_previews_and_cancel(tmp_path: Path, photo: Path) -> None:
    async with EmbeddedServer(tmp_path / "slow", pace=0.05) as server, ComfyClient(server.url) as client:
        await client.upload_image(photo)
        submission = await client.submit(Prompt(GRAPH), extra_data={"preview_method": "auto"})
        events = [event async for event in client.follow(submission.prompt_id)]
        previews = [event for event in events if isinstance(event, Preview)]
        assert previews
        assert all(preview.prompt_id == submission.prompt_id for preview in previews)
    async with EmbeddedServer(tmp_path / "slower", pace=60) as server, ComfyClient(server.url) as client:
        await client.upload_image(photo)
        running, waiting = await client.submit(Prompt(GRAPH)), await client.submit(Prompt(GRAPH))
        events_of_running = client.follow(running.prompt_id)
        async for event in events_of_running:
            if isinstance(event, Executing):
                break
        await client.cancel(waiting.prompt_id)
        with pytest.raises(PromptRemoved):
            async for _ in client.follow(waiting.prompt_id):
                pass
        cancelling = asyncio.create_task(client.cancel(running.prompt_id))
        with pytest.raises(PromptInterrupted):
            async for _ in events_of_running:
                pass
        await cancelling


@pytest.mark.parametrize("method", ["none", "default", "TAESD", None])
async def test_without_a_method_there_are_no_previews(tmp_path: Path, photo: Path, method: str | None) -> None:
    async with EmbeddedServer(tmp_path / "slow", pace=0.05) as server, ComfyClient(server.url) as client:
        await client.upload_image(photo)
        extra = {} if method is None else {"preview_method": method}
        submission = await client.submit(Prompt(GRAPH), extra_data=extra)
        events = [event async for event in client.follow(submission.prompt_id)]
    assert not any(isinstance(event, Preview) for event in events)


async def test_a_name_that_view_does_not_hand_out_is_refused(client: ComfyClient, photo: Path) -> None:
    await client.upload_image(photo)
    submission = await client.submit(Prompt(GRAPH).with_input("3", "filename_prefix", "a..b"))
    assert [event async for event in client.follow(submission.prompt_id)]
    (output,) = (await client.collect(submission.prompt_id)).files
    with pytest.raises(FileRefused):
        await client.download(output.file, photo.with_name("out.png"))
    assert not photo.with_name("out.png").exists()
