"""The built-in nodes make the same pictures as the real server did, from the same graphs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import comfy.embedded.nodes  # noqa: F401
from comfy.embedded.folders import Folders, PromptHost
from comfy.embedded.node import NODES

PIXELS = Path(__file__).parent.parent.parent / "data" / "pixels"
GRAPHS = sorted(path.stem for path in PIXELS.glob("*.json"))
EXACT = ("ImageInvert", "ImageCrop", "ImageFlip", "ImageRotate", "ImageStitch", "ImageBatch", "ImageComposite")
OWN_MEASURE = ("ImageQuantize", "Canny", "TextOverlay", "ImageAddNoise")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders(tmp_path)
    folders.create()
    for name in ("in_a.png", "in_b.png"):
        shutil.copy(PIXELS / name, tmp_path / "input" / name)
    return folders


def play(name: str, folders: Folders) -> npt.NDArray[np.int16]:
    """Run a graph and read back the first picture that it saved."""
    graph = json.loads((PIXELS / f"{name}.json").read_text())
    host = PromptHost(folders, graph)
    results: dict[str, Any] = {}

    def result(node_id: str) -> Any:
        if node_id not in results:
            node = graph[node_id]
            values = {
                key: result(value[0]).outputs[value[1]] if isinstance(value, list) else value
                for key, value in node["inputs"].items()
            }
            results[node_id] = NODES[node["class_type"]].run(host, values)
        return results[node_id]

    saves = [node_id for node_id, node in graph.items() if node["class_type"] == "SaveImage"]
    first = result(saves[0]).ui["images"][0]["filename"]
    return read(folders.folder("output") / first)


def read(path: Path) -> npt.NDArray[np.int16]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.int16)


@pytest.mark.parametrize("name", [name for name in GRAPHS if not name.startswith(OWN_MEASURE)])
def test_the_same_picture(name: str, folders: Folders) -> None:
    made, real = play(name, folders), read(PIXELS / f"{name}.png")
    assert made.shape == real.shape
    difference = np.abs(made - real)
    exact = name.startswith(EXACT) or "nearest" in (PIXELS / f"{name}.json").read_text()
    if exact:
        assert difference.max() == 0
    assert difference.mean() <= 2
    assert np.percentile(difference, 99) <= 8


@pytest.mark.parametrize("name", ["Canny-1", "Canny-2", "ImageQuantize-1", "ImageQuantize-2", "ImageQuantize-3"])
def test_edges_and_palettes_are_the_same_to_the_pixel(name: str, folders: Folders) -> None:
    """Their results jump at thresholds: nothing but equality is a measure."""
    assert np.array_equal(play(name, folders), read(PIXELS / f"{name}.png"))


def test_noise_has_the_same_spread(folders: Folders) -> None:
    """The generators differ, so the pictures do; how far pixels are moved, and where to on the whole, does not."""
    made, real, before = (
        play("ImageAddNoise-1", folders),
        read(PIXELS / "ImageAddNoise-1.png"),
        read(PIXELS / "in_a.png"),
    )
    assert abs(np.std(made - before) - np.std(real - before)) < 1.5
    assert abs(np.mean(made - before) - np.mean(real - before)) < 1.0


def test_words_stand_where_the_real_server_puts_them(folders: Folders) -> None:
    """A letter one pixel off changes its outline by hundreds: nothing may differ by more than rounding."""
    made, real = play("TextOverlay-1", folders), read(PIXELS / "TextOverlay-1.png")
    assert np.abs(made - real).max() <= 1
