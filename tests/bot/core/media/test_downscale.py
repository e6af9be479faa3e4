from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.core.media.downscale import fit, lossless


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


async def test_a_lossless_copy_has_the_same_pixels_and_the_room_that_there_is(tmp_path: Path) -> None:
    source = noise(tmp_path / "a.png")
    packed = await lossless(source, tmp_path, 1_000_000)
    assert packed is not None
    with Image.open(source) as before, Image.open(packed) as after:
        assert after.format == "WEBP"
        assert before.tobytes() == after.tobytes()
    assert await lossless(source, tmp_path, 1000) is None
    assert await lossless(tmp_path / "gone.png", tmp_path, 1_000_000) is None


async def test_more_effort_is_made_where_the_fastest_form_does_not_fit(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    Image.linear_gradient("L").resize((1000, 1000)).convert("RGB").save(source)
    fast = await lossless(source, tmp_path, 10_000_000)
    assert fast is not None
    size = fast.stat().st_size
    packed = await lossless(source, tmp_path, size - 1)
    assert packed is not None
    assert packed.stat().st_size < size


@pytest.mark.long
async def test_a_copy_that_takes_too_long_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.media.downscale._QUICKLY", 0.001)
    monkeypatch.setattr("bot.core.media.downscale._SECONDS", 0.001)
    source = noise(tmp_path / "a.png", 2000, 1500)
    assert await lossless(source, tmp_path, 1_000_000) is None
    assert await fit(source, tmp_path, 100_000) is None
