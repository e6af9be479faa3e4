"""What a server gets of a run: asked for over sockets, and read in its history."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.core.execution.submission import execution_targets, extra_data
from bot.core.model import DisplayOptions, Done, Running, UploadedFile
from bot.core.port import Limits
from comfy.embedded import EmbeddedServer
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from tests.bot.harness import HERE, MOD, Gates, Message, RecordingPlatform, house

BLANK = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}
TWO_OUTPUTS = {
    "1": BLANK,
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
}


def entries(server: EmbeddedServer) -> list[list[Any]]:
    """All prompts that a server has executed: number, id, graph, extra_data, outputs."""
    return [entry["prompt"] for entry in server._jobs.history.values()]


def written(folder: Path, name: str, graph: dict[str, Any], sidecar: str = "") -> None:
    (folder / "workflows").mkdir(parents=True, exist_ok=True)
    (folder / "workflows" / f"{name}.json").write_text(json.dumps(graph))
    (folder / "workflows" / f"{name}.toml").write_text(f'title = "{name}"\n{sidecar}')


def previews(message: Message) -> list[bytes]:
    return [status.preview for status in message.statuses if isinstance(status, Running) and status.preview]


async def test_previews_are_asked_for_and_shown(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes(), pace=0.1)]) as home:
        run_id, shown = await home.ask("gated", gate="x")
        await home.platform.until(lambda: bool(previews(shown)))
        gates.open()
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    assert entry[3]["preview_method"] == "auto"


@pytest.mark.long
async def test_a_platform_without_previews_asks_for_none(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    platform.limits = Limits(10**9, 10, 4000, 0.0, previews=False)
    async with house(tmp_path, platform) as home:
        run_id, _shown = await home.ask()
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    assert entry[3]["preview_method"] == "none"


@pytest.mark.long
async def test_a_place_without_previews_asks_for_none(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.services.moderation.where(MOD, HERE, DisplayOptions(previews=False))
        run_id, _shown = await home.ask()
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    assert entry[3]["preview_method"] == "none"


@pytest.mark.long
async def test_a_result_that_moderators_will_review_has_no_previews(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.services.moderation.review(MOD, HERE, on=True)
        await home.ask()
        await home.platform.until(lambda: bool(entries(home.servers[0])))
        (entry,) = entries(home.servers[0])
    assert entry[3]["preview_method"] == "none"


@pytest.mark.long
async def test_an_animated_picture_is_worked_on_frame_by_frame(tmp_path: Path) -> None:
    path, colors = tmp_path / "cat.gif", [(255, 0, 0), (0, 255, 0)]
    first, second = (Image.new("RGB", (20, 20), color) for color in colors)
    first.save(path, save_all=True, append_images=[second])
    async with house(tmp_path) as home:
        run_id, shown = await home.ask("negative", photo=UploadedFile(path, "cat.gif"))
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    assert any(str(value).endswith(".gif") for node in entry[2].values() for value in node["inputs"].values())
    made = []
    for data in shown.results[0].files:
        with Image.open(io.BytesIO(data)) as picture:
            made.append(picture.getpixel((5, 5)))
    assert made == [tuple(255 - part for part in color) for color in colors]


@pytest.mark.long
async def test_every_node_has_its_title(tmp_path: Path) -> None:
    written(tmp_path, "titled", {**TWO_OUTPUTS, "3": {**TWO_OUTPUTS["3"], "_meta": {"title": "The other one"}}})
    async with house(tmp_path) as home:
        run_id, _shown = await home.ask("titled")
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    titles = {node_id: node["_meta"]["title"] for node_id, node in entry[2].items()}
    assert titles == {"1": "EmptyImage", "2": "SaveImage", "3": "The other one", "4": "PreviewImage"}


@pytest.mark.long
async def test_the_file_at_the_server_has_the_workflow_and_what_members_get_has_none(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, shown = await home.ask(color="65280")
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    workflow = entry[3]["extra_pnginfo"]["workflow"]
    blank, save = sorted(workflow["nodes"], key=lambda node: node["id"])
    assert (blank["id"], blank["type"], blank["widgets_values"]) == (1, "EmptyImage", [16, 16, 1, 0x00FF00])
    assert (save["type"], save["inputs"][0]["link"]) == ("SaveImage", workflow["links"][0][0])
    with Image.open(io.BytesIO(shown.results[0].files[0])) as picture:
        assert not {"workflow", "prompt"} & picture.info.keys()


@pytest.mark.long
async def test_a_saved_workflow_comes_back_as_its_author_saved_it(tmp_path: Path) -> None:
    saved = {
        "version": 0.4,
        "nodes": [
            {
                "id": 1,
                "type": "EmptyImage",
                "pos": [40, 50],
                "widgets_values": [16, 16, 1, 0],
                "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [3]}],
            },
            {
                "id": 2,
                "type": "SaveImage",
                "pos": [400, 50],
                "widgets_values": ["x"],
                "inputs": [{"name": "images", "type": "IMAGE", "link": 3}],
            },
            {"id": 9, "type": "Note", "pos": [0, 0], "widgets_values": ["do not forget"]},
        ],
        "links": [[3, 1, 0, 2, 0, "IMAGE"]],
        "groups": [{"title": "Mine"}],
    }
    written(tmp_path, "mine", saved, '[fields.color]\ntarget = "#1.color"\n')
    async with house(tmp_path) as home:
        await home.offered("mine")
        run_id, _shown = await home.ask("mine", color="65280")
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    saved["nodes"][0]["widgets_values"] = [16, 16, 1, 65280]  # type: ignore[index]
    assert entry[3]["extra_pnginfo"]["workflow"] == saved


@pytest.mark.long
async def test_an_operator_who_keeps_metadata_gives_the_workflow_away(tmp_path: Path) -> None:
    async with house(tmp_path, keep_metadata=True) as home:
        run_id, shown = await home.ask()
        await home.ended(run_id)
        (entry,) = entries(home.servers[0])
    with Image.open(io.BytesIO(shown.results[0].files[0])) as picture:
        assert json.loads(picture.info["workflow"]) == entry[3]["extra_pnginfo"]["workflow"]


def test_definitions_that_cannot_be_read_cost_no_run() -> None:
    data = ObjectInfo({"EmptyImage": {"input": {}, "output": 7}})
    extra = extra_data(Prompt({"1": BLANK}), data, previews=True)
    assert [node["type"] for node in extra["extra_pnginfo"]["workflow"]["nodes"]] == ["EmptyImage"]


@pytest.mark.long
async def test_only_the_outputs_that_a_workflow_names_are_made(tmp_path: Path) -> None:
    written(tmp_path, "named", TWO_OUTPUTS, 'outputs = ["#4"]\n')
    written(tmp_path, "open", TWO_OUTPUTS)
    async with house(tmp_path) as home:
        runs = [await home.ask("named"), await home.ask("open")]
        await home.ended(*(run_id for run_id, _shown in runs))
        named, unnamed = entries(home.servers[0])
    assert [shown.last for _run_id, shown in runs] == [Done(), Done()]
    assert named[4] == ["4"]
    assert unnamed[4] == ["2", "4"]
    assert "SaveImage" not in {status.node for status in runs[0][1].statuses if isinstance(status, Running)}
    assert [len(shown.results[0].files) for _run_id, shown in runs] == [1, 1]


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (["4"], ("4",)),
        (["2", "4"], ("2", "4")),
        (["4", "3"], ("4",)),  # the second has to run for the first
        (["2", "3"], ()),  # the second would not run
        (["3"], ()),
        (["9"], ()),
        (["4", "9"], ("4",)),
        ([], ()),
    ],
)
def test_targets_are_output_nodes_alone(outputs: list[str], targets: tuple[str, ...]) -> None:
    node = {"input": {}, "output": ["IMAGE"]}
    outputs_of = {"SaveImage": True, "PreviewImage": True, "EmptyImage": False, "ImageInvert": False}
    info = ObjectInfo({name: {**node, "output_node": is_output} for name, is_output in outputs_of.items()})
    assert execution_targets(Prompt(TWO_OUTPUTS), outputs, info) == targets
    assert execution_targets(Prompt(TWO_OUTPUTS), outputs, ObjectInfo({})) == ()
