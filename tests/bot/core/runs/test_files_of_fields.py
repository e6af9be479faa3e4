"""A file that a person gives reaches the server, whatever node loads it and whatever is known of that node."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.core.errors import BadValue
from bot.core.media.images import PictureLimits
from bot.core.model import Place, RunRequest, UploadedFile
from bot.core.runs.validation import RequestValidator
from bot.core.workflows.catalog import Catalog, NewestVersions
from bot.core.workflows.form import FieldKind
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NODES, NodeType
from comfy.embedded.nodes import load_save
from tests.bot.core.execution.test_submission import written
from tests.bot.harness import ANN, house

GRAPH = {
    "1": {"class_type": "PoseReader", "inputs": {"image": "example"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
}
FIELD = '[fields.pose]\ntarget = "#1.image"\n'


def readers() -> dict[str, NodeType]:
    """Loaders that only the server's definitions tell of, and one of which these say nothing."""
    reader = replace(NODES["LoadImage"], class_type="PoseReader")
    return {
        "PoseReader": reader,
        "DepthReader": replace(reader, class_type="DepthReader", required={"image": (["example"], {})}),
    }


def red(folder: Path) -> UploadedFile:
    Image.new("RGB", (8, 8), (255, 0, 0)).save(folder / "red.png")
    return UploadedFile(folder / "red.png", "red.png")


@pytest.mark.parametrize(
    ("class_type", "sidecar"), [("PoseReader", FIELD), ("DepthReader", f'{FIELD}kind = "image"\n')]
)
@pytest.mark.long
async def test_the_file_of_any_loader_is_sent(tmp_path: Path, class_type: str, sidecar: str) -> None:
    assert load_save  # declares the nodes
    written(tmp_path, "pose", {**GRAPH, "1": {"class_type": class_type, "inputs": {"image": "example"}}}, sidecar)
    async with house(tmp_path, servers=[EmbeddedServer(nodes=readers())]) as home:
        run_id, shown = await home.ask("pose", pose=red(tmp_path))
        (run,) = await home.ended(run_id)
        assert run.sentence is None
        (data,) = shown.results[0].files
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.getpixel((1, 1)) == (0, 255, 255)


@pytest.mark.long
async def test_words_in_place_of_a_file_are_not_ignored(tmp_path: Path) -> None:
    written(tmp_path, "pose", GRAPH, FIELD)
    async with house(tmp_path, servers=[EmbeddedServer(nodes=readers())]) as home:
        with pytest.raises(BadValue, match=r"pose: give a file\."):
            await home.ask("pose", pose="red.png")


@pytest.mark.parametrize(("name", "kind"), [("red.png", FieldKind.IMAGE), ("notes.bin", FieldKind.FILE)])
async def test_a_file_is_a_file_while_no_server_is_known(tmp_path: Path, name: str, kind: FieldKind) -> None:
    written(tmp_path, "pose", GRAPH, FIELD)
    given = replace(red(tmp_path), filename=name)

    async def known() -> dict[str, Any]:
        return {}

    validator = RequestValidator(NewestVersions(Catalog.read(tmp_path / "workflows")), known, PictureLimits())
    checked = await validator.check(RunRequest("pose", {"pose": given}, ANN, Place("test", "here")), tmp_path)
    assert {field: (file.filename, file.kind) for field, file in checked.media.items()} == {"pose": (name, kind)}
    assert checked.values == {}
