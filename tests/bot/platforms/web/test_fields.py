"""Colours, 3D files, any files, choices that set several inputs, and what is folded under More, on the page."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.bot.parcel import STATUE, parcel, write_parcel, write_words
from tests.bot.platforms.web.pages import Visitor, page


def sent(statue: str = "statue.glb", **values: str) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    form.add_field("statue", BytesIO(STATUE), filename=statue, content_type="application/octet-stream")
    form.add_field("paper", BytesIO(b"two spoons"), filename="list.txt", content_type="text/plain")
    for name, value in values.items():
        form.add_field(name, value)
    return form


@pytest.mark.long
async def test_every_kind_of_field_is_told_and_taken(tmp_path: Path) -> None:
    write_parcel(tmp_path / "workflows")
    async with page(tmp_path, nodes=parcel()) as web, Visitor(web.url) as ann:
        offers: Any = (await ann.call("GET", "workflows"))[1]
        fields = next(offer["fields"] for offer in offers if offer["name"] == "parcel")
        assert [(each["name"], each["kind"], each["more"]) for each in fields] == [
            ("shade", "color", False),
            ("size", "choice", False),
            ("statue", "3d", False),
            ("paper", "file", False),
            ("note", "text", True),
            ("width", "integer", True),
        ]
        assert [each["default"] for each in fields] == ["#000000", "square", None, None, "careful", None]
        data = sent(shade="#ff0000", size="wide", width="48")
        status, run = await ann.call("POST", "workflows/parcel/runs", data=data)
        assert status == 201
        done = await ann.until(run["id"], "done")
        assert done["texts"] == ["3d .glb two spoons careful"]
        made = Image.open(BytesIO((await ann.get(done["files"][0]["url"]))[1])).convert("RGB")
        assert (made.size, made.getpixel((1, 1))) == ((48, 16), (255, 0, 0))


@pytest.mark.long
async def test_the_authors_own_words_are_an_example_and_are_not_run(tmp_path: Path) -> None:
    write_words(write_parcel(tmp_path / "workflows"))
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        offers: Any = (await ann.call("GET", "workflows"))[1]
        (field,) = next(offer["fields"] for offer in offers if offer["name"] == "words")
        assert (field["required"], field["default"], field["help"]) == (True, None, "For example: a red fox")
        status, told = await ann.ask("words", prompt="")
        assert (status, told["faults"]) == (422, [{"field": "prompt", "reason": "a value is required."}])
        run = (await ann.ask("words", prompt="a blue fox"))[1]
        assert (await ann.until(run["id"], "done"))["texts"] == ["a blue fox"]


@pytest.mark.long
async def test_a_form_is_in_the_language_that_the_browser_asks_for(tmp_path: Path) -> None:
    write_parcel(tmp_path / "workflows")
    async with page(tmp_path, nodes=parcel()) as web, Visitor(web.url) as ann:
        for languages, title, shade in (("de-AT,en;q=0.5", "Paket", "Farbton"), ("fr", "Parcel", "Shade")):
            offers: Any = (await ann.call("GET", "workflows", headers={"Accept-Language": languages}))[1]
            offer = next(each for each in offers if each["name"] == "parcel")
            assert (offer["title"], offer["fields"][0]["title"], offer["group"]) == (title, shade, "")


@pytest.mark.long
async def test_what_is_no_colour_and_no_3d_file_is_refused_by_its_field(tmp_path: Path) -> None:
    write_parcel(tmp_path / "workflows")
    async with page(tmp_path, nodes=parcel()) as web, Visitor(web.url) as ann:
        told = (await ann.call("POST", "workflows/parcel/runs", data=sent(shade="reddish")))[1]
        assert [fault["field"] for fault in told["faults"]] == ["shade"]
        assert "“reddish” is not a colour" in told["error"]
        told = (await ann.call("POST", "workflows/parcel/runs", data=sent("statue.txt")))[1]
        assert [fault["field"] for fault in told["faults"]] == ["statue"]
        assert "“statue.txt” is not a 3D file" in told["error"]


async def test_values_are_looked_at_before_they_are_sent(tmp_path: Path) -> None:
    write_parcel(tmp_path / "workflows")
    async with page(tmp_path, nodes=parcel()) as web, Visitor(web.url) as ann:

        async def faults(**values: str) -> list[str]:
            form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
            for name, value in values.items():
                form.add_field(name, value)
            status, told = await ann.call("POST", "workflows/parcel/check", data=form)
            assert status == 200
            return [f"{fault['field']}: {fault['reason']}" for fault in told["faults"]]

        assert await faults(shade="#ff0000") == []
        assert await faults(shade="reddish") == ["shade: “reddish” is not a colour; write it as #ff8800."]
        status, told = await ann.call("POST", "workflows/parcel/check", data=sent())
        assert (status, told["faults"][0]["field"]) == (422, "statue")  # files are looked at when they are sent
        assert await ann.call("GET", "runs") == (200, {"runs": [], "more": False})


@pytest.mark.long
async def test_many_workflows_come_without_their_forms_at_first(tmp_path: Path) -> None:
    made = write_parcel(tmp_path / "workflows") / "parcel.json"
    for number in range(12):
        for suffix in (".json", ".toml"):
            (tmp_path / "workflows" / f"copy-{number}{suffix}").write_text(made.with_suffix(suffix).read_text())
    async with page(tmp_path, nodes=parcel()) as web, Visitor(web.url) as ann:
        found = re.search(r'id="boot" type="application/json">(.*?)</script>', ann.html)
        assert found is not None
        first = next(each for each in json.loads(found[1])["workflows"] if each["name"] == "copy-3")
        assert "fields" not in first
        assert first["takes"] == ["3d", "file"]
        status, whole = await ann.call("GET", "workflows/copy-3")
        assert (status, len(whole["fields"])) == (200, 6)
        assert (await ann.call("GET", "workflows/absent"))[0] == 404


@pytest.mark.long
async def test_the_page_can_be_installed(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        status, body, headers = await ann.get("static/manifest.webmanifest")
        assert (status, headers["Content-Type"]) == (200, "application/manifest+json")
        assert "static/manifest.webmanifest" in ann.html
        icons = json.loads(body)["icons"]
        for each in icons:
            status, picture, _headers = await ann.get(f"static/{each['src']}")
            assert status == 200
            if each["type"] == "image/png":
                assert "x".join(map(str, Image.open(BytesIO(picture)).size)) == each["sizes"]
        assert {each.get("purpose", "any") for each in icons} == {"any", "maskable"}
