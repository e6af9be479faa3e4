"""Results of one colour: said with the result, unless what was given is of one colour too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.core.media.blank import blank_words, is_blank
from bot.core.media.metadata.cleaned import Cleaned, cleaned
from bot.core.model import ResultFile, UploadedFile
from tests.bot.harness import house, write_workflows

SIZE = (640, 480)


def plain(folder: Path, name: str, size: tuple[int, int] = SIZE, color: str = "black") -> Path:
    Image.new("RGB", size, color).save(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
async def test_a_picture_of_one_colour_is_blank_and_one_with_a_dot_is_not(tmp_path: Path, name: str) -> None:
    assert await is_blank(plain(tmp_path, name, color="#336699"))
    picture = Image.new("RGB", SIZE)
    picture.paste("white", (300, 200, 316, 216))
    picture.save(tmp_path / name)
    assert not await is_blank(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
async def test_a_workflow_in_a_picture_does_not_hide_that_it_is_of_one_colour(tmp_path: Path, name: str) -> None:
    about, exif = PngInfo(), Image.Exif()
    about.add_text("workflow", workflow := json.dumps({"last_node_id": 1, "nodes": ["x" * 9] * 20_000}))
    exif[0x010F] = workflow[:60_000]
    Image.new("RGB", SIZE).save(tmp_path / name, pnginfo=about, exif=exif, lossless=True)
    found = await cleaned(tmp_path / name, is_media=True, is_picture=True, keep=False)
    assert found == Cleaned(shows_workflow=False, is_blank=True)


async def test_of_what_is_kept_only_a_picture_is_looked_at(tmp_path: Path) -> None:
    path = plain(tmp_path, "made.png")
    assert await cleaned(path, is_media=False, is_picture=False, keep=True) == Cleaned()
    assert await cleaned(path, is_media=True, is_picture=True, keep=True) == Cleaned(is_blank=True)
    assert await cleaned(path, is_media=False, is_picture=False, keep=False) == Cleaned()


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(("content", "fault"), [(b"", "it is empty"), (b"<html>", "its content is not a picture")])
async def test_what_is_no_picture_is_told(tmp_path: Path, content: bytes, fault: str, *, keep: bool) -> None:
    path = tmp_path / "made.png"
    path.write_bytes(content)
    found = await cleaned(path, is_media=True, is_picture=True, keep=keep)
    assert found.fault is not None
    assert found.fault.startswith(fault)
    assert found == Cleaned(found.fault)


async def test_transparency_counts_and_small_pictures_do_not(tmp_path: Path) -> None:
    hole = Image.new("RGBA", SIZE, "black")
    hole.putpixel((9, 9), (0, 0, 0, 0))
    hole.save(tmp_path / "hole.png")
    (tmp_path / "odd.png").write_bytes(b"\x89PNG\r\n\x1a\nodd")
    assert not await is_blank(tmp_path / "hole.png")
    assert not await is_blank(plain(tmp_path, "small.png", (32, 32)))
    assert not await is_blank(tmp_path / "odd.png")


async def test_where_the_input_was_of_one_colour_too_nothing_is_said(tmp_path: Path) -> None:
    made = ResultFile(plain(tmp_path, "made.png"), "made.png", "image", is_blank=True)
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
    noise.save(tmp_path / "noise.png")

    async def given(*names: str) -> list[str]:
        async def paths() -> list[Path]:
            return [tmp_path / name for name in names]

        return await blank_words([made], paths)

    assert await given("made.png") == []
    assert "made.png is of one colour all over" in (await given())[0]
    assert len(await given("made.png", "noise.png")) == 1


async def test_many_pictures_of_one_colour_are_told_in_one_sentence() -> None:
    async def none() -> list[Path]:
        return []

    made = [ResultFile(Path(f"{number}.png"), f"{number}.png", "image", is_blank=True) for number in range(40)]
    (words,) = await blank_words(made, none)
    assert "11.png and 28 more are of one colour all over: " in words


@pytest.mark.long
async def test_a_run_says_so_with_its_result(tmp_path: Path) -> None:
    folder = write_workflows(tmp_path)
    graph = json.loads((folder / "plain.json").read_text())
    graph["1"]["inputs"] |= {"width": 128, "height": 128}
    (folder / "black.json").write_text(json.dumps(graph))
    async with house(tmp_path) as home:
        run_id, message = await home.ask("black")
        await home.ended(run_id)
        await home.platform.until(lambda: bool(message.results))
        assert "of one colour" in message.results[0].result.warnings[-1]
        run_id, message = await home.ask("negative", photo=UploadedFile(plain(tmp_path, "given.png"), "given.png"))
        await home.ended(run_id)
        await home.platform.until(lambda: bool(message.results))
        assert message.results[0].result.warnings == ()
