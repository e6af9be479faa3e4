"""Any bytes in place of a picture or a result: a picture, or a sentence; and nothing that takes the process down."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from bot.core.errors import BadPicture
from bot.core.media.content import fault_in
from bot.core.media.images import PictureLimits, _convert, _measure, _prepare
from bot.core.media.metadata.strip import strip
from tests.foreign import check, cut_up, how_much

DATA = Path(__file__).parents[3] / "data"
LIMITS = PictureLimits(max_bytes=100_000, max_pixels=100_000)


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    body = io.BytesIO()
    Image.linear_gradient("L").resize((24, 16)).convert(mode).save(body, kind, **options)
    return body.getvalue()


PICTURES = {
    "png": [encoded("PNG"), encoded("PNG", "P"), encoded("PNG", "LA")],
    "jpg": [encoded("JPEG"), encoded("JPEG", "CMYK"), encoded("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")],
    "webp": [encoded("WEBP"), encoded("WEBP", lossless=True)],
    "gif": [encoded("GIF"), encoded("GIF", save_all=True, append_images=[Image.new("RGB", (24, 16))])],
    "bmp": [encoded("BMP")],
    "tiff": [encoded("TIFF"), encoded("TIFF", "I;16")],
    "heic": [(DATA / "pictures" / "plain.heic").read_bytes()],
}
RESULTS = {path.suffix: [] for path in (DATA / "results").iterdir()}
for path in (DATA / "results").iterdir():
    RESULTS[path.suffix].append(path.read_bytes()[:64_000])


@how_much
@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.long
def test_pictures_of_people(kind: str, tried: settings, tmp_path: Path) -> None:
    path, copies = tmp_path / f"odd.{kind}", tmp_path / "copies"
    copies.mkdir()

    def take(content: bytes) -> None:
        path.write_bytes(content)
        _measure(path)
        with suppress(BadPicture):
            prepared = _prepare(path, copies, LIMITS, "odd")
            with Image.open(prepared.path) as picture:
                picture.load()
                assert picture.size == (prepared.width, prepared.height)
            _convert(prepared.path, copies / "small.webp")

    check(tried, cut_up(PICTURES[kind]) | st.binary(max_size=200), take)


@how_much
@pytest.mark.parametrize("suffix", sorted(RESULTS))
@pytest.mark.long
def test_results_of_servers(suffix: str, tried: settings, tmp_path: Path) -> None:
    path = tmp_path / f"odd{suffix}"

    def clean(content: bytes) -> None:
        path.write_bytes(content)
        for is_media in (True, False):
            fault_in(path, is_media=is_media)
        strip(path)
        assert path.exists()

    check(tried, cut_up(RESULTS[suffix]) | st.binary(max_size=200), clean)
