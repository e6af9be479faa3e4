"""Masks and crops at the page: they go with a picture to the server, and stay with it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from PIL import Image
from yarl import URL

from tests.bot.platforms.web.inpaint import write_inpaint
from tests.bot.platforms.web.linked import half_mask, png
from tests.bot.platforms.web.pages import Visitor, page

BLUE, INVERSE = (32, 64, 96), (223, 191, 159)


def _form(field: str, file: bytes | str, mask: bytes = b"", crop: str = "") -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    if isinstance(file, bytes):
        form.add_field(field, file, filename="cat.png", content_type="image/png")
    else:
        form.add_field(field, file)
    if mask:
        form.add_field(f"{field}.mask", mask, filename="mask.png", content_type="image/png")
    if crop:
        form.add_field(f"{field}.crop", crop)
    return form


async def _colors(ann: Visitor, run_id: str) -> tuple[tuple[int, int], object, object]:
    done = await ann.until(run_id, "done")
    made = Image.open(BytesIO((await ann.get(done["files"][0]["url"]))[1])).convert("RGB")
    return made.size, made.getpixel((1, 5)), made.getpixel((made.width - 2, 5))


@pytest.mark.long
async def test_a_mask_reaches_the_server_and_stays_with_its_picture(tmp_path: Path) -> None:
    write_inpaint(tmp_path / "workflows")
    photo, run = png(Image.new("RGB", (64, 48), BLUE)), "workflows/inpaint/runs"
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as bob:
        status, first = await ann.call("POST", run, data=_form("image", photo, half_mask(), "0,0,1,0.5"))
        assert status == 201, first
        assert await _colors(ann, first["id"]) == ((64, 24), INVERSE, BLUE)
        (given,) = (await ann.until(first["id"], "done"))["inputs"]
        kept = Image.open(BytesIO((await ann.get(given["url"]))[1]))
        assert (kept.mode, kept.getpixel((1, 5)), kept.getpixel((60, 5))) == ("RGBA", (*BLUE, 0), (*BLUE, 255))
        shown = Image.open(BytesIO((await ann.get(f"{given['url']}/plain"))[1]))
        assert (shown.mode, shown.size) == ("RGB", (64, 24))
        assert (await bob.get(f"{given['url']}/plain"))[0] == 404

        status, other = await ann.call("POST", run, data=_form("image", given["ref"], half_mask(), "0,0,0.25,1"))
        assert status == 201, other
        assert await _colors(ann, other["id"]) == ((16, 24), INVERSE, INVERSE)

        for mask, crop, words in (
            (b"no picture", "", "mask of cat.png cannot be read"),
            (b"", "0,0,2,1", "no edges"),
        ):
            status, told = await ann.call("POST", run, data=_form("image", photo, mask, crop))
            assert (status, told["faults"][0]["field"]) == (422, "image")
            assert words in told["faults"][0]["reason"]
        status, told = await ann.call("POST", "workflows/negative/runs", data=_form("photo", photo, half_mask()))
        assert (status, told["faults"][0]["field"]) == (422, "photo")
        status, _told = await ann.call("POST", "workflows/negative/runs", data=_form("photo", photo, crop="0,0,0.5,1"))
        assert status == 201
        cookies = ann.session.cookie_jar.filter_cookies(URL(web.url))
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        ann.session.cookie_jar.clear()
        ann.session.cookie_jar.update_cookies(cookies)
        status, again = await ann.call("POST", f"runs/{first['id']}/again")
        assert status == 201, again
        assert await _colors(ann, again["id"]) == ((64, 24), INVERSE, BLUE)
