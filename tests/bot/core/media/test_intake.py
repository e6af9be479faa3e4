"""Pictures as people send them, and as a server gets them: in sRGB, with nothing that its decoder may refuse.

Each was sent to a ComfyUI 0.33 too, whose LoadImage gave the same pixels.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from bot.core.errors import BadPicture
from bot.core.media.images import PictureLimits, prepare
from tests.bot.core.media.test_images import chunk, difference, gradient, prepared, saved

PICTURES = Path(__file__).parents[3] / "data" / "pictures"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def wide() -> bytes:
    """The profile of a phone's screen."""
    with Image.open(PICTURES / "wide_gamut.jpg") as picture:
        return bytes(picture.info["icc_profile"])


def linear_grey() -> bytes:
    """A profile of greys that are brighter than they look."""
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(79)
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, 256, 0)
    parts, table, body = {b"desc": text, b"wtpt": white, b"kTRC": curve, b"cprt": b"text\0\0\0\0none"}, b"", b""
    for name, data in parts.items():
        table += name + struct.pack(">II", 132 + 12 * len(parts) + len(body), len(data))
        body += data.ljust(len(data) + -len(data) % 4, b"\0")
    size = 132 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + table + body


def kinds(path: Path) -> set[bytes]:
    """The chunks of a PNG."""
    data, at, found = path.read_bytes(), 8, set()
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.add(kind)
        at += 12 + length
    return found


async def test_a_png_is_sent_with_its_pixels_alone(tmp_path: Path) -> None:
    data = (PICTURES / "profile_that_does_not_read.png").read_bytes()
    picture, path = await prepared(tmp_path, data)
    assert kinds(path) == {b"IHDR", b"IDAT", b"IEND"}
    assert picture.getpixel((1, 1)) == (30, 120, 200)


async def test_a_photograph_of_a_phone_keeps_its_colours(tmp_path: Path) -> None:
    data = (PICTURES / "wide_gamut.jpg").read_bytes()
    picture, path = await prepared(tmp_path, data)
    with Image.open(PICTURES / "wide_gamut_in_srgb.png") as expected:
        assert difference(picture, expected) < 1
    assert b"ICC_PROFILE" not in path.read_bytes()
    flat = saved(Image.new("RGB", (16, 16), (200, 60, 40)), "PNG", icc_profile=wide())
    assert (await prepared(tmp_path, flat))[0].getpixel((8, 8)) == (219, 37, 13)


async def test_a_heic_is_read_as_any_photograph(tmp_path: Path) -> None:
    picture, path = await prepared(tmp_path, (PICTURES / "plain.heic").read_bytes(), "photo.heic")
    assert (picture.size, path.suffix) == ((320, 200), ".png")
    with Image.open(PICTURES / "profile_that_does_not_read.png") as same:
        assert difference(picture, same) < 2


async def test_a_heic_that_a_phone_has_turned_is_upright_and_in_its_colours(tmp_path: Path) -> None:
    picture, _path = await prepared(tmp_path, (PICTURES / "turned_wide_gamut.heic").read_bytes(), "photo.heic")
    assert picture.size == (64, 96)
    corners = np.array([picture.getpixel((48, 16)), picture.getpixel((48, 48)), picture.getpixel((16, 16))])
    assert np.abs(corners - [(219, 37, 13), (0, 205, 0), (128, 128, 128)]).max() <= 2


async def test_a_heic_may_name_its_colours_by_numbers(tmp_path: Path) -> None:
    picture, _path = await prepared(tmp_path, (PICTURES / "named_colours.heic").read_bytes(), "photo.heic")
    corners = np.array([picture.getpixel((16, 16)), picture.getpixel((16, 48))])
    assert np.abs(corners - [(218, 41, 23), (128, 128, 128)]).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
async def test_a_picture_without_its_end_mark_is_taken_whole(tmp_path: Path, kind: str) -> None:
    whole = saved(gradient((64, 48)), kind)
    picture, path = await prepared(tmp_path, whole[: -12 if kind == "PNG" else -2])
    with Image.open(io.BytesIO(whole)) as expected:
        assert difference(picture, expected) < 2
    with Image.open(path) as again:
        again.load()  # it has been encoded again, with its end


async def test_a_damaged_picture_is_taken_with_a_word(tmp_path: Path) -> None:
    data = bytearray(saved(gradient((64, 48)), "PNG"))
    data[-13] ^= 4  # of the sum of the pixels
    (tmp_path / "given").write_bytes(data)
    made = await prepare(tmp_path / "given", tmp_path, name="cat.png")
    assert made.note == "cat.png is damaged: a part of it may be missing or look wrong."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
async def test_a_large_photograph_is_made_smaller_with_a_word(tmp_path: Path, kind: str) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "given").write_bytes(saved(gradient((400, 300)), kind, exif=turned))
    made = await prepare(tmp_path / "given", tmp_path, PictureLimits(max_pixels=30_000), "cat.png")
    assert (made.width, made.height) == (150, 200)
    assert made.note == "cat.png has been made smaller: at most 0.03 megapixels are used here."
    with Image.open(made.path) as picture:
        assert picture.size == (150, 200)
        assert difference(picture.convert("RGB"), gradient((400, 300)).resize((200, 150)).rotate(-90, expand=True)) < 3


@pytest.mark.parametrize("at", [20, 200, 600])
async def test_a_damaged_heic_is_refused_in_words(tmp_path: Path, at: int) -> None:
    (tmp_path / "a").write_bytes((PICTURES / "plain.heic").read_bytes()[:at])
    with pytest.raises(BadPicture, match="is damaged or cut short"):
        await prepare(tmp_path / "a", tmp_path, name="photo.heic")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "JPEG"])
async def test_every_kind_of_picture_is_brought_to_srgb(tmp_path: Path, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 98} if kind in ("AVIF", "JPEG") else {}
    picture, _ = await prepared(tmp_path, saved(gradient(), kind, icc_profile=wide(), **options))
    wanted = ImageCms.profileToProfile(
        gradient(), ImageCms.ImageCmsProfile(io.BytesIO(wide())), ImageCms.createProfile("sRGB")
    )
    assert wanted is not None
    assert difference(picture, wanted) < 3
    assert picture.info.get("icc_profile") is None


async def test_transparency_outlives_other_colours(tmp_path: Path) -> None:
    see_through = gradient()
    see_through.putalpha(90)
    picture, _ = await prepared(tmp_path, saved(see_through, "PNG", icc_profile=wide()))
    assert picture.mode == "RGBA"
    assert picture.getchannel("A").getextrema() == (90, 90)
    assert picture.getpixel((2, 2)) != see_through.getpixel((2, 2))


async def test_greys_have_profiles_too(tmp_path: Path) -> None:
    flat = saved(Image.new("L", (16, 16), 55), "PNG", icc_profile=linear_grey())
    picture, _ = await prepared(tmp_path, flat)
    assert (picture.mode, picture.getpixel((8, 8))) == ("L", 128)


@pytest.mark.parametrize("profile", [b"no profile" * 50, linear_grey()])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_a_profile_that_does_not_fit_is_left_out(tmp_path: Path, kind: str, profile: bytes) -> None:
    data = saved(gradient(), kind, icc_profile=profile)
    picture, path = await prepared(tmp_path, data)
    assert difference(picture, Image.open(io.BytesIO(data))) == 0
    assert profile[:20] not in path.read_bytes()


async def test_long_texts_do_not_keep_a_png_from_being_read(tmp_path: Path) -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("workflow", "x" * 3_000_000, zip=True)
    notes.add_itxt("prompt", "y" * 3_000_000, zip=True)
    picture, path = await prepared(tmp_path, saved(gradient(), "PNG", pnginfo=notes))
    assert difference(picture, gradient()) == 0
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize("colors", [0, 2, 4, 6])
async def test_sixteen_bits(tmp_path: Path, colors: int) -> None:
    bands = {0: 1, 2: 3, 4: 2, 6: 4}[colors]
    pixels = np.full((32, 48, bands), 0xFFFF, ">u2")
    pixels[:, :, : 3 if bands > 2 else 1] = 0x8080
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", 48, 32, 16, colors, 0, 0, 0)
    data = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    picture, path = await prepared(tmp_path, data)
    assert difference(picture, Image.new("RGB", (48, 32), (128, 128, 128))) == 0
    assert path.read_bytes()[24] == 8


@pytest.mark.parametrize(
    ("pixels", "highest"),
    [(np.float32, 1.0), (np.float32, 255.0), (np.float32, 8.0), (np.int32, 65_535), (np.int32, 1 << 20)],
)
async def test_numbers_of_any_size_in_a_tiff(tmp_path: Path, pixels: type[np.generic], highest: float) -> None:
    across = np.linspace(0, highest, 48)[None, :].repeat(32, 0).astype(pixels)
    picture, _ = await prepared(tmp_path, saved(Image.fromarray(across), "TIFF"))
    low, high = picture.getextrema()
    assert (picture.mode, low) == ("L", 0)
    assert high == (255 if highest in (1.0, 255.0) or highest > 255 else 8)


async def test_a_jpeg_of_a_rare_kind_is_encoded_again(tmp_path: Path) -> None:
    plain = saved(gradient(), "JPEG", subsampling=0, quality=95)
    at = plain.index(b"\xff\xc0")
    rare = plain[: at + 11] + b"\x31" + plain[at + 12 :]  # three columns of light for one of colour
    (tmp_path / "a").write_bytes(rare)
    try:
        ready = await prepare(tmp_path / "a", tmp_path)
    except BadPicture:
        return  # this build of Pillow does not read it
    assert ready.path.read_bytes() != rare
