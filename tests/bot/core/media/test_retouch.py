"""What a person draws on a picture becomes a part of it, so that a server reads picture and mask."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from bot.core.errors import BadPicture
from bot.core.media.images import PictureLimits, prepare
from bot.core.media.retouch import read_crop, retouched, without_mask
from bot.core.model import Crop, Retouch


def _photo(folder: Path) -> Path:
    path = folder / "photo.jpg"
    Image.effect_noise((80, 60), 90).convert("RGB").save(path, quality=95)
    return path


def _mask(folder: Path, size: tuple[int, int] = (40, 30)) -> Path:
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(folder / "mask.png")
    return folder / "mask.png"


async def test_what_a_mask_covers_is_transparent_and_keeps_its_colours(tmp_path: Path) -> None:
    plain = await prepare(_photo(tmp_path), tmp_path)
    with Image.open(plain.path) as opened:
        colors = opened.convert("RGB")
    made = await retouched(plain.path, Retouch(_mask(tmp_path), Crop(0.25, 0, 1, 0.5)), "photo.jpg")
    with Image.open(made) as drawn:
        assert (drawn.format, drawn.mode, drawn.size) == ("PNG", "RGBA", (60, 30))
        assert drawn.convert("RGB").tobytes() == colors.crop((20, 0, 80, 30)).tobytes()
        assert [drawn.getchannel("A").getpixel((x, 9)) for x in (0, 15, 25, 59)] == [0, 0, 255, 255]
    again = await prepare(made, tmp_path, PictureLimits(max_pixels=450))
    with Image.open(again.path) as smaller:
        assert smaller.size == (30, 15)
        assert 60 < smaller.convert("RGB").resize((1, 1)).getpixel((0, 0))[0] < 190  # type: ignore[index]
        assert max(smaller.convert("RGB").crop((0, 0, 5, 15)).tobytes()) > 60  # not black where it is transparent
    await without_mask(made, tmp_path / "shown.jpg")
    with Image.open(tmp_path / "shown.jpg") as shown:
        assert abs(shown.convert("RGB").getpixel((3, 3))[0] - colors.getpixel((23, 3))[0]) < 40  # type: ignore[index,operator]


async def test_a_crop_alone_leaves_a_photo_a_photo(tmp_path: Path) -> None:
    plain = await prepare(_photo(tmp_path), tmp_path)
    made = await retouched(plain.path, Retouch(crop=read_crop("0,0.5,0.001,1")), "photo.jpg")
    with Image.open(made) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (1, 30))


@pytest.mark.parametrize("text", ["", "1,2", "0.5,0,0.4,1", "0,0,1,1.5", "nan,0,1,1", "-1,0,1,1", "a,b,c,d"])
def test_a_crop_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadPicture):
        read_crop(text)


async def test_a_mask_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    plain = await prepare(_photo(tmp_path), tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    for mask in (tmp_path / "text.png", plain.path):  # a JPEG is no mask either
        with pytest.raises(BadPicture, match="draw it again"):
            await retouched(plain.path, Retouch(mask), "photo.jpg")
