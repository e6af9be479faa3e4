"""Files as ComfyUI's editor saves them are workflows, under the names and in the formats that people have them in."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.background import TaskHealth
from bot.core.errors import UnknownWorkflow
from bot.core.model import Done
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.reader import FolderReader
from bot.core.workflows.saved import convert_file, lacking
from bot.core.workflows.source import Layer
from bot.core.workflows.verdict_text import where_to_get, why_not
from comfy.object_info import ObjectInfo
from comfy.saved.widgets import NodePlans
from tests.bot.harness import ANN, HERE, house

SAVED: dict[str, Any] = {
    "version": 0.4,
    "nodes": [
        {"id": 1, "type": "EmptyImage", "outputs": [{"type": "IMAGE"}], "widgets_values": [48, 32, 1, 255]},
        {
            "id": 2,
            "type": "SaveImage",
            "inputs": [{"name": "images", "type": "IMAGE", "link": 9}],
            "widgets_values": ["x"],
        },
    ],
    "links": [[9, 1, 0, 2, 0, "IMAGE"]],
}
PROMPT = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 48, "height": 32, "batch_size": 1, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
NODES = json.loads((Path(__file__).parents[3] / "data" / "object_info.json").read_text())
INFO = ObjectInfo(NODES)


def png(workflow: Any) -> bytes:
    body = b"workflow\0" + json.dumps(workflow).encode()
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + b"tEXt" + body + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.json", json.dumps(SAVED).encode()),
        ("plain.app.json", json.dumps(SAVED).encode()),
        ("plain.json", json.dumps({"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": SAVED}}}).encode()),
        ("plain.json", json.dumps({"input": {"workflow": PROMPT}}).encode()),
        ("plain.json", json.dumps({**PROMPT, "_comment": "mine"}).encode("utf-8-sig")),
        ("plain.PNG", png(SAVED)),
        ("plain.png", png(PROMPT)),
    ],
)
def test_a_file_in_any_format_is_a_workflow(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    catalog = Catalog.read(tmp_path, info=INFO)
    assert (catalog.faults, list(catalog.workflows)) == ((), ["plain"])
    workflow = catalog.get("plain")
    assert {node.id: node.inputs for node in workflow.prompt} == {key: node["inputs"] for key, node in PROMPT.items()}
    assert workflow.verdict(INFO).runs


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", "a.png: there is no ComfyUI workflow in it"),
        ("a.json", b'{"templates": []}', "a.json: it has templates of nodes, and no workflow"),
        ("a.json", b"[1]", "a.json: it is JSON, but no ComfyUI workflow"),
        ("a.mp4", b"", "a.mp4: the file is empty: "),
    ],
)
def test_the_rest_is_told_in_a_sentence(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    (fault,) = Catalog.read(tmp_path, info=INFO).faults
    assert str(fault).startswith(reason)


def test_a_picture_beside_a_workflow_is_only_a_picture(tmp_path: Path) -> None:
    bundled, own = tmp_path / "bundled", tmp_path / "own"
    bundled.mkdir()
    (bundled / "plain.json").write_text(json.dumps(PROMPT))
    (bundled / "plain.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (bundled / "plain.toml").write_text('title = "Plain"\n[fields.color]\ntarget = "#1.color"\n')
    own.mkdir()
    (own / "plain.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    catalog = Catalog.read(bundled, own)
    assert (catalog.faults, catalog.get("plain").form().names) == ((), ("color",))


def test_a_saved_workflow_has_a_sidecar_like_any(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text(json.dumps(SAVED))
    (tmp_path / "plain.toml").write_text('[fields.color]\ntarget = "Empty Image.color"\n')
    assert Catalog.read(tmp_path, info=INFO).get("plain").form(INFO)["color"].default == 255
    (tmp_path / "plain.toml").write_text('[fields.color]\ntarget = "Empty Image.colour"\n')
    (fault,) = Catalog.read(tmp_path, info=INFO).faults
    assert fault.file == "plain.toml"


async def test_a_saved_workflow_waits_for_the_first_server_and_then_appears(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "plain.json").write_text(json.dumps(SAVED))
    servers: dict[str, ObjectInfo] = {}
    async with LiveCatalog(tmp_path, tasks=TaskHealth(), step=0.2) as catalog:
        assert (catalog.waiting, catalog.faults, dict(catalog.workflows)) == (("plain.json",), (), {})
        with pytest.raises(UnknownWorkflow, match="“plain” can be used when a ComfyUI server has answered"):
            catalog.get("plain")
        changed = asyncio.Event()
        catalog.on_change(changed.set)
        async with catalog.following(lambda: servers):
            assert caplog.messages.count("workflow_waits") == 1
            servers["one"] = INFO
            await changed.wait()
        assert (catalog.waiting, list(catalog.workflows)) == ((), ["plain"])
    async with LiveCatalog(tmp_path, tasks=TaskHealth(), step=0.2) as later, later.following(lambda: servers):
        assert caplog.messages.count("workflow_waits") == 1  # its nodes are known


def test_what_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    path, reader = tmp_path / "plain.json", FolderReader([(Layer.FOLDER, tmp_path)])
    path.write_text(json.dumps(SAVED))
    first: Catalog | None = None

    def read(info: ObjectInfo = INFO) -> Catalog:
        return Catalog.of(reader.read(), info, before=first)

    first = read()
    again = read(ObjectInfo({**NODES, "KSampler": {}}))  # a node that it does not have
    assert again.is_same(first)
    path.write_text(json.dumps(SAVED))
    assert read().is_same(first)
    path.write_text(json.dumps({**SAVED, "nodes": SAVED["nodes"][:1]}))
    assert not read().is_same(first)
    path.write_text(json.dumps(SAVED))
    more = {**NODES["EmptyImage"], "input": {"required": {"size": ["INT", {"default": 3}]}}}
    other = read(ObjectInfo({**NODES, "EmptyImage": more}))
    assert other.get("plain").prompt["1"].inputs["size"] == 48


class Counted(ObjectInfo):
    """The definitions of a server, which count the conversions made with them."""

    conversions = 0

    @property
    def plans(self) -> NodePlans:  # type: ignore[override]
        self.conversions += 1
        return NodePlans(self.data)


async def test_one_file_is_converted_for_one_change_among_a_hundred(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"sheet {number}.json").write_text(json.dumps(SAVED | {"id": number}))
    first = Counted(NODES)
    servers: dict[str, ObjectInfo] = {"first": first}
    async with LiveCatalog(tmp_path, tasks=TaskHealth(), step=0.2) as live, live.following(lambda: servers):
        assert (len(live.workflows), first.conversions) == (100, 100)
        changed = live.find("sheet_7")
        others = [each for each in live.workflows.values() if each is not changed]
        (tmp_path / "sheet 7.json").write_text(json.dumps(SAVED | {"id": -1}))
        await live.refresh()
        assert live.find("sheet_7") is not changed
        assert first.conversions == 101
        more = {"input": {"required": {"model": [["a.safetensors"], {}]}}}
        other = servers["other"] = Counted({**NODES, "Loader": more})
        await live.refresh()
        assert (first.conversions, other.conversions) == (101, 0)
        kept = set(map(id, live.workflows.values()))
        assert all(id(each) in kept for each in others)
        assert all(each.prompt_for(other) is each.prompt for each in others)


@pytest.mark.long
async def test_a_saved_workflow_runs(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "drawn.json").write_text(json.dumps(SAVED))
    async with house(tmp_path) as home:
        await home.offered("drawn")
        offers = {each.workflow.name: each for each in await home.services.workflows.offers(ANN, HERE)}
        assert offers["drawn"].lacks is None
        run_id, shown = await home.ask("drawn")
        await home.ended(run_id)
        assert shown.last == Done()
    async with house(tmp_path) as home:  # with the definitions that were kept
        assert "drawn" in home.services.workflows.catalog.workflows


def noisy(control: str) -> dict[str, Any]:
    """A workflow in app mode that asks for the width alone; its noise has a seed."""
    picture = {"name": "IMAGE", "type": "IMAGE"}
    blank = {"id": 1, "type": "EmptyImage", "widgets_values": [16, 16, 1, 7], "outputs": [picture]}
    noise = {"id": 2, "type": "ImageAddNoise", "widgets_values": [5, control, 0.5], "outputs": [picture]}
    noise["inputs"] = [{"name": "image", "type": "IMAGE", "link": 1}]
    save = {"id": 3, "type": "SaveImage", "widgets_values": ["x"]}
    save["inputs"] = [{"name": "images", "type": "IMAGE", "link": 2}]
    links = [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]
    app = {"linearData": {"inputs": [[1, "width"]], "outputs": [3]}}
    return {"version": 0.4, "nodes": [blank, noise, save], "links": links, "extra": app}


@pytest.mark.long
async def test_a_seed_that_is_no_field_is_new_in_each_run_unless_its_author_keeps_it(tmp_path: Path) -> None:
    own = tmp_path / "workflows"
    own.mkdir()
    for control in ("randomize", "increment", "fixed"):
        (own / f"{control}.json").write_text(json.dumps(noisy(control)))
    (own / "told.json").write_text(json.dumps(noisy("randomize")))
    (own / "told.toml").write_text('[fields.seed]\ntarget = "#1.width"\n[fields.grain]\ntarget = "#2.strength"')
    async with house(tmp_path) as home:
        workflows = home.services.workflows
        await home.offered("randomize", "increment", "fixed", "told")

        async def results(name: str, again: bool) -> tuple[bytes, dict[str, Any]]:
            given = {} if not again else {"message": f"{name} again"}
            run_id, shown = await home.ask(name, **given)
            (run,) = await home.ended(run_id)
            ((file,),) = (each.files for each in shown.results)
            return file, dict(run.values)

        for name in ("randomize", "increment", "fixed"):
            count = () if name == "fixed" else ("count", "vary")
            assert (await workflows.form(name, ANN, HERE)).names == ("width", *count)
            (first, one), (second, two) = [await results(name, again) for again in (False, True)]
            if name == "fixed":
                assert (first, one) == (second, two) == (first, {"width": 16})
            else:
                assert one.keys() == two.keys() == {"width", "seed"}
                assert one["seed"] != two["seed"]
                assert first != second
        _file, values = await results("told", False)
        assert values.keys() == {"seed", "grain", "seed_2"}
        run_id, _shown = await home.ask("randomize", message="once more")
        await home.ended(run_id)
        again = await home.services.runs.again(run_id, ANN, HERE, {})
        assert again.values == {"width": 16}
        assert workflows.catalog.get("randomize").varies
        assert not workflows.catalog.get("fixed").varies


def test_what_is_missing_is_named_with_its_pack_its_folder_and_its_link(tmp_path: Path) -> None:
    models = [{"name": "ink.safetensors", "url": "https://example.com/ink", "directory": "checkpoints"}]
    loader = {
        "id": 3,
        "type": "CheckpointLoaderSimple",
        "widgets_values": ["sub/ink.safetensors"],
        "properties": {"cnr_id": "comfy-core", "models": models},
    }
    odd = {
        "id": 4,
        "type": "Gone",
        "inputs": [{"name": "model", "type": "MODEL", "link": 5}],
        "properties": {"aux_id": "ann/odd"},
    }
    links = [*SAVED["links"], [5, 3, 0, 4, 0, "MODEL"]]
    (tmp_path / "plain.json").write_text(json.dumps({"nodes": [*SAVED["nodes"], loader, odd], "links": links}))
    workflow = replace(Catalog.read(tmp_path, info=INFO).get("plain"), declared=())
    assert why_not(workflow, {"one": INFO}) == (
        "The server lacks the nodes Gone (pack ann/odd). The server lacks sub/ink.safetensors."
    )
    assert where_to_get(workflow, {"one": INFO, "two": INFO}) == [
        "The node Gone is from the pack ann/odd.",
        "ink.safetensors belongs in the folder models/checkpoints (its size is not in the file): "
        "https://example.com/ink",
    ]
    made = convert_file(tmp_path / "plain.json", INFO.data)
    assert lacking(made).splitlines()[1:] == where_to_get(workflow, {"one": INFO})
    note = {"id": 5, "type": "MarkdownNote", "widgets_values": ["[ink.safetensors](https://example.com/ink) (1.29 GB)"]}
    (tmp_path / "noted.json").write_text(json.dumps({"nodes": [*SAVED["nodes"], loader, odd, note], "links": links}))
    noted = replace(Catalog.read(tmp_path, info=INFO).get("noted"), declared=())
    assert where_to_get(noted, {"one": INFO})[1:] == [
        "ink.safetensors (1.29 GB) belongs in the folder models/checkpoints: https://example.com/ink"
    ]
