"""Takes the README's pictures of the page, light and dark, from the demo itself.

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
from playwright.async_api import Page, async_playwright, expect

DOCS = Path(__file__).parents[1] / "docs"
SIZE = {"width": 1280, "height": 800}
EARLIER = ("Negative", "Poster", "Sketch", "Dream")  # workflows whose results are there already


async def develop(tab: Page, title: str, caption: str = "") -> None:
    """Ask for a picture from the demo's photograph."""
    await tab.locator("#form h2 button").click()
    await tab.get_by_role("combobox").fill(title)
    await expect(tab.locator(".picker .active")).to_contain_text(title)
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#form h2")).to_have_text(title)
    sample = tab.get_by_role("button", name="Use a sample picture")
    if await sample.is_visible():
        await sample.click()
    if caption:
        await tab.get_by_label("Caption").fill(caption)
    await tab.get_by_role("button", name="Develop", exact=True).click()


async def take(tab: Page, name: str, scheme: Literal["light", "dark"]) -> None:
    """Keep what the page shows, in few colours."""
    await tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    taken = Image.open(io.BytesIO(await tab.screenshot()))
    taken.convert("RGB").quantize(256).save(DOCS / name, optimize=True)


async def main(url: str) -> None:
    """Fill the page with results, and take the pictures while one more develops."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = await browser.new_page(viewport=SIZE)
        await tab.goto(url)
        for count, title in enumerate(EARLIER, 1):
            await develop(tab, title)
            await expect(tab.get_by_role("link", name="Download")).to_have_count(count, timeout=60_000)
        await develop(tab, "Polaroid", "Coffee, 8 a.m.")
        await expect(tab.locator("#runs .pill").first).to_have_text("Developing", timeout=60_000)
        await take(tab, "page.png", "light")
        await take(tab, "page-dark.png", "dark")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
