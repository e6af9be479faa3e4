"""Each bundled workflow, developed on the built-in engine: what comes out is what its name says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bot.core.errors import CannotRun
from bot.core.model import Done, UploadedFile
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.verdict_text import missing_models, where_to_get
from comfy.object_info import ObjectInfo
from comfy.saved.needs import ModelLink
from tests.bot.core.execution.test_steps import RecordingReply, asked, opened

COFFEE = Path(__file__).parents[4] / "bot" / "demo" / "coffee.jpg"


@pytest.fixture
def photo(tmp_path: Path) -> UploadedFile:
    with Image.open(COFFEE) as coffee:
        coffee.resize((300, 200)).save(tmp_path / "coffee.png")
    return UploadedFile(tmp_path / "coffee.png", "coffee.png")


async def develop(workflow: str, folder: Path, **values: Any) -> npt.NDArray[np.int16]:
    reply = RecordingReply()
    async with opened() as bench:
        run = await bench.take(asked(workflow, **values), folder)
        assert await bench.develop(run, reply, folder) == Done(), reply.shown
    assert reply.result is not None
    (file,) = reply.result.files
    with Image.open(file.path) as out:
        return np.asarray(out.convert("RGB"), np.int16)


def pixels(photo: UploadedFile) -> npt.NDArray[np.int16]:
    with Image.open(photo.path) as picture:
        return np.asarray(picture.convert("RGB"), np.int16)


async def test_negative(photo: UploadedFile, tmp_path: Path) -> None:
    made = await develop("negative", tmp_path, photo=photo)
    assert np.abs(made - (255 - pixels(photo))).max() <= 1  # the engine cuts fractions off, as the real one does


def test_a_missing_model_has_the_folder_of_its_loader() -> None:
    imagine = Catalog.read(Path(__file__).parents[4] / "workflows").workflows["imagine"]
    loader = {"input": {"required": {"ckpt_name": [[]]}}, "output": ["MODEL", "CLIP", "VAE"]}
    info = ObjectInfo({"CheckpointLoaderSimple": loader})
    name = "v1-5-pruned-emaonly-fp16.safetensors"
    assert missing_models(imagine, info) == [ModelLink(name, "checkpoints")]
    assert where_to_get(imagine, {"one": info}) == [f"{name} belongs in the folder models/checkpoints."]


@pytest.mark.parametrize("colors", [2, 8, 32])
@pytest.mark.long
async def test_poster(colors: int, photo: UploadedFile, tmp_path: Path) -> None:
    poster = await develop("poster", tmp_path, photo=photo, colors=str(colors))
    assert len(np.unique(poster.reshape(-1, 3), axis=0)) <= colors
    assert poster.shape == (200, 300, 3)


@pytest.mark.long
async def test_dream_is_lighter_by_its_strength(photo: UploadedFile, tmp_path: Path) -> None:
    none, some, full = [
        (await develop("dream", tmp_path, photo=photo, strength=strength, glow="9")).mean()
        for strength in ("0", "0.5", "1")
    ]
    assert none == pytest.approx(pixels(photo).mean(), abs=1)
    assert none < some < full


@pytest.mark.long
async def test_sketch_is_dark_lines_on_white(photo: UploadedFile, tmp_path: Path) -> None:
    thin, thick = [(await develop("sketch", tmp_path, photo=photo, line=line)).mean() for line in ("3", "15")]
    assert thick < thin
    assert thin > 200


@pytest.mark.long
async def test_match_colors_takes_the_colours_of_the_second_picture(photo: UploadedFile, tmp_path: Path) -> None:
    Image.effect_noise((90, 60), 40).convert("RGB").point(lambda value: value // 2).save(tmp_path / "dim.png")
    style = UploadedFile(tmp_path / "dim.png", "dim.png")
    made = await develop("match-colors", tmp_path, photo=photo, style=style)
    assert np.abs(made.mean((0, 1)) - pixels(style).mean((0, 1))).max() < 12
    kept = await develop("match-colors", tmp_path, photo=photo, style=style, strength="0")
    assert np.abs(kept - pixels(photo)).max() <= 1


@pytest.mark.long
async def test_polaroid_has_a_white_frame_and_words_below(photo: UploadedFile, tmp_path: Path) -> None:
    plain = await develop("polaroid", tmp_path, photo=photo)
    words = await develop("polaroid", tmp_path, photo=photo, caption="Coffee, at last")
    assert plain.shape == words.shape
    assert plain.shape[0] > plain.shape[1] * 200 / 300
    assert (words[0] == 255).all()
    assert (words[:, 0] == 255).all()
    changed = np.argwhere((plain != words).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].min() > plain.shape[0] * 0.75


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (3, 2)], ids=str)
@pytest.mark.parametrize(
    ("workflow", "values"),
    [
        ("negative", {}),
        ("poster", {"colors": "32", "contrast": "2"}),
        ("dream", {"glow": "31"}),
        ("sketch", {"line": "15"}),
        ("match-colors", {"strength": "2"}),
        ("polaroid", {"caption": "x" * 60}),
    ],
)
async def test_a_picture_of_any_size_will_do(
    workflow: str, values: dict[str, str], size: tuple[int, int], tmp_path: Path
) -> None:
    Image.new("RGB", size, (200, 100, 50)).save(tmp_path / "small.png")
    small = UploadedFile(tmp_path / "small.png", "small.png")
    pictures = {"photo": small, **({"style": small} if workflow == "match-colors" else {})}
    made = await develop(workflow, tmp_path, **pictures, **values)
    assert made.shape == (size[1], size[0], 3) or workflow == "polaroid"


@pytest.mark.parametrize("name", ["imagine", "restyle", "upscale"])
async def test_what_needs_models_says_so(name: str, photo: UploadedFile, tmp_path: Path) -> None:
    async with opened() as bench:
        with pytest.raises(CannotRun, match=f"“{name}” cannot run on this server. The server lacks the nodes "):
            await bench.take(asked(name, photo=photo, text="a cat"), tmp_path)
