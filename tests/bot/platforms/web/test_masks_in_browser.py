"""Masks are drawn in a real browser: by mouse, by finger and by keyboard alone, on the page and by a link of a chat."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import Browser, Locator, expect
from playwright.async_api import Page as Tab

from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.config import PageConfig
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, channel_of_its_own, first_file, house, results
from tests.bot.platforms.discord.test_mask_links import link_of
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.inpaint import write_inpaint
from tests.bot.platforms.web.linked import png
from tests.bot.platforms.web.pages import page
from tests.bot.platforms.web.test_browser import PHONE, choose
from tests.ports import free_port

BLUE, INVERSE = (32, 64, 96), (223, 191, 159)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]


def _complaints(tab: Tab) -> list[str]:
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
    return faults


async def _accessible(tab: Tab) -> None:
    results = await Axe().run(tab)
    assert results.violations_count == 0, results.generate_report()


async def _open(tab: Tab) -> Locator:
    await tab.get_by_role("button", name="Draw a mask").click()
    stage = tab.locator(".masking .stage")
    await expect(stage).to_be_focused()
    return stage


async def _across(tab: Tab, stage: Locator, share: float) -> None:
    """Draw down the picture, at a share of its width."""
    box = await stage.locator(".paper img").bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * share
    await tab.mouse.move(x, box["y"] + 2)
    await tab.mouse.down()
    await tab.mouse.move(x, box["y"] + box["height"] - 2, steps=5)
    await tab.mouse.up()


async def _made(tab: Tab) -> Image.Image:
    runs = tab.locator("#runs article")
    before = await runs.count()
    await tab.get_by_role("button", name="Develop").click()
    await expect(runs).to_have_count(before + 1)
    shown = runs.first.locator(".print img")
    await expect(shown).to_be_visible()
    answer = await tab.context.request.get(str(await shown.evaluate("each => each.src")))
    return Image.open(BytesIO(await answer.body())).convert("RGB")


@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["desktop", "phone"])
async def test_a_mask_and_a_crop_are_drawn_on_the_page(browser: Browser, tmp_path: Path, options: Any) -> None:
    await asyncio.to_thread(write_inpaint, tmp_path / "workflows")
    async with page(tmp_path) as web:
        tab = await (await browser.new_context(**options)).new_page()
        faults = _complaints(tab)
        await tab.goto(web.url)
        await choose(tab, "Inpaint")
        photo: Any = {"name": "sea.png", "mimeType": "image/png", "buffer": png(Image.new("RGB", (300, 200), BLUE))}
        await tab.locator("#form .drop input[type=file]").set_input_files(photo)
        stage = await _open(tab)
        await _across(tab, stage, 0.2)
        await _across(tab, stage, 0.8)
        await _accessible(tab)
        await tab.keyboard.press("Control+z")
        await expect(tab.locator(".masking .told")).to_have_text("Undone.")
        await tab.get_by_role("button", name="Use it").click()
        await expect(tab.locator(".masking")).to_have_count(0)
        made = await _made(tab)
        assert (made.size, made.getpixel((240, 100))) == ((300, 200), BLUE)
        drawn = [x for x in range(300) if made.getpixel((x, 100)) == INVERSE]
        assert abs((drawn[0] + drawn[-1]) / 2 - 60) < 2  # where the pointer was

        # By keyboard alone, on the picture of that run: its mask is there, and is made into its opposite.
        await tab.locator("#runs article").first.get_by_role("button", name="Change").click()
        await _open(tab)
        for key in ("Space", "ArrowDown", "Space", "]", "b", "+", "0"):
            await tab.keyboard.press(key)
        await expect(tab.locator(".masking .told")).to_contain_text("lifted")
        await tab.get_by_role("button", name="Invert").press("Enter")
        await tab.get_by_role("radio", name="Brush").press("ArrowLeft")
        await expect(tab.get_by_role("radio", name="Crop")).to_be_checked()
        await tab.get_by_role("button", name="Lower right corner").press("Shift+ArrowUp")
        await expect(tab.locator(".masking .told")).to_have_text(
            "The crop is 100 by 95 %, 0 % from the left and 0 % from the top."
        )
        await _accessible(tab)
        await tab.keyboard.press("Escape")
        await expect(tab.get_by_role("button", name="Discard it?")).to_be_focused()
        await tab.get_by_role("button", name="Use it").press("Enter")
        await expect(tab.locator(".masking")).to_have_count(0)
        await expect(tab.get_by_role("button", name="Draw a mask")).to_be_focused()
        made = await _made(tab)
        assert made.size == (300, 190)
        assert (made.getpixel((60, 100)), made.getpixel((240, 100))) == (BLUE, INVERSE)
        assert made.getpixel((150, 100)) == BLUE  # the dot of the keyboard, made into its opposite
        assert faults == []


async def test_a_mask_is_drawn_with_the_link_of_a_chat(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(write_inpaint, tmp_path / "workflows")
    port = free_port()
    more = {"DARKROOM_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    served = WebPlatform(PageConfig(ports=(port,)))
    async with (
        FakeDiscord() as fake,
        house(fake, tmp_path, workflows=tmp_path / "workflows", settings=more, beside=[served]),
    ):
        channel = await channel_of_its_own(fake)
        photo = png(Image.new("RGB", (300, 200), BLUE))
        await fake.slash(ALICE, channel, "inpaint", {"image": photo})
        [post] = await results(fake, channel)
        link = await link_of(fake, await fake.click(ALICE, post, "Draw a mask"))
        tab = await (await browser.new_context(**PHONE)).new_page()
        faults = _complaints(tab)
        await tab.goto(link)
        stage = tab.locator(".masking .stage")
        await expect(stage).to_be_focused()
        await tab.get_by_role("button", name="Run it").click()
        await expect(tab.locator(".masking .told")).to_have_text("Nothing is drawn yet.")
        await _across(tab, stage, 0.2)
        await _accessible(tab)
        await tab.get_by_role("button", name="Run it").click()
        await expect(tab.get_by_text("It is in line.")).to_be_visible()
        await _accessible(tab)
        drawn = (await results(fake, channel, 2))[-1]
        made = Image.open(BytesIO(first_file(drawn))).convert("RGB")
        assert (made.getpixel((60, 100)), made.getpixel((240, 100))) == (INVERSE, BLUE)
        other = await (await browser.new_context()).new_page()
        await other.goto(link)
        await expect(other.get_by_text("opened in another browser")).to_be_visible()
        assert faults == []
