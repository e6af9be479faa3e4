"""Animated pictures as people send them: every frame goes to a loader that uses it, and nothing beside the frames."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageSequence, PngImagePlugin

from bot.core.errors import BadPicture
from bot.core.media.images import PictureLimits, prepare
from tests.bot.core.media.test_images import chunk, exif, saved
from tests.bot.core.media.test_intake import wide

COLORS = [(250, 20, 20), (20, 250, 20), (20, 20, 250)]
LIMITS = PictureLimits(max_bytes=1_000_000, max_pixels=100_000)


def animated(kind: str, size: tuple[int, int] = (40, 30), count: int = 3, **options: object) -> bytes:
    first, *rest = [Image.new("RGB", size, COLORS[number % 3]) for number in range(count)]
    if kind == "WEBP":
        options = {"lossless": True, **options}
    return saved(first, kind, save_all=True, append_images=rest, duration=80, **options)


async def made(folder: Path, data: bytes, *, frames: bool = True, limits: PictureLimits = LIMITS) -> Path:
    (folder / "given").write_bytes(data)
    (folder / "out").mkdir(exist_ok=True)
    prepared = await prepare(folder / "given", folder / "out", limits, "cat.gif", frames=frames)
    return prepared.path


def frames_of(path: Path) -> list[tuple[int, ...]]:
    with Image.open(path) as picture:
        return [frame.convert("RGB").getpixel((5, 5)) for frame in ImageSequence.Iterator(picture)]  # type: ignore[misc]


@pytest.mark.parametrize(("kind", "suffix"), [("GIF", ".gif"), ("WEBP", ".webp"), ("PNG", ".png")])
async def test_all_frames_go_up_as_they_are(tmp_path: Path, kind: str, suffix: str) -> None:
    path = await made(tmp_path, animated(kind))
    assert path.suffix == suffix
    assert frames_of(path) == COLORS
    with Image.open(path) as picture:
        picture.seek(1)
        picture.load()
        assert picture.info["duration"] == 80


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_metadata_is_removed(tmp_path: Path, kind: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SecretCamera")
    options = {"GIF": {"comment": b"SecretCamera"}, "WEBP": {"exif": exif()}, "PNG": {"pnginfo": text, "exif": exif()}}
    data = animated(kind, **options[kind])
    assert b"SecretCamera" in data
    path = await made(tmp_path, data)
    assert b"SecretCamera" not in path.read_bytes()
    assert frames_of(path) == COLORS


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_where_one_frame_is_used_one_is_sent(tmp_path: Path, kind: str) -> None:
    path = await made(tmp_path, animated(kind), frames=False)
    assert path.suffix == ".png"
    assert frames_of(path) == COLORS[:1]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "JPEG"])
async def test_a_still_picture_is_sent_as_ever(tmp_path: Path, kind: str) -> None:
    data = saved(Image.new("RGB", (40, 30), COLORS[0]), kind)
    still = (await made(tmp_path, data, frames=False)).read_bytes()
    assert (await made(tmp_path, data)).read_bytes() == still


async def test_frames_that_lie_on_their_side_are_turned(tmp_path: Path) -> None:
    path = await made(tmp_path, animated("WEBP", exif=exif(6)))
    with Image.open(path) as picture:
        assert (picture.size, picture.format) == ((30, 40), "PNG")
    assert frames_of(path) == COLORS


async def test_frames_in_other_colours_are_converted(tmp_path: Path) -> None:
    path = await made(tmp_path, animated("WEBP", icc_profile=wide()))
    assert b"ICC" not in path.read_bytes()
    colors = frames_of(path)
    assert len(colors) == 3
    assert colors != COLORS


async def test_transparency_stays(tmp_path: Path) -> None:
    first, second = Image.new("RGBA", (20, 20), (0, 0, 0, 0)), Image.new("RGBA", (20, 20), (255, 0, 0, 128))
    data = saved(first, "WEBP", save_all=True, append_images=[second], lossless=True)
    with Image.open(await made(tmp_path, data)) as picture:
        alphas = [frame.convert("RGBA").getpixel((5, 5))[3] for frame in ImageSequence.Iterator(picture)]  # type: ignore[index]
    assert alphas == [0, 128]


async def test_too_many_pixels_in_all_frames_are_refused(tmp_path: Path) -> None:
    assert len(frames_of(await made(tmp_path, animated("GIF", (100, 100), 10)))) == 10
    with pytest.raises(BadPicture, match=r"All frames of cat\.gif .* 0\.1 megapixels"):
        await made(tmp_path, animated("GIF", (100, 100), 11))


@pytest.mark.long
async def test_too_many_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPicture, match="more than 1000 frames"):
        await made(tmp_path, animated("GIF", (2, 2), 1001))


async def test_a_gif_that_is_cut_short_is_damaged_or_has_fewer_frames(tmp_path: Path) -> None:
    data = animated("GIF", (60, 60))
    for end in range(20, len(data), 40):
        try:
            path = await made(tmp_path, data[:end])
        except BadPicture:
            continue
        assert len(frames_of(path)) <= 3


async def test_a_picture_that_promises_frames_without_end_is_refused(tmp_path: Path) -> None:
    data = animated("PNG", (2, 2))
    at = data.index(b"acTL") - 4
    liar = data[:at] + chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)) + data[at + 20 :]
    with pytest.raises(BadPicture):
        await made(tmp_path, liar)
    assert Image.open(io.BytesIO(data)).n_frames == 3  # type: ignore[attr-defined]
