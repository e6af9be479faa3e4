from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from bot.core.media.images import PictureLimits, prepare
from bot.core.media.primaries import named_colors, profile_of

WHITE = (31_270, 32_900)
SRGB = (64_000, 33_000, 30_000, 60_000, 15_000, 6_000)


def png(path: Path, places: tuple[int, ...], gamma: int = 50_000) -> Path:
    """A red picture that says where its colours are."""
    Image.new("RGB", (4, 4), (255, 0, 0)).save(path)
    data = path.read_bytes()
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"gAMA", struct.pack(">I", gamma)), (b"cHRM", struct.pack(">8I", *places)))
    )
    path.write_bytes(data[:33] + chunks + data[33:])
    return path


def test_the_profile_of_srgb_is_that_of_srgb(tmp_path: Path) -> None:
    colors = named_colors(png(tmp_path / "red.png", (*WHITE, *SRGB)).read_bytes())
    assert colors is not None
    profile = ImageCms.ImageCmsProfile(BytesIO(profile_of(colors))).profile
    usual = ImageCms.createProfile("sRGB")
    for name in ("red_colorant", "green_colorant", "blue_colorant"):
        (ours, *_), (theirs, *_) = getattr(profile, name), getattr(ImageCms.ImageCmsProfile(usual).profile, name)
        assert ours == pytest.approx(theirs, abs=2e-4)


@pytest.mark.parametrize(
    "places",
    [
        (*WHITE, *[30_000] * 6),
        (*WHITE, 10_000, 10_000, 20_000, 20_000, 30_000, 30_000),
        (*WHITE, 0, 10_000, 100_000, 10_000, 200_000, 10_000),
        (*WHITE, 1, 1, 4_000_000_000, 1, 300_000, 1),
    ],
)
async def test_colors_that_mix_nothing_do_not_count(tmp_path: Path, places: tuple[int, ...]) -> None:
    made = await prepare(png(tmp_path / "red.png", places), tmp_path, PictureLimits(1_000_000, 1_000_000))
    with Image.open(made.path) as picture:
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 0, 0)
