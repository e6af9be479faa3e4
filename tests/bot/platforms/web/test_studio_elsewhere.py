"""What people saved in other folders of a ComfyUI, in the studio: operators alone open it, by keyboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.bot.core.sources.saving import save, saved_graph
from tests.bot.platforms.web.conftest import CHROMIUM, reads_from_the_right
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.platforms.web.test_browser import _is_accessible, opened
from tests.bot.platforms.web.test_invitations import BOSS, TOKEN, boss, invite, sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]


async def test_operators_open_it_and_authors_see_nothing_of_it(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        for name, content in (("films/old/sea.json", saved_graph(3)), ("top.json", saved_graph(4)), ("bad.json", b"{")):
            await save(web.engine.url, name, content, folder="workflows")
        await save(web.engine.url, "watched.json", saved_graph(5))
        await sign_in(bo)
        await ann.call("POST", await invite(bo, role="author"))
        _status, answer = await bo.call("GET", "studio/elsewhere")
        told = [(each["title"], each["words"]) for each in answer["found"]]
        assert told == [("bad", "workflows · one"), ("sea", "workflows/films/old · one"), ("top", "workflows · one")]
        bad, sea, _top = [each["id"] for each in answer["found"]]

        def opening(id_: str) -> str:
            return json.dumps({"kind": "elsewhere", "id": id_})

        status, draft = await bo.call("POST", "studio/drafts", data=opening(sea))
        assert (status, draft["title"], draft["results"]) == (200, "sea", ["Save Image"])
        status, answer = await bo.call("POST", f"studio/drafts/{draft['id']}/graph", data=opening(sea))
        assert (status, answer["replaced"]["name"]) == (200, "sea")
        _server, user, path = json.loads(sea)
        hidden = ("../comfy.settings.json", "films/../../x.json", "films\\..\\..\\x.json", "x.txt")
        wrong = [json.dumps(["one", user, each]) for each in (*hidden, "darkroom/watched.json")]
        wrong += [json.dumps(["two", user, path]), json.dumps(["one", "eve", path]), "what"]
        for key in wrong:
            status, answer = await bo.call("POST", "studio/drafts", data=opening(key))
            assert (status, answer["error"]) == (422, "This workflow is no longer saved at any server."), key
        status, answer = await bo.call("POST", "studio/drafts", data=opening(bad))
        assert (status, "“bad” cannot be used" in answer["error"]) == (422, True)
        status, answer = await bo.call("POST", "studio/drafts", data=opening(sea.replace("sea.json", "lake.json")))
        assert (status, "“lake” cannot be fetched" in answer["error"]) == (422, True)

        assert (await ann.call("GET", "studio/all"))[0] == 200
        assert (await ann.call("GET", "studio/elsewhere"))[0] == 403
        assert (await ann.call("POST", "studio/drafts", data=opening(sea)))[0] == 403
    async with page(tmp_path / "closed", token=TOKEN, operators=BOSS, publish="off") as web, boss(web) as bo:
        await save(web.engine.url, "top.json", saved_graph(4), folder="workflows")
        await sign_in(bo)
        status, answer = await bo.call("GET", "studio/elsewhere")
        assert (status, "may be read" in answer["error"]) == (422, True)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
async def test_it_is_opened_by_keyboard_and_gives_a_graph(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, tab):
        await save(web.engine.url, "films/sea.json", saved_graph(3), folder="workflows")
        await tab.goto(f"{web.url}/studio")
        await tab.get_by_text("In other folders").press("Enter")
        row = tab.get_by_role("listitem").filter(has_text="workflows/films · one")
        await expect(row).to_contain_text("sea")
        await _is_accessible(tab)
        await reads_from_the_right(tab)
        await row.get_by_role("button", name="Open sea").press("Enter")
        await expect(tab.get_by_label("Title")).to_have_value("sea")
        choice = tab.get_by_label("Saved in a ComfyUI")
        await choice.select_option("sea (workflows/films · one)")
        await tab.get_by_role("button", name="Take its graph").press("Enter")
        await expect(tab.get_by_role("heading", name="Graph of sea")).to_be_visible()
