"""Pictures with damage, or in other colours, beside what Chromium shows of them.

What it decodes is taken, with the same pixels. What it shows nothing of gets one sentence.
"""

from __future__ import annotations

import base64
import io
import random
import shutil
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Page, async_playwright

from bot.core.errors import BadPicture
from bot.core.media.images import prepare
from tests.bot.core.media.test_images import chunk
from tests.bot.core.media.test_intake import SIGNATURE, wide

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHOTO = Path(__file__).parents[3] / "data" / "pictures" / "wide_gamut.jpg"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--force-color-profile=srgb"]
_DRAWN = """async (url) => {
  const image = new Image(); image.src = url;
  try { await image.decode(); } catch { return null; }
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  const context = canvas.getContext('2d', {colorSpace: 'srgb', willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let at = 0; at < pixels.length; at += 8192)
    text += String.fromCharCode.apply(null, pixels.subarray(at, at + 8192));
  return [canvas.width, canvas.height, btoa(text)];
}"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        async with browser:
            yield await browser.new_page()


def scene(width: int = 160, height: int = 120) -> Image.Image:
    """Soft colours with some noise, so that a file of them is as large as one of a photograph."""
    across, down = np.meshgrid(np.linspace(0, 6, width), np.linspace(0, 4, height))
    noise = np.random.default_rng(3).normal(0, 9, (height, width, 3))
    waves = np.dstack([np.sin(across + down), np.cos(across * 1.3), np.sin(down * 2 + 1)]) * 90 + 128
    return Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8))


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def in_pieces(png: bytes, size: int) -> bytes:
    """A PNG with its pixels in chunks of so many bytes, as many programs write it."""
    at, pixels = 33, b""
    while png[at + 4 : at + 8] == b"IDAT":
        length = int.from_bytes(png[at : at + 4])
        pixels += png[at + 8 : at + 8 + length]
        at += 12 + length
    pieces = (chunk(b"IDAT", pixels[begin : begin + size]) for begin in range(0, len(pixels), size))
    return png[:33] + b"".join(pieces) + chunk(b"IEND", b"")


KINDS = {
    "a PNG": lambda: saved(scene(), "PNG"),
    "a PNG in pieces": lambda: in_pieces(saved(scene(320, 240), "PNG"), 8192),
    "a grey PNG": lambda: saved(scene().convert("L"), "PNG"),
    "a JPEG": lambda: saved(scene(), "JPEG", quality=90),
    "a progressive JPEG": lambda: saved(scene(), "JPEG", quality=85, progressive=True),
    "a JPEG with marks": lambda: saved(scene(), "JPEG", quality=80, restart_marker_rows=2),
}


def damaged(data: bytes, places: int) -> Iterator[bytes]:
    """A file with one bit changed, in so many places from its begin to its end."""
    chosen = random.Random(7)
    for place in range(places):
        changed = bytearray(data)
        changed[int((place + chosen.random()) * len(data) / places)] ^= 1 << chosen.randrange(8)
        yield bytes(changed)


async def shown_by(tab: Page, data: bytes, kind: str) -> np.ndarray | None:
    """The pixels that the browser has; None where it has none."""
    shown = await tab.evaluate(_DRAWN, f"data:image/{kind};base64,{base64.b64encode(data).decode()}")
    if shown is None:
        return None
    width, height, text = shown
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4).astype(int)
    return pixels if pixels[..., 3].any() else None


async def taken(folder: Path, data: bytes) -> np.ndarray | None:
    """The pixels that a server gets; None where the person reads a sentence instead."""
    (folder / "given").write_bytes(data)
    try:
        made = await prepare(folder / "given", folder, name="photo")
    except BadPicture:
        return None
    with Image.open(made.path) as picture:
        return np.asarray(picture.convert("RGBA")).astype(int)


async def check_damaged(tab: Page, folder: Path, kind: str, places: int) -> None:
    """Where both have a row it is the same. A browser may have a few rows less, such as those of a JPEG with a damaged
    end mark. Of a progressive JPEG that is damaged before its last scan it shows other ones: that is one of a hundred.
    """
    mime = "png" if "PNG" in kind else "jpeg"
    read = others = 0
    for data in damaged(KINDS[kind](), places):
        shown, ours = await shown_by(tab, data, mime), await taken(folder, data)
        assert ours is None or shown is not None
        others += shown is not None and ours is None
        if shown is not None and ours is not None:
            read += 1
            both = (ours[..., 3] > 0) & (shown[..., 3] > 0)
            others += np.abs(ours - shown)[both].max() > 2
            assert abs((ours[..., 3] > 0).mean() - (shown[..., 3] > 0).mean()) < 0.1
    assert read > places / 2
    assert others <= (places / 50 if "progressive" in kind else 0)


@pytest.mark.parametrize("kind", ["a PNG", "a JPEG"])
async def test_a_bit_of_damage_is_read_as_browsers_do(tab: Page, tmp_path: Path, kind: str) -> None:
    await check_damaged(tab, tmp_path, kind, 25)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
async def test_a_bit_of_damage_in_200_places(tab: Page, tmp_path: Path, kind: str) -> None:
    await check_damaged(tab, tmp_path, kind, 200)


async def test_colours_are_those_of_browsers(tab: Page, tmp_path: Path) -> None:
    plain = Image.fromarray(
        np.kron(np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8), np.ones((16, 16, 1), np.uint8))
    )
    png, avif = saved(plain, "PNG"), saved(plain, "AVIF", quality=100, subsampling="4:4:4")
    named = avif.find(b"colrnclx") + 8
    profile = b"x\0\0" + zlib.compress(wide())
    corners = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    fine = np.random.default_rng(2).integers(0, 65536, (8, 8, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in np.kron(fine, np.ones((16, 16, 1))).astype(">u2"))
    head = struct.pack(">IIBBBBB", 128, 128, 16, 2, 0, 0, 0)
    whole = (chunk(b"iCCP", profile), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    sixteen = SIGNATURE + chunk(b"IHDR", head) + b"".join(whole)

    def with_chunk(kind: bytes, content: bytes) -> bytes:
        return png[:33] + chunk(kind, content) + png[33:]

    for data, kind in (
        (with_chunk(b"iCCP", profile), "png"),
        (with_chunk(b"iCCP", b""), "png"),
        (png[:33] + chunk(b"iCCP", profile)[:-1] + b"?" + png[33:], "png"),  # its sum is wrong
        (with_chunk(b"cICP", bytes([12, 13, 0, 1])), "png"),
        (with_chunk(b"cICP", bytes([9, 1, 0, 1])), "png"),
        (with_chunk(b"gAMA", struct.pack(">I", 100_000)), "png"),
        (with_chunk(b"gAMA", struct.pack(">I", 45_455)), "png"),
        (png[:33] + chunk(b"gAMA", struct.pack(">I", 45_455)) + chunk(b"cHRM", corners) + png[33:], "png"),
        (sixteen, "png"),
        (avif[:named] + b"\0\x0c" + avif[named + 2 :], "avif"),
        (saved(plain, "AVIF", quality=100, subsampling="4:4:4", icc_profile=wide()), "avif"),
        (saved(plain, "WEBP", lossless=True, icc_profile=wide()), "webp"),
        (saved(plain, "JPEG", quality=100, subsampling=0, icc_profile=wide()), "jpeg"),
        (saved(plain.convert("CMYK"), "JPEG", quality=98, subsampling=0), "jpeg"),
    ):
        shown, ours = await shown_by(tab, data, kind), await taken(tmp_path, data)
        assert shown is not None and ours is not None  # noqa: PT018 - one needs the other
        assert np.abs(ours - shown)[..., :3].max() <= 2
