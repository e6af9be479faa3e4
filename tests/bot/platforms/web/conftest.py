"""Debian's Chromium, once for each module of tests that use it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.patience import PATIENCE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        async with browser:
            yield browser


async def reads_from_the_right(tab: Page) -> None:
    """Nothing is wider than a screen where words are read from the right; addresses and keys still go the other way."""
    await tab.evaluate("document.documentElement.dir = 'rtl'")
    for width in (360, 1280):
        await tab.set_viewport_size({"width": width, "height": 800})
        assert not await tab.evaluate("document.documentElement.scrollWidth > innerWidth"), width
    turned = "each => each.filter(one => getComputedStyle(one).direction !== 'ltr').map(one => one.outerHTML)"
    assert not await tab.locator("code, main a[target], input[type=password], #address, #token").evaluate_all(turned)
    await tab.evaluate("document.documentElement.dir = 'ltr'")
