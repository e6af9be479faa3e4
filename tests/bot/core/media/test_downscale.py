from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.core.media.downscale import fit


def noise(path: Path, width: int = 300, height: int = 200, mode: str = "RGB") -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, len(mode)), np.uint8)
    Image.fromarray(pixels, mode=None).save(path)
    return path


async def test_what_fits_is_left_as_it_is(tmp_path: Path) -> None:
    picture = noise(tmp_path / "a.png")
    assert await fit(picture, tmp_path, 10_000_000) == picture
    assert await fit(picture, tmp_path, 10_000_000, side=300) == picture


@pytest.mark.parametrize("most", [100_000, 30_000, 5_000])
async def test_a_large_picture_becomes_a_small_webp(tmp_path: Path, most: int) -> None:
    fitted = await fit(noise(tmp_path / "a.png"), tmp_path, most)
    assert fitted is not None
    assert 0 < fitted.stat().st_size <= most
    with Image.open(fitted) as picture:
        assert picture.format == "WEBP"


async def test_transparency_is_kept(tmp_path: Path) -> None:
    fitted = await fit(noise(tmp_path / "a.png", mode="RGBA"), tmp_path, 120_000)
    assert fitted is not None
    with Image.open(fitted) as picture:
        assert picture.mode == "RGBA"


async def test_a_side_too_long_for_webp_becomes_a_jpeg(tmp_path: Path) -> None:
    fitted = await fit(noise(tmp_path / "a.png", 16_500, 8), tmp_path, 200_000)
    assert fitted is not None
    with Image.open(fitted) as picture:
        assert picture.format == "JPEG"


async def test_a_side_can_be_limited(tmp_path: Path) -> None:
    fitted = await fit(noise(tmp_path / "a.png"), tmp_path, 10_000_000, side=100)
    assert fitted is not None
    with Image.open(fitted) as picture:
        assert max(picture.size) == 100


async def test_what_cannot_be_fitted(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "b.png").write_bytes(b"no picture" * 100)
    assert await fit(tmp_path / "a.gif", tmp_path, 10) is None
    assert await fit(tmp_path / "b.png", tmp_path, 10) is None
