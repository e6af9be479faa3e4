"""The studio in a real browser: from a saved workflow that is dropped to a member who runs it, and back to an earlier
version; by mouse and keyboard, accessible, and closed to others.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from bot.settings import Secret
from tests.bot.core.sources.saving import save, saved_graph
from tests.bot.harness import until
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.platforms.web.test_browser import PHONE, _is_accessible, choose, develop, drop, message, opened, reaches

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]
_DESKTOP: Any = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
SHEET = """\
# Written by hand.
title = "Coloured sheet"

# As a number.
[fields.color]
target = "#1.color"
maximum = 500 # more is too bright
"""


async def _kept(tab: Tab) -> None:
    await expect(tab.locator(".studio-kept")).to_have_text("Draft saved.")


async def test_from_a_dropped_workflow_to_a_member_who_runs_it(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "My sheet.json"
    file.write_text(json.dumps(saved_graph(7)))
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab), Visitor(web.url) as other:
        await tab.get_by_role("link", name="Studio").click()
        await expect(tab.get_by_role("heading", name="New workflow")).to_be_visible()
        await _is_accessible(tab)
        await drop(tab, file)
        graph = tab.get_by_role("region", name="Inputs of the graph")
        await graph.get_by_role("checkbox", name="height").check()
        await graph.get_by_role("checkbox", name="batch_size").check()
        card = tab.locator(".studio-card").last
        await card.locator("summary").press("Enter")
        await card.get_by_label("Label").fill("How many")
        await card.get_by_label("Smallest").fill("50")
        await card.get_by_label("Largest").fill("9")
        await expect(tab.locator(".studio-mistakes")).to_contain_text("minimum is larger than maximum")
        await expect(tab.locator(".studio-mistakes")).to_contain_text("My sheet.toml, batch_size, line")
        await _is_accessible(tab)
        await card.get_by_label("Smallest").fill("")
        await card.get_by_label("Largest").fill("90")
        await card.get_by_label("Default").fill("2")
        await expect(tab.locator(".studio-mistakes")).to_be_empty()
        names = tab.locator(".studio-card b")
        await tab.get_by_role("button", name="Move How many up").focus()
        for _step in range(await names.count() - 1):
            await tab.keyboard.press("Enter")
        await expect(names.first).to_have_text("How many")
        preview = tab.locator(".studio-preview")
        await expect(preview.locator(".field label").first).to_have_text("How many")
        await expect(preview.get_by_label("How many").last).to_have_value("2")

        await preview.get_by_role("button", name="Try it").click()
        await expect(tab.locator(".studio-shown img").first).to_be_visible()
        await _is_accessible(tab)
        _status, theirs, _headers = await other.get("workflows")
        assert "My sheet" not in theirs.decode()  # a draft is for its author alone

        others = await names.nth(1).text_content()
        await tab.locator(".studio-card summary").first.click()
        handle, last = tab.locator(".studio-handle").first, tab.locator(".studio-card").nth(1)
        box = await last.bounding_box()
        assert box is not None
        await handle.drag_to(last, target_position={"x": 60, "y": box["height"] - 3})
        await expect(names.first).to_have_text(others or "")
        await _kept(tab)
        await tab.get_by_label("For whom").select_option("All places")
        await tab.get_by_role("button", name="Publish").click()
        await expect(tab.locator("#said")).to_contain_text("Opened")
        await expect(tab.get_by_role("button", name="Open My sheet")).to_be_visible()

        member = await (await browser.new_context(**PHONE, color_scheme="dark")).new_page()
        await member.goto(web.url)
        await choose(member, "My sheet")
        await develop(member)
        await reaches(message(member), "done")
        await member.goto(f"{web.url}/studio")
        await member.get_by_role("button", name="Open My sheet").click()
        await member.locator(".studio-card summary").first.click()
        await _is_accessible(member)
        assert await member.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await member.context.close()


async def test_a_hand_edit_is_not_overwritten_and_a_version_comes_back(browser: Browser, tmp_path: Path) -> None:
    sidecar = tmp_path / "workflows" / "plain.toml"
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        sidecar.write_text(SHEET)

        async def is_read() -> bool:
            return web.services.workflows.title("plain") == "Coloured sheet"

        await until(is_read)
        await tab.goto(f"{web.url}/studio")
        await tab.get_by_role("button", name="Open Coloured sheet").click()
        await tab.locator(".studio-card summary").click()
        await tab.get_by_label("Largest").fill("400")
        await _kept(tab)
        sidecar.write_text(SHEET.replace("500", "300"))
        await tab.get_by_role("button", name="Publish the changes").click()
        await expect(tab.get_by_role("alert").filter(has_text="nothing was written over them")).to_be_visible()
        assert "300" in sidecar.read_text()
        await _is_accessible(tab)
        load = tab.get_by_role("button", name="Load the newer version")
        await load.press("Enter")
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#said")).to_have_text("This is the newer version.")
        await tab.locator(".studio-card summary").click()
        await expect(tab.get_by_label("Largest")).to_have_value("300")
        await tab.get_by_label("Largest").fill("200")
        await tab.get_by_role("button", name="Publish the changes").click()
        await expect(tab.locator("#said")).to_contain_text("Published the changes")
        assert sidecar.read_text() == SHEET.replace("500", "200")  # with its comments

        await tab.get_by_role("link", name="Versions of Coloured sheet").click()
        rows = tab.locator(".studio-versions ol > li")
        await expect(rows.first).to_contain_text("by you")
        await expect(rows.first).to_contain_text("maximum was “300”, and is “200”")
        await expect(rows.nth(1)).to_contain_text("by hand")
        await _is_accessible(tab)
        await rows.nth(1).get_by_role("button").click()
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#said")).to_contain_text("as it was")
        await expect(rows.first).to_contain_text("current")
        assert sidecar.read_text() == SHEET.replace("500", "300")


async def test_a_draft_that_was_left_takes_no_more_files(browser: Browser, tmp_path: Path) -> None:
    heard = """
        window.heard = [];
        const add = document.addEventListener;
        document.addEventListener = function (name, act, options) {
            if (name === "paste") window.heard.push(options?.signal);
            add.call(this, name, act, options);
        };
    """
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await tab.add_init_script(heard)
        await tab.goto(f"{web.url}/studio")
        for name in ("Sketch", "Poster"):
            await tab.get_by_role("button", name=f"Open {name}").first.click()
            await expect(tab.get_by_label("Title")).to_have_value(name)
            assert await tab.evaluate("window.heard.filter(signal => !signal?.aborted).length") == 1
            await tab.get_by_role("link", name="All workflows").click()
            await expect(tab.get_by_role("heading", name="New workflow")).to_be_visible()
            assert await tab.evaluate("window.heard.filter(signal => !signal?.aborted).length") == 0


async def test_others_and_hostile_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    async with page(tmp_path, token=Secret("s3cret-token")) as web, Visitor(web.url) as ann:
        await ann.call("POST", "login", data={"token": "s3cret-token"})
        status, told, _headers = await ann.get("studio")
        assert (status, "Only people whom the operator trusts" in told.decode()) == (403, True)
        assert "studio.js" not in told.decode()
        for method, path in (
            ("GET", "studio/all"),
            ("POST", "studio/files"),
            ("POST", "studio/drafts/00"),
            ("POST", "studio/drafts/00/try"),
            ("POST", "studio/drafts/00/publish"),
            ("POST", "studio/drafts/00/graph"),
            ("POST", "studio/drafts/00/graph/file"),
            ("DELETE", "studio/drafts/00/graph"),
            ("GET", "studio/versions/plain"),
            ("GET", "studio/library"),
        ):
            assert (await ann.call(method, path))[0] == 403, path
    async with page(tmp_path / "home", publish="trial", upload_bytes=3_000_000) as web, Visitor(web.url) as op:
        for data in (b"{", bytes(4_000_000), '{"nodes": 1}'.encode("utf-16"), b"[" * 100_000):
            form = aiohttp.FormData()
            form.add_field("file", BytesIO(data), filename="../evil.json")
            status, answer = await op.call("POST", "studio/files", data=form)
            assert status == 422
            assert answer["error"].count(". ") <= 1, answer
        status, answer = await op.call("POST", "studio/drafts", data=b'{"kind": "workflow", "id": "none"}')
        assert (status, "There is no workflow" in answer["error"]) == (404, True)

        await save(web.engine.url, "Saved sheet.json", saved_graph(3))

        async def is_saved() -> bool:
            return bool((await op.call("GET", "studio/all"))[1]["saved"])

        await until(is_saved)
        (saved,) = (await op.call("GET", "studio/all"))[1]["saved"]
        assert (saved["title"], saved["words"]) == ("Saved sheet", "on trial")
        wanted = json.dumps({"kind": "saved", "id": saved["id"]})
        status, view = await op.call("POST", "studio/drafts", data=wanted)
        assert (status, view["title"], view["results"]) == (200, "Saved sheet", ["Save Image"])
