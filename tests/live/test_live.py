"""Against a real ComfyUI: COMFYUI_URL=http://127.0.0.1:8188 pytest -m live

It needs no models and no custom nodes. The pictures are compared with those of the built-in engine.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bot.core.execution.one_shot import OneShotRunner
from bot.core.media.images import PictureLimits
from bot.core.model import Done, UploadedFile
from bot.core.workflows.catalog import Catalog, bundled_folder
from comfy import ComfyClient, Prompt, PromptInterrupted, PromptRejected, PromptRemoved
from comfy.embedded import EmbeddedServer
from tests.bot.core.execution.test_steps import RecordingReply, asked

pytestmark = pytest.mark.live
URL = os.environ.get("COMFYUI_URL", "")
COFFEE = Path(__file__).parents[2] / "bot" / "demo" / "coffee.jpg"


async def develop(url: str, workflow: str, folder: Path, **values: object) -> npt.NDArray[np.int16]:
    reply = RecordingReply()
    folder.mkdir()
    async with ComfyClient(url) as client:
        bench = OneShotRunner(Catalog.read(bundled_folder()), client, PictureLimits())
        run = await bench.take(asked(workflow, **values), folder)
        assert await bench.develop(run, reply, folder) == Done(), reply.shown
    assert reply.result is not None
    with Image.open(reply.result.files[0].path) as out:
        return np.asarray(out.convert("RGB"), np.int16)


@pytest.mark.parametrize("workflow", ["negative", "poster", "dream", "sketch", "match-colors", "polaroid"])
async def test_a_bundled_workflow_makes_the_same_picture(workflow: str, tmp_path: Path) -> None:
    given: dict[str, object] = {"photo": UploadedFile(COFFEE, "coffee.jpg")}
    if workflow == "match-colors":
        given["style"] = given["photo"]
    if workflow == "polaroid":
        given["caption"] = "Coffee, at last"
    real = await develop(URL, workflow, tmp_path / "real", **given)
    async with EmbeddedServer() as engine:
        mine = await develop(engine.url, workflow, tmp_path / "mine", **given)
    assert real.shape == mine.shape
    assert np.abs(real - mine).mean() < 2


async def test_what_runs_and_what_waits_is_cancelled() -> None:
    async with ComfyClient(URL) as client:
        slow, waiting = await client.submit(slow_prompt(0)), await client.submit(slow_prompt(1))
        await client.cancel(waiting.prompt_id)
        with pytest.raises((PromptRemoved, PromptInterrupted)):
            async for _ in client.follow(waiting.prompt_id):
                pass
        await client.cancel(slow.prompt_id)


def slow_prompt(color: int) -> Prompt:
    """Some seconds of blurring, in many nodes, so that it can be stopped between two of them."""
    size = {"width": 3000, "height": 3000, "batch_size": 1, "color": color}
    graph = {"0": {"class_type": "EmptyImage", "inputs": size}}
    for number in range(1, 30):
        blur = {"image": [str(number - 1), 0], "blur_radius": 31, "sigma": 10.0}
        graph[str(number)] = {"class_type": "ImageBlur", "inputs": blur}
    graph["30"] = {"class_type": "PreviewImage", "inputs": {"images": ["29", 0]}}
    return Prompt(graph)


async def test_a_refusal_has_the_nodes_own_words() -> None:
    async with ComfyClient(URL) as client:
        with pytest.raises(PromptRejected) as refused:
            await client.submit(Prompt({"1": {"class_type": "No such node", "inputs": {}}}))
    assert refused.value.type == "missing_node_type"
