"""The first screen of the control room in Chromium: live, by the keyboard, and accessible."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from tests.bot.harness import until
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.pages import Visitor, page

PHONE: Any = {"viewport": {"width": 360, "height": 640}, "color_scheme": "dark"}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def is_accessible(tab: Tab) -> None:
    results = await Axe().run(tab)
    assert results.violations_count == 0, results.generate_report()
    assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["desktop", "phone"])
@pytest.mark.long
async def test_an_operator_drains_interrupts_and_frees_a_server(browser: Browser, tmp_path: Path, options: Any) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, await browser.new_context(**options) as context:
        tab = await context.new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        await tab.goto(web.url)
        await tab.get_by_role("link", name="Control room").press("Enter")
        server = tab.get_by_role("article").filter(has_text="one")
        await expect(server.locator(".pill")).to_have_text("up")
        await expect(server.get_by_role("button", name="Interrupt")).to_have_count(0)  # nothing of ours runs
        await is_accessible(tab)
        _status, taken = await ann.ask("gated", gate="shut")
        await expect(server.get_by_text(taken["id"])).to_be_visible()  # it is live
        waiting = [(await ann.ask("plain"))[1]["id"] for _number in range(3)]
        first = tab.get_by_role("region", name="The line").get_by_role("button", name="Put first")
        await expect(first).to_have_count(2)
        await first.last.press("Enter")
        await expect(tab.get_by_role("status").filter(has_text="is the first in line")).to_be_focused()

        await server.get_by_role("button", name="Drain: one").press("Enter")
        told = tab.get_by_role("region", name="Servers").get_by_role("status")
        await expect(told).to_have_text("one: draining; it gets no further runs.")
        await expect(told).to_be_focused()
        await expect(server.locator(".pill")).to_have_text("drained")
        await server.get_by_text("Free memory…").press("Enter")
        await expect(server.get_by_text("also that of others")).to_be_visible()
        await is_accessible(tab)
        await server.get_by_role("button", name="Free its memory: one").press("Enter")
        await expect(tab.get_by_role("region", name="Servers").get_by_role("alert")).to_contain_text(
            re.compile("1 ours|1 of them ours")
        )
        await server.get_by_role("button", name="Interrupt our run: one").press("Enter")
        await expect(told).to_have_text("Cancelled 1 run at one.")
        web.gates.open()
        await expect(server.get_by_role("button", name="Interrupt")).to_have_count(0)

        async def is_idle() -> bool:
            return web.engine._jobs.running is None

        await until(is_idle)
        await server.get_by_role("button", name="Free its memory: one").press("Enter")
        await expect(told).to_have_text("one has unloaded its models.")
        await server.get_by_role("button", name="Give it runs again: one").press("Enter")
        await expect(told).to_have_text("one: up.")
        await asyncio.gather(*(ann.until(each, "done") for each in waiting))

        runs = tab.get_by_role("region", name="Runs", exact=True)
        await runs.get_by_role("link", name="Cancelled").press("Enter")
        await expect(runs.get_by_text(taken["id"])).to_be_visible()
        await runs.get_by_label("Workflow").fill("plain")
        await tab.keyboard.press("Enter")
        await expect(runs.get_by_text("There is no such run.")).to_be_visible()
        await is_accessible(tab)
        await expect(tab.get_by_role("region", name="The last events")).to_be_visible()
        assert faults == []


@pytest.mark.long
async def test_it_asks_for_nothing_while_nobody_looks(browser: Browser, tmp_path: Path) -> None:
    async with page(tmp_path) as web, await browser.new_context() as context:
        tab = await context.new_page()
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        await tab.goto(web.url)
        await tab.goto(f"{web.url}/admin")

        async def is_live() -> bool:
            return any(url.endswith("/admin/live") for url in asked)

        await until(is_live)
        await tab.get_by_label("Live").press("Space")
        await expect(tab.get_by_label("Live")).not_to_be_checked()
        await tab.evaluate("new Promise((done) => setTimeout(done, 500))")
        asked.clear()
        await tab.evaluate("new Promise((done) => setTimeout(done, 5000))")
        assert asked == []
