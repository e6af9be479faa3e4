from __future__ import annotations

import asyncio
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from bot.core.errors import BadPicture
from bot.core.media.images import PictureLimits, convert, measure, prepare
from bot.core.media.metadata.strip import without_metadata

SIZE = (48, 32)


def gradient(size: tuple[int, int] = SIZE) -> Image.Image:
    across = np.linspace(0, 255, size[0], dtype=np.uint8)[None, :].repeat(size[1], 0)
    return Image.fromarray(np.dstack([across, across[:, ::-1], np.full_like(across, 90)]))


def exif(turn: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = "SecretCamera"
    data[0x0112] = turn
    return data


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    """30,000 x 30,000 pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


NOISE = Image.fromarray(np.random.default_rng(7).integers(0, 255, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("words.png", b"not a picture at all", "not a picture"),
        ("page.svg", b"<svg/>", "not a picture"),
        ("empty.jpg", b"", "0 bytes"),
        ("cut.jpg", cut(saved(NOISE, "JPEG")), "cut short"),
        ("cut.png", cut(saved(NOISE, "PNG")), "cut short"),
        ("cut.webp", cut(saved(NOISE, "WEBP")), "cut short"),
        ("head.jpg", b"\xff\xd8\xff", "cut short"),
        ("head.png", saved(NOISE, "PNG")[:20], "cut short"),
        ("bomb.png", bomb(), "megapixels"),
        ("heavy.png", saved(NOISE, "PNG") + b"x" * 50_000, "MB"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "cut short"),
    ],
)
async def test_bad_pictures_get_one_sentence(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    source, folder = tmp_path / name, tmp_path / "out"
    source.write_bytes(data)
    folder.mkdir()
    with pytest.raises(BadPicture) as caught:
        await prepare(source, folder, PictureLimits(max_bytes=50_000, max_pixels=80_000))
    sentence = str(caught.value)
    assert words in sentence
    assert sentence.startswith(name)
    assert str(tmp_path) not in sentence
    assert not list(folder.iterdir())


async def test_a_bomb_is_refused_under_any_limits(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb())
    with pytest.raises(BadPicture, match="megapixels"):
        await prepare(tmp_path / "bomb.png", tmp_path)


async def test_no_such_file(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "gone.png", "cannot be read"), (tmp_path, "is a folder")):
        with pytest.raises(BadPicture, match=reason):
            await prepare(path, tmp_path)


async def prepared(tmp_path: Path, data: bytes, name: str = "picture.bin") -> tuple[Image.Image, Path]:
    (tmp_path / name).write_bytes(data)
    ready = await prepare(tmp_path / name, tmp_path)
    with Image.open(ready.path) as picture:
        picture.load()
    assert (ready.width, ready.height) == picture.size
    return picture, ready.path


def difference(one: Image.Image, other: Image.Image) -> float:
    pair = [np.asarray(each.convert("RGB"), dtype=float) for each in (one, other)]
    assert pair[0].shape == pair[1].shape
    return float(np.abs(pair[0] - pair[1]).mean())


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_turned_upright(tmp_path: Path, kind: str, turn: int) -> None:
    method = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(turn)  # the inverse of what a viewer does
    stored = gradient() if method is None else gradient().transpose(Image.Transpose(method))
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    picture, path = await prepared(tmp_path, saved(stored, kind, exif=exif(turn), **options))
    assert difference(picture, gradient()) < 3
    assert not picture.getexif()
    assert b"SecretCamera" not in path.read_bytes()


async def test_a_jpeg_with_nothing_to_change_is_not_encoded_again(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for progressive in (False, True):
        plain = saved(NOISE, "JPEG", quality=80, progressive=progressive)
        noted = saved(NOISE, "JPEG", quality=80, progressive=progressive, exif=exif(), comment=b"SecretCamera")
        _, path = await prepared(tmp_path, noted + b"trailing SecretCamera")
        assert path.read_bytes() == plain
        colored = saved(NOISE, "JPEG", quality=80, progressive=progressive, icc_profile=profile)
        _, path = await prepared(tmp_path, colored)
        assert path.read_bytes() == plain


async def test_colours_and_depths(tmp_path: Path) -> None:
    want = gradient()
    grey = want.convert("L")
    deep = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    samples = {
        "cmyk": (saved(want.convert("CMYK"), "JPEG", quality=98), want, "RGB"),
        "16 bits": (saved(deep, "PNG"), grey, "L"),
        "palette": (saved(want.quantize(256), "PNG"), want.quantize(256), "RGB"),
        "two colours": (saved(want.convert("1"), "PNG"), want.convert("1"), "L"),
        "bmp": (saved(want, "BMP"), want, "RGB"),
        "tiff": (saved(want, "TIFF"), want, "RGB"),
        "webp": (saved(want, "WEBP", lossless=True), want, "RGB"),
    }
    for name, (data, expected, mode) in samples.items():
        picture, _ = await prepared(tmp_path, data)
        assert picture.mode == mode, name
        assert picture.format == ("JPEG" if name == "cmyk" else "PNG"), name
        assert difference(picture, expected) < 3, name


async def test_transparency_in_a_palette_stays(tmp_path: Path) -> None:
    picture, _ = await prepared(tmp_path, saved(gradient().quantize(8), "PNG", transparency=0))
    assert picture.mode == "RGBA"
    assert set(picture.getchannel("A").get_flattened_data()) == {0, 255}


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_an_animated_picture_gives_its_first_frame(tmp_path: Path, kind: str) -> None:
    first, second = Image.new("RGB", SIZE, "red"), Image.new("RGB", SIZE, "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    picture, _ = await prepared(tmp_path, saved(first, kind, save_all=True, append_images=[second], **options))
    assert picture.format == "PNG"
    assert not getattr(picture, "is_animated", False)
    assert difference(picture, first) < 3


async def test_named_by_content(tmp_path: Path) -> None:
    _, one = await prepared(tmp_path, saved(NOISE, "PNG"), "one.png")
    _, two = await prepared(tmp_path, saved(NOISE, "PNG"), "two.png")
    assert one == two


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
async def test_results_lose_their_metadata_but_not_their_pixels(tmp_path: Path, kind: str) -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("prompt", "SecretCamera")
    notes.add_itxt("workflow", "SecretCamera", zip=False)
    extra = {"pnginfo": notes} if kind == "PNG" else {"xmp": b"SecretCamera"}
    path = tmp_path / "result"
    path.write_bytes(saved(NOISE, kind, exif=exif(), **extra))
    with Image.open(path) as picture:
        before = picture.convert("RGB")
    await without_metadata(path)
    with Image.open(path) as picture:
        assert difference(picture, before) == 0
        assert not picture.getexif()
        assert "prompt" not in picture.info
    assert b"SecretCamera" not in path.read_bytes()
    again = path.read_bytes()
    await without_metadata(path)
    assert path.read_bytes() == again


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"RIFF\4\0\0\0WEBPxx", b"\xff\xd8", b"\xff\xd8\xff"]
)
async def test_what_is_no_picture_stays_as_it_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "result"
    path.write_bytes(data)
    await without_metadata(path)
    assert path.read_bytes() == data


async def test_converting(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    gradient().convert("RGBA").save(source)
    for suffix, kind in ((".jpg", "JPEG"), (".jpeg", "JPEG"), (".webp", "WEBP")):
        assert await convert(source, tmp_path / f"b{suffix}")
        with Image.open(tmp_path / f"b{suffix}") as picture:
            assert picture.format == kind
            assert difference(picture, gradient()) < 8
    moving = tmp_path / "m.webp"
    gradient().save(moving, save_all=True, append_images=[NOISE.resize(SIZE)])
    assert not await convert(moving, tmp_path / "m.png")
    for longest, suffix in ((16_383, ".webp"), (65_500, ".jpg")):
        for more in (0, 1):
            Image.new("L", (1, longest + more)).save(tmp_path / "long.png")
            assert await convert(tmp_path / "long.png", tmp_path / f"long{suffix}") is (more == 0)


@pytest.mark.long
async def test_a_picture_that_takes_too_long_is_refused_and_the_next_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.effect_noise((3000, 2000), 50).save(tmp_path / "slow.bmp")
    Image.new("RGB", (8, 8)).save(tmp_path / "next.png")
    with monkeypatch.context() as patch:
        patch.setattr("bot.core.media.images._SECONDS", 0.001)
        with pytest.raises(BadPicture, match=r"cat\.bmp takes too much time"):
            await prepare(tmp_path / "slow.bmp", tmp_path, name="cat.bmp")
        assert await measure(tmp_path / "slow.bmp") is None
    assert (await prepare(tmp_path / "next.png", tmp_path)).width == 8


@pytest.mark.long
async def test_no_picture_is_decoded_in_this_process(tmp_path: Path) -> None:
    """A picture that fills the memory, or brings the decoder down, does it elsewhere."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.tiff")
    program = (
        "import asyncio, sys; from pathlib import Path; from bot.core.media.images import *\n"
        "from bot.core.media.metadata.strip import without_metadata\n"
        "folder = Path(sys.argv[1])\n"
        "async def work():\n"
        "    copy = (await prepare(folder / 'a.tiff', folder)).path\n"
        "    await without_metadata(copy)\n"
        "    assert await convert(copy, folder / 'b.webp') and await measure(copy)\n"
        "asyncio.run(work())\n"
        "print('PIL' in sys.modules)"
    )
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path, cwd=Path(__file__).parents[4], stdout=asyncio.subprocess.PIPE
    )
    assert (await run.communicate())[0].split() == [b"False"]
    assert run.returncode == 0
    assert (tmp_path / "b.webp").exists()
