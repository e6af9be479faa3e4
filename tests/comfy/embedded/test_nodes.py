"""Each node tells of itself what the real one tells, so that a form or a client made for one fits the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from comfy.embedded import EmbeddedServer
from comfy.embedded.folders import Folders, PromptHost
from comfy.embedded.node import NODES

REAL = json.loads((Path(__file__).parent.parent.parent / "data" / "object_info.json").read_text())
ASKED_FOR = [
    "LoadImage",
    "SaveImage",
    "PreviewImage",
    "EmptyImage",
    "ImageInvert",
    "ImageScale",
    "ImageScaleBy",
    "ImageScaleToTotalPixels",
    "ImageScaleToMaxDimension",
    "ImageCrop",
    "ImageFlip",
    "ImageRotate",
    "ImageBlur",
    "ImageSharpen",
    "ImageQuantize",
    "ImageBlend",
    "ImageStitch",
    "ImageBatch",
    "ImageFromBatch",
    "RepeatImageBatch",
    "ImageCompositeMasked",
    "ImagePadForOutpaint",
    "ResizeAndPadImage",
    "AdjustBrightness",
    "AdjustContrast",
    "ImageAddNoise",
    "Canny",
    "Morphology",
    "ColorTransfer",
    "TextOverlay",
    "MaskToImage",
    "ImageToMask",
    "InvertMask",
    "SolidMask",
    "GetImageSize",
    "PreviewAny",
    "SaveAnimatedWEBP",
    "PrimitiveInt",
    "PrimitiveFloat",
    "PrimitiveString",
    "PrimitiveStringMultiline",
    "PrimitiveBoolean",
]
FILES_THERE = {("LoadImage", "image"), ("LoadImageMask", "image"), ("LoadImageMask", "channel")}  # another folder's


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    async with (
        EmbeddedServer(tmp_path_factory.mktemp("engine")) as server,
        aiohttp.ClientSession(server.url) as session,
        session.get("/object_info") as answer,
    ):
        return dict(await answer.json())


@pytest.mark.parametrize("name", ASKED_FOR)
def test_a_node_declares_what_the_real_one_declares(name: str, told: dict[str, Any]) -> None:
    mine, real = told[name], REAL[name]
    for key in ("name", "display_name", "category", "output", "output_name", "output_is_list", "output_node"):
        assert mine[key] == real[key], key
    for group in ("required", "optional"):
        assert list(mine["input"].get(group, {})) == list(real["input"].get(group, {}))
        for field, spec in real["input"].get(group, {}).items():
            if (name, field) not in FILES_THERE:
                assert mine["input"][group][field] == [*spec, {}][:2], field


def load(path: Path, folder: Path, node: str = "LoadImage", **inputs: Any) -> tuple[Any, ...]:
    folders = Folders(folder)
    folders.create()
    path.rename(folders.folder("input") / path.name)
    return NODES[node].run(PromptHost(folders), {"image": path.name, **inputs}).outputs


def test_a_phone_photo_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "red").save(tmp_path / "phone.jpg", exif=exif)
    image, mask = load(tmp_path / "phone.jpg", tmp_path / "engine")
    assert image.shape == (1, 40, 30, 3)
    assert mask.shape == (1, 64, 64)


def test_sixteen_bits_of_grey_keep_their_brightness(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 32768, np.uint16)).save(tmp_path / "deep.png")
    image, _ = load(tmp_path / "deep.png", tmp_path / "engine")
    assert image.shape == (1, 8, 8, 3)
    assert image.mean() == pytest.approx(0.5, abs=0.001)


def test_what_is_transparent_is_the_mask(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 64)).save(tmp_path / "glass.png")
    image, mask = load(tmp_path / "glass.png", tmp_path / "engine")
    assert mask[0, 0, 0] == pytest.approx(1 - 64 / 255)
    assert image[0, 0, 0].tolist() == [1, 0, 0]


def test_the_frames_of_an_animation_are_a_batch(tmp_path: Path) -> None:
    first, *rest = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    first.save(tmp_path / "moving.webp", save_all=True, append_images=rest, lossless=True)
    image, _ = load(tmp_path / "moving.webp", tmp_path / "engine")
    assert image[:, 0, 0].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_channel_as_a_mask(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (51, 102, 255)).save(tmp_path / "blue.png")
    (mask,) = load(tmp_path / "blue.png", tmp_path / "engine", "LoadImageMask", channel="green")
    assert mask.shape == (1, 8, 8)
    assert mask.mean() == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("method", "shape"),
    [
        *((method, (1, 300, 301, 3)) for method in ("reinhard_lab", "mkl_lab", "histogram")),
        *((method, (2, 5, 4, 3)) for method in ("reinhard_lab", "mkl_lab")),
        *((method, (1, 1, 1, 3)) for method in ("reinhard_lab", "mkl_lab")),
    ],
)
def test_a_pictures_own_colours_change_nothing(method: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    image = np.random.default_rng(1).random(shape, np.float32)
    values = {"image_target": image, "image_ref": image, "method": method, "strength": 1.0}
    for stats in ("per_frame", "uniform") if len(image) == 1 else ("per_frame",):
        run = NODES["ColorTransfer"].run(PromptHost(Folders(tmp_path)), {**values, "source_stats": stats})
        assert np.abs(run.outputs[0] - image).max() < 2 / 255


@pytest.mark.parametrize("height", [1, 31, 32, 33, 100])
def test_a_blur_has_no_seams(height: int, tmp_path: Path) -> None:
    image = np.random.default_rng(1).random((1, height, 50, 3), np.float32)
    blur, host = NODES["ImageBlur"], PromptHost(Folders(tmp_path))
    down = blur.run(host, {"image": image, "blur_radius": 9, "sigma": 0.5}).outputs[0]
    across = blur.run(host, {"image": image.swapaxes(1, 2), "blur_radius": 9, "sigma": 0.5}).outputs[0]
    assert np.abs(down - across.swapaxes(1, 2)).max() < 1e-5
    assert down.mean() == pytest.approx(image.mean(), abs=0.02)
