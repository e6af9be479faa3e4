"""Takes the pictures of README.md and docs/ from the demo itself: the page as it develops one, studio, control room.

    .venv/bin/python tools/pictures.py http://127.0.0.1:8420     # while `darkroom demo` runs there, just started

It needs Chromium, and what the tests need.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

DOCS = Path(__file__).parents[1] / "docs"
SIZE, SMALL = (1280, 800), (960, 600)
EARLIER = ("Negative", "Poster", "Sketch", "Dream")  # workflows whose results are there already
WORDS = ("Coffee", "Coffee, 8", "Coffee, 8 a.m.")  # as they are written
LONG, STEP, FRAME = 2400, 600, 250  # milliseconds for which a picture of the film stays
PAUSE = 0.4  # seconds between two of them: the film must stay small
ENDS = 120_000  # milliseconds in which a run has ended, on a busy machine too
Scheme = Literal["light", "dark"]


class Film:
    """Pictures of a tab, each with the time for which it stays."""

    def __init__(self, tab: Page) -> None:
        self._tab = tab
        self._frames: list[Image.Image] = []
        self._stay: list[int] = []

    async def take(self, stays: int) -> None:
        frame = await taken(self._tab)
        if self._frames and frame.tobytes() == self._frames[-1].tobytes():
            self._stay[-1] += stays
        else:
            self._frames.append(frame)
            self._stay.append(stays)

    def keep(self, name: str) -> None:
        first, *others = (frame.resize(SMALL, Image.Resampling.LANCZOS) for frame in self._frames)
        options = {"duration": self._stay, "loop": 0, "quality": 75, "method": 4, "kmin": 2, "kmax": 5}
        first.save(DOCS / name, save_all=True, append_images=others, **options)


async def taken(tab: Page) -> Image.Image:
    return Image.open(io.BytesIO(await tab.screenshot())).convert("RGB")


async def keep_still(tab: Page, name: str) -> None:
    """Keep what a tab shows, in few colours."""
    (await taken(tab)).quantize(256).save(DOCS / name, optimize=True)


async def keep_small(tab: Page, name: str) -> None:
    """Keep what a tab shows beside a text."""
    (await taken(tab)).save(DOCS / name, quality=78, method=6)


async def pick(tab: Page, title: str) -> None:
    """Choose a workflow."""
    await tab.get_by_role("combobox").fill(title)
    await expect(tab.locator(".picker .active")).to_contain_text(title)
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#form h2")).to_have_text(title)


async def give_photo(tab: Page) -> None:
    """Take the demo's photograph, where there is none."""
    sample = tab.get_by_role("button", name="Use a sample picture")
    if await sample.is_visible():
        await sample.click()
    await expect(tab.locator(".drop img").first).to_have_js_property("complete", value=True)


async def develop(tab: Page) -> None:
    await tab.get_by_role("button", name="Develop", exact=True).click()


async def fill(tab: Page) -> None:
    """Ask for the results that are there before the film begins."""
    for count, title in enumerate(EARLIER, 1):
        await tab.locator("#form h2 button").click()
        await pick(tab, title)
        await give_photo(tab)
        await develop(tab)
        await expect(tab.get_by_role("link", name="Download")).to_have_count(count, timeout=ENDS)


async def film(tab: Page, name: str, still: str) -> None:
    """Ask for a polaroid before the camera. The still is taken while it develops."""
    shot = Film(tab)
    await tab.locator("#form h2 button").click()
    await expect(tab.get_by_role("combobox")).to_be_visible()
    await shot.take(STEP)
    await pick(tab, "Polaroid")
    await give_photo(tab)
    await shot.take(STEP)
    for words in WORDS:
        await tab.get_by_label("Caption").fill(words)
        await shot.take(STEP // 2)
    await develop(tab)
    newest = tab.locator("#runs article").first
    await expect(newest).to_have_attribute("data-state", "running", timeout=ENDS)
    bar = newest.get_by_role("progressbar")
    is_kept = False
    while await newest.get_attribute("data-state") in ("running", "delivering"):
        await shot.take(FRAME)
        await asyncio.sleep(PAUSE)
        if not is_kept and await bar.count() and int(await bar.get_attribute("aria-valuenow") or 0) > 30:
            await keep_still(tab, still)
            is_kept = True
    await expect(newest).to_have_attribute("data-state", "done")
    await expect(newest.locator(".print img")).to_have_js_property("complete", value=True)
    await shot.take(LONG)
    shot.keep(name)


async def page(browser: Browser, url: str, scheme: Scheme, ending: str) -> BrowserContext:
    """Take the pictures of the page, as a new visitor."""
    size = {"width": SIZE[0], "height": SIZE[1]}
    context = await browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    tab = await context.new_page()
    await tab.goto(url)
    await fill(tab)
    await film(tab, f"page{ending}.webp", f"page{ending}.png")
    return context


async def others(context: BrowserContext, url: str) -> None:
    """Take the control room while one run goes on and some wait, and the studio."""
    asks, tab = context.pages[0], await context.new_page()
    await asks.locator("#form h2 button").click()
    await pick(asks, "Polaroid")
    await give_photo(asks)
    for _run in range(4):
        await develop(asks)
    await expect(asks.locator("#queue article").nth(1)).to_be_attached()
    await tab.goto(f"{url}/admin")
    await expect(tab.locator("[id^=ctl-turn-]").first).to_be_visible()
    await keep_small(tab, "control-room.webp")
    await tab.goto(f"{url}/studio")
    await tab.get_by_role("button", name="Open Polaroid").last.click()
    await expect(tab.locator(".studio-preview .field").first).to_be_visible()
    await keep_small(tab, "studio.webp")


async def main(url: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        context = await page(browser, url, "light", "")
        await others(context, url)
        await page(browser, url, "dark", "-dark")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
