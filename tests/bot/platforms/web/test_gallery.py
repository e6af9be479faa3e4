"""The gallery over HTTP: only one's own, archives as they are sent, deletions that every page hears of."""

from __future__ import annotations

import asyncio
import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.core.model import Person
from tests.bot.platforms.web.filled import fill_results, person_of
from tests.bot.platforms.web.pages import Visitor, page
from tests.patience import PATIENCE

_LARGE = 64_000_000  # bytes


def _person(visitor: Visitor) -> Person:
    return person_of([{"name": each.key, "value": each.value} for each in visitor.session.cookie_jar])


@pytest.mark.long
async def test_a_gallery_is_ones_own_and_goes_on_page_by_page(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        await fill_results(web, _person(ann), 130, 3)
        seen: list[dict[str, Any]] = []
        beyond: int | str | None = ""
        while beyond is not None:
            status, told = await ann.call("GET", f"gallery?beyond={beyond}")
            assert status == 200
            seen, beyond = seen + told["entries"], told["beyond"]
        assert [each["files"][0][1] for each in seen] == [f"result-{number}.png" for number in reversed(range(130))]
        first, middle = seen[0]["id"], seen[64]["id"]
        status, whole = await ann.call("GET", f"gallery/{middle}?words=lighthouse")
        assert (whole["newer"], whole["older"]) == (seen[63]["id"], seen[65]["id"])
        assert whole["words"] == [["prompt", "a lighthouse number 65 in orchid light"]]
        status, small, headers = await ann.get(f"runs/{first}/files/0/small")
        assert (status, headers["Content-Type"]) == (200, "image/webp")
        with Image.open(BytesIO(small)) as picture:
            assert picture.size == (256, 256)
        await ann.call("POST", "gallery/favourites", data={"runs": f"{first},{middle}", "on": "1"})
        status, told = await ann.call("GET", "gallery?favourites=1&words=light")
        assert [each["id"] for each in told["entries"]] == [first, middle]
        status, told = await ann.call("GET", "gallery/about")
        assert told["workflows"] == [{"name": "plain", "title": "Plain", "count": 130}]

        assert (await ben.call("GET", "gallery"))[1] == {"entries": [], "beyond": None}
        assert (await ben.call("GET", f"gallery/{first}"))[0] == 404
        assert (await ben.get(f"runs/{first}/files/0/small"))[0] == 404
        assert (await ben.call("POST", "gallery/archive", data={"runs": first}))[0] == 422
        assert (await ben.call("POST", "gallery/delete", data={"runs": first}))[1]["runs"] == []
        await ben.call("POST", "gallery/favourites", data={"runs": first, "on": "1"})
        assert (await ben.call("GET", "gallery?favourites=1"))[1]["entries"] == []
        for odd in ("gallery?beyond=²", "gallery?beyond=-1", "gallery?beyond=" + "9" * 40, "gallery?workflow=%00x"):
            assert (await ann.call("GET", odd))[0] in (200, 400)


@pytest.mark.long
async def test_an_archive_is_a_zip_file_and_a_deletion_is_heard_and_undone(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        await fill_results(web, _person(ann), 5, 2)
        entries = (await ann.call("GET", "gallery"))[1]["entries"]
        ids = [each["id"] for each in entries]
        status, told = await ann.call("POST", "gallery/archive", data={"runs": ",".join(ids), "check": "1"})
        assert (status, told["files"], told["gone"]) == (200, 5, 0)
        async with ann.session.post(f"{web.url}/gallery/archive", data={"runs": ",".join(ids)}) as answer:
            assert answer.headers["Content-Disposition"] == 'attachment; filename="darkroom.zip"'
            data = await answer.read()
        with zipfile.ZipFile(BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == [f"result-{number}.png" for number in range(5)]
            assert archive.read("result-4.png") == (await ann.get(f"runs/{ids[0]}/files/0"))[1]
        many = ",".join(f"{number:036}" for number in range(501))
        status, told = await ann.call("POST", "gallery/archive", data={"runs": many})
        assert (status, told["error"]) == (429, "Please choose 500 results at most.")

        async with asyncio.timeout(PATIENCE), ann.listening() as events:
            assert (await anext(events))[0] == "state"
            await ann.call("POST", "gallery/delete", data={"runs": ids[1]})
            assert await anext(events) == ("gone", {"id": ids[1]})
            async with ann.listening() as others:
                _name, state = await anext(others)
                assert ids[1] not in [each["id"] for each in state["runs"]]
            assert (await ann.call("POST", "gallery/restore", data={"runs": ids[1]}))[1]["runs"] == [ids[1]]
            assert (await anext(events))[1]["id"] == ids[1]
            await ann.call("POST", "gallery/delete", data={"runs": ids[1]})  # a run that the stream has told before
            assert await anext(events) == ("gone", {"id": ids[1]})
            await ann.call("POST", "gallery/restore", data={"runs": ids[1]})
            name, run = await anext(events)
            assert (name, run["id"]) == ("run", ids[1])
        assert len((await ann.call("GET", "gallery"))[1]["entries"]) == 5


@pytest.mark.long
async def test_an_archive_whose_file_goes_meanwhile_is_no_archive(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        await fill_results(web, _person(ann), 2, 2)
        entries = (await ann.call("GET", "gallery"))[1]["entries"]
        runs = [await web.services.runs.get(each["id"]) for each in entries]
        media = web.services.gallery._media
        (first, second) = [run.shown.files[0].key for run in runs if run is not None]
        path = media.path(first)
        assert path is not None
        await asyncio.to_thread(os.truncate, path, _LARGE)  # more than what connections hold on their way
        data = {"runs": ",".join(each["id"] for each in entries)}
        async with ann.session.post(f"{web.url}/gallery/archive", data=data) as answer:
            await answer.content.readexactly(1000)
            await media.forget([second])
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        assert (await ann.call("GET", "gallery"))[0] == 200
