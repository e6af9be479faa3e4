"""An operator invites a friend, who accepts: by keyboard alone, at a desk and on a phone, by day and by night."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from tests.bot.platforms.web.conftest import CHROMIUM, reads_from_the_right
from tests.bot.platforms.web.pages import page
from tests.bot.platforms.web.test_browser import ARTIFACTS, PHONE, choose, message
from tests.bot.platforms.web.test_invitations import BOSS, COOKIE, TOKEN

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]


async def _looks_well(tab: Tab, name: str) -> None:
    """No complaint of axe-core, by day and by night, on a desk and on a phone; nothing is wider than the screen, there
    and right-to-left.
    """
    await reads_from_the_right(tab)
    for scheme in ("light", "dark"):
        await tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width, height in ((390, 844), (1280, 800)):
            await tab.set_viewport_size({"width": width, "height": height})
            assert not await tab.evaluate("document.documentElement.scrollWidth > innerWidth"), (name, width)
            found = await Axe().run(tab)
            assert found.violations_count == 0, found.generate_report()
            ARTIFACTS.mkdir(exist_ok=True)
            await tab.screenshot(path=ARTIFACTS / f"invitations-{name}-{scheme}-{width}.png", full_page=True)


async def test_a_friend_is_invited_and_makes_a_picture(browser: Browser, tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web:
        context = await browser.new_context()
        await context.add_cookies([{"name": "darkroom", "value": COOKIE, "url": web.url}])
        tab = await context.new_page()
        await tab.goto(web.url)
        await tab.get_by_label("Token").fill(TOKEN.reveal())
        await tab.keyboard.press("Enter")
        await expect(tab.locator('a[href="admin"]')).to_be_visible()
        await tab.goto(f"{web.url}/moderate")
        await tab.get_by_role("link", name="Invitations").press("Enter")
        await expect(tab.get_by_text("No one is invited yet.")).to_be_visible()
        await tab.get_by_label("Name of your friend").fill("Ann")
        await tab.get_by_label("Your name").fill("Bo")
        await expect(tab.get_by_label("Last day")).to_be_hidden()
        await tab.get_by_role("radio", name="Never").press("ArrowDown")
        await tab.get_by_label("Last day").fill("2001-01-01")
        await tab.get_by_label("Last day").press("Enter")
        await expect(tab.locator("#until-fault")).to_have_text("This day is over.")
        await expect(tab.get_by_label("Last day")).to_be_focused()
        await _looks_well(tab, "wrong")
        await tab.get_by_label("Last day").fill("2100-01-01")
        await tab.get_by_label("Last day").press("Enter")
        await expect(tab.get_by_role("heading", name="The link for Ann")).to_be_focused()
        await expect(tab.get_by_role("img", name="The link for Ann")).to_be_visible()
        link = await tab.locator("code").inner_text()
        await _looks_well(tab, "made")

        friend = await (await browser.new_context(**PHONE)).new_page()
        await friend.goto(link)
        await expect(friend.locator("h2")).to_have_text("Bo invites you, Ann")
        await _looks_well(friend, "guest")
        await friend.get_by_role("button", name="Accept the invitation").press("Enter")
        await friend.wait_for_url(f"{web.url}/")
        await choose(friend, "Plain")
        await friend.get_by_role("button", name="Develop").press("Enter")
        await expect(message(friend)).to_be_visible()

        await tab.reload()
        device = tab.locator(".inviting-devices li")
        await expect(device).to_contain_text("Chrome on Linux")
        await _looks_well(tab, "list")
        for act, role in (("Make an author", "Author"), ("Make a member", "Member")):
            await tab.get_by_role("button", name=f"{act}: Ann").press("Enter")
            await expect(tab.locator("main").get_by_role("status").first).to_be_focused()
            await expect(tab.locator(".inviting-one .pill")).to_have_text(role)
        await _looks_well(tab, "role")
        await device.get_by_role("button", name="Sign out").press("Enter")
        await expect(tab.locator("main").get_by_role("status").first).to_contain_text("Signed out.")
        await _looks_well(tab, "signed-out")
        await tab.get_by_role("button", name="Take back the link too: Ann").press("Enter")
        await expect(tab.locator("main").get_by_role("status").first).to_contain_text("no longer works")
        await friend.goto(web.url)
        await expect(friend.get_by_label("Token")).to_be_visible()
        await tab.get_by_role("button", name="Take back: Ann").press("Enter")
        await expect(tab.get_by_role("listitem").first).to_contain_text("taken back on")
        await _looks_well(tab, "over")
        await friend.goto(link)
        await expect(friend.get_by_role("alert")).to_contain_text("This invitation is over")
