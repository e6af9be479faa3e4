"""The places of the control room in Chromium: by the keyboard, on a desktop and on a phone, and accessible."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from playwright.async_api import Browser, expect

from bot.core.model import Person, Place
from bot.core.policy.permissions import OPERATOR, RuleTarget
from bot.core.storage.schema import runs
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.platforms.web.test_control import PHONE, is_accessible

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["desktop", "phone"])
@pytest.mark.long
async def test_a_moderator_decides_with_the_keyboard(browser: Browser, tmp_path: Path, options: Any) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, await browser.new_context(**options) as context:
        moderation = web.services.moderation
        await moderation.review(OPERATOR, Place("web", ""), True, aim=RuleTarget(everywhere=True))
        await moderation.block(OPERATOR, Place("telegram", "-5", "Friends", "-5"), Person("telegram", "7", "Eve"))
        waiting = [(await ann.ask("plain"))[1]["id"] for _number in range(3)]
        for run in waiting:
            await ann.until(run, "held")
        now = time.time()  # all of them were asked for on one day, and it is still that day: midnight may come
        async with moderation._records._database.change() as connection:
            await connection.execute(sqlalchemy.update(runs).values(asked_at=now))
        moderation._clock = lambda: now
        tab = await context.new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        await tab.goto(web.url)
        await tab.goto(f"{web.url}/moderate")
        await is_accessible(tab)
        await tab.get_by_role("link", name="Plain, everyone: allowed").press("Enter")
        cell = tab.get_by_role("region", name="Plain, for everyone")
        await expect(cell.get_by_role("heading")).to_be_focused()
        await expect(cell).to_contain_text("Denied for everyone: Plain.")
        await is_accessible(tab)
        await cell.get_by_role("button", name="Deny: Plain").press("Enter")
        await expect(tab.get_by_role("status")).to_have_text("“plain” is denied everywhere.")
        await expect(tab.get_by_role("status")).to_be_focused()

        await tab.get_by_role("link", name="Reviews (3)").press("Enter")
        cards = tab.locator("[data-review] > article")
        await expect(cards).to_have_count(3)
        await expect(cards.first.locator("img")).to_have_js_property("naturalWidth", 16)
        await is_accessible(tab)
        await cards.first.focus()
        await tab.keyboard.press("s")
        await expect(tab.get_by_role("dialog").locator("img")).to_be_visible()
        await is_accessible(tab)
        await tab.keyboard.press("Escape")
        await expect(cards.first).to_be_focused()
        await tab.keyboard.press("ArrowRight")
        await expect(cards.nth(1)).to_be_focused()
        await tab.keyboard.press("y")
        await expect(cards).to_have_count(2)
        await expect(tab.get_by_role("status")).to_have_text("Approved.")
        await expect(cards.nth(1)).to_be_focused()
        await tab.keyboard.press("n")
        await expect(cards).to_have_count(1)
        await expect(tab.get_by_role("status")).to_have_text("Refused.")
        await expect(cards.first).to_be_focused()

        await tab.get_by_role("link", name="Limits").press("Enter")
        limits = tab.get_by_role("region", name="Limits")
        tops = await limits.locator("label:not(.switch)").evaluate_all(
            "labels => labels.map(each => each.querySelector('input, select').getBoundingClientRect().bottom)"
        )
        assert options is PHONE or max(tops) - min(tops) < 1
        await limits.get_by_label("What").select_option("Runs per day")
        await limits.get_by_label("At most").fill("many")
        await limits.get_by_label("Everyone together").press("Space")
        await limits.get_by_role("button", name="Set the limit").press("Enter")
        await expect(limits.get_by_role("alert")).to_have_text("Enter a whole number, 0 or more.")
        await expect(limits.get_by_label("At most")).to_have_value("many")
        await expect(limits.get_by_label("Everyone together")).to_be_checked()
        await is_accessible(tab)
        await limits.get_by_label("At most").fill("2")
        await limits.get_by_role("button", name="What would change?").press("Enter")
        await expect(limits.get_by_role("status")).to_contain_text("1 person has reached this limit already")
        await expect(limits.get_by_role("status")).to_be_focused()
        await is_accessible(tab)
        await limits.get_by_label("At most").press("Enter")
        await expect(limits.get_by_role("status")).to_contain_text("2 runs per day everywhere, for all people together")
        await limits.get_by_role("button", name="Remove: 2 runs per day everywhere, for all people together").press(
            "Enter"
        )
        await expect(tab.get_by_role("status")).to_contain_text("Removed")

        await tab.get_by_role("link", name="Statistics").press("Enter")
        days = tab.get_by_role("group", name="Runs per day").first
        today = days.locator(".ctl-mark[tabindex='0']")
        await today.focus()
        readout = tab.locator(".ctl-readout").first
        await expect(readout).to_contain_text("3 runs (Plain 3)")
        await tab.keyboard.press("ArrowLeft")
        await expect(readout).to_contain_text("0 runs")
        await days.locator(".ctl-mark").last.hover()
        await expect(readout).to_contain_text("3 runs (Plain 3)")
        await tab.get_by_text("As a table").first.press("Enter")
        await is_accessible(tab)

        await tab.get_by_role("link", name="Friends · Telegram -5").press("Enter")
        await tab.get_by_role("link", name="People").press("Enter")
        await is_accessible(tab)
        await tab.get_by_role("button", name="Unblock: Eve").press("Enter")
        await expect(tab.get_by_role("status")).to_contain_text("Eve is no longer blocked")
        for section in ("fields", "words", "texts", "styles", "models", "manner", "money", "saved", "decisions", "log"):
            await tab.goto(f"{web.url}/moderate?section={section}")
            await is_accessible(tab)
        assert faults == []
