"""The gallery and the large view in a real browser: by the keyboard, by touch, accessible, and light with very many."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageColor
from playwright.async_api import Browser, Locator, expect
from playwright.async_api import Page as Tab

from tests.bot.harness import until
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.filled import _COLORS, fill_results, person_of
from tests.bot.platforms.web.pages import PHOTO, Page
from tests.bot.platforms.web.test_browser import (
    PHONE,
    _is_accessible,
    choose,
    develop,
    message,
    opened,
    reaches,
)

_DESKTOP: Any = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", "accept_downloads": True}
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def _fill(web: Page, tab: Tab, count: int) -> None:
    cookies: Any = await tab.context.cookies()
    await fill_results(web, person_of(cookies), count)


def _tiles(tab: Tab) -> Locator:
    return tab.locator(".gallery .tiles")


def _here(tab: Tab) -> Locator:
    return tab.locator(".gallery .tile.here")


async def _tab_to(tab: Tab, target: Locator) -> None:
    for _press in range(60):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await tab.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {target}")


async def test_the_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await _fill(web, tab, 260)
        keys, press = tab.keyboard, tab.keyboard.press
        await choose(tab, "Poster")
        await tab.locator("[data-field=photo] input").set_input_files(PHOTO)
        await develop(tab)
        await reaches(message(tab), "done")
        await tab.reload()
        await _tab_to(tab, tab.get_by_role("link", name="Gallery"))
        await press("Enter")
        await expect(tab).to_have_url(re.compile("#gallery$"))
        await expect(tab.get_by_role("heading", name="Gallery")).to_be_focused()
        await _tab_to(tab, _tiles(tab))
        await expect(_here(tab)).to_have_attribute("aria-label", re.compile("^Poster"))
        for name in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            await press(name)
        await expect(_here(tab)).to_have_attribute("aria-posinset", "1")

        async def all_are_there() -> bool:
            await press("End")
            await expect(_here(tab)).not_to_have_attribute("aria-posinset", "1")
            return await tab.locator(".gallery-count").text_content() == "Results: 261"

        await until(all_are_there)
        await press("End")
        await expect(_here(tab)).to_have_attribute("aria-posinset", "261")
        await press("Home")

        await press("Space")
        await press("ArrowRight")
        await press("Shift+ArrowRight")
        await expect(tab.locator(".gallery-chosen")).to_contain_text("3 selected")
        await press("f")
        await expect(_here(tab)).to_have_attribute("aria-label", re.compile("favourite$"))
        await _is_accessible(tab)
        async with tab.expect_download() as download:
            await _tab_to(tab, tab.get_by_role("button", name="Download as zip"))
            await press("Enter")
        with zipfile.ZipFile(await (await download.value).path()) as archive:
            assert sorted(archive.namelist()) == ["coffee-poster.png", "result-258.png", "result-259.png"]
        await tab.locator(".gallery .tiles").focus()
        await press("Delete")
        await expect(tab.locator(".undo")).to_contain_text("Deleted 3. You can undo it for 10 seconds")
        await expect(_tiles(tab)).to_be_focused()
        await expect(tab.locator(".gallery-count")).to_have_text("Results: 258")
        await press("Control+z")
        await expect(tab.locator(".gallery-count")).to_have_text("Results: 261")

        await keys.press("Home")
        await press("Enter")
        large = tab.get_by_role("dialog")
        await expect(large.locator(".large-plane img")).to_have_js_property("complete", value=True)
        await expect(tab).to_have_url(re.compile("#gallery/[0-9a-f-]{36}$"))
        await press("c")
        slider = large.get_by_role("slider")
        await _tab_to(tab, slider)
        await press("ArrowRight")
        await expect(slider).to_have_value("51")
        await expect(large.locator(".before")).to_have_attribute("style", "clip-path: inset(0px 49% 0px 0px);")
        await _is_accessible(tab)
        await large.locator(".large-stage").focus()
        for _press in range(5):
            await press("+")
        await expect(large.locator(".large-stage")).to_have_class(re.compile("zoomed"))
        place = await large.locator(".large-plane").bounding_box()
        await press("ArrowRight")  # what is zoomed is moved
        assert await large.locator(".large-plane").bounding_box() != place
        await press("0")
        await press("ArrowRight")
        await expect(large.locator(".large-name")).to_have_text("result-259.png")
        await _tab_to(tab, large.get_by_role("button", name="Copy: prompt"))
        await press("Enter")
        await expect(large.locator(".dialog-said")).to_have_text("Copied.")
        await press("f")
        await expect(large.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
        await press("Delete")
        await expect(large.locator(".undo")).to_be_visible()
        await expect(large.locator(".large-name")).to_have_text("result-258.png")
        await _is_accessible(tab)
        await _tab_to(tab, large.get_by_role("button", name="Undo"))
        await press("Enter")
        await expect(large.locator(".dialog-said")).to_have_text("Nothing was deleted.")
        await expect(large.locator(".large-stage")).to_be_focused()
        await press("Escape")
        await expect(_tiles(tab)).to_be_focused()
        await expect(tab.locator(".gallery-count")).to_have_text("Results: 261")

        await _tab_to(tab, tab.get_by_role("searchbox", name="Search your results"))
        await keys.type("poster")
        await expect(tab.locator(".gallery-count")).to_have_text("Results: 1")
        await _tab_to(tab, _tiles(tab))
        await press("Enter")
        await _tab_to(tab, large.get_by_role("button", name="Change"))
        await press("Enter")
        await expect(tab.locator("#form h2")).to_have_text("Poster")
        await expect(tab).not_to_have_url(re.compile("#gallery"))
        await tab.go_back()
        await expect(_tiles(tab)).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({**PHONE, "color_scheme": "dark"}, id="phone, dark"),
        pytest.param({**_DESKTOP, "color_scheme": "dark"}, id="desktop, dark"),
        pytest.param({**PHONE, "color_scheme": "light"}, id="phone, light"),
    ],
)
async def test_nothing_stands_in_anybodys_way(browser: Browser, tmp_path: Path, options: Any) -> None:
    async with opened(browser, tmp_path, **options) as (web, tab):
        wide = options["viewport"]["width"]
        await tab.goto(f"{web.url}/#gallery")
        await tab.reload()
        await expect(tab.locator(".gallery > .empty")).to_be_visible()
        await _is_accessible(tab)
        await _fill(web, tab, 30)
        await tab.reload()
        await expect(_tiles(tab).locator(".tile.seen").first).to_be_visible()
        await tab.get_by_role("button", name="Select", exact=True).click()
        await _tiles(tab).locator(".tile").nth(1).click()
        await expect(tab.locator(".gallery-chosen")).to_be_visible()
        await _is_accessible(tab)
        assert await tab.evaluate("document.documentElement.scrollWidth") == wide
        await tab.get_by_role("button", name="End selection").click()
        await _tiles(tab).locator(".tile").nth(1).click()
        await expect(tab.get_by_role("dialog").locator(".large-panel h2")).to_have_text("Plain")
        await _is_accessible(tab)
        await tab.get_by_role("button", name="Details").click()
        await tab.get_by_role("button", name="Delete").click()
        await expect(tab.locator(".undo")).to_be_visible()
        await _is_accessible(tab)
        await tab.get_by_role("button", name="Close").click()
        await tab.evaluate(
            "import('./static/gallery/pick.js').then(m => m.pickFile(['image'])).then(f => (window.picked = f)) && 0"
        )
        picking = tab.get_by_role("dialog", name="Choose from your gallery")
        await expect(picking.locator(".tile.seen").first).to_be_visible()
        await _is_accessible(tab)
        await tab.keyboard.press("ArrowRight")
        await tab.keyboard.press("Enter")
        await expect(picking).to_have_count(0)
        picked = await (await tab.wait_for_function("window.picked")).json_value()  # it closes first, and tells then
        assert re.fullmatch(r"[0-9a-f-]{36}/files/0", picked["ref"])


@pytest.mark.long
async def test_ten_thousand_results_are_never_all_there(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await _fill(web, tab, 10_000)
        await tab.goto(f"{web.url}/#gallery")
        await tab.reload()
        await expect(_tiles(tab).locator(".tile").first).to_be_visible()
        most = 0

        async def is_whole() -> bool:
            nonlocal most
            await tab.evaluate(
                "(grid => (grid.scrollTop = grid.scrollHeight))(document.querySelector('.gallery .grid'))"
            )
            most = max(most, await tab.evaluate("document.querySelectorAll('.gallery *').length"))
            whole = (await tab.locator(".gallery-count").text_content()) == "Results: 10,000"
            return whole and await _tiles(tab).locator(".tile[aria-posinset='10000']").is_visible()

        await until(is_whole)
        assert most < 1500
        assert await _layers(tab) < 40  # a canvas for each picture makes more than a hundred


async def _layers(tab: Tab) -> int:
    """Into how many layers the browser cuts the page, as it is while the grid moves."""
    session = await tab.context.new_cdp_session(tab)
    counts: list[int] = []
    session.on("LayerTree.layerTreeDidChange", lambda told: counts.append(len(told.get("layers", []))))
    await session.send("DOM.enable")
    await session.send("LayerTree.enable")

    async def has_told() -> bool:
        await tab.locator(".gallery .grid").evaluate("(grid) => (grid.scrollTop -= 300)")
        return any(counts)

    await until(has_told)
    return max(counts)


@pytest.mark.long
async def test_each_place_shows_its_own_picture(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **{**_DESKTOP, "color_scheme": "dark"}) as (web, tab):
        await _fill(web, tab, 260)
        await tab.goto(f"{web.url}/#gallery")
        await tab.reload()
        await _are_their_own(tab)
        await _tiles(tab).focus()
        await tab.keyboard.press("Delete")
        await expect(_tiles(tab).locator(".tile[aria-posinset='1']")).to_have_attribute("aria-label", re.compile("258"))
        await _are_their_own(tab)
        await tab.keyboard.press("Control+z")
        for width, direction in ((700, "ltr"), (1500, "rtl")):
            await tab.evaluate("(direction) => (document.documentElement.dir = direction)", direction)
            await tab.set_viewport_size({"width": width, "height": 900})
            await _are_their_own(tab)
        await tab.keyboard.press("End")
        await expect(_here(tab)).not_to_have_attribute("aria-posinset", "1")
        await _are_their_own(tab)


async def _are_their_own(tab: Tab) -> None:
    """Wait until each tile in sight has the colour of its result."""

    async def is_each() -> bool:
        with Image.open(BytesIO(await tab.screenshot())) as picture:
            seen = picture.convert("RGB")
        tiles = await tab.evaluate(_IN_SIGHT)
        wrong = 0
        for label, x, y, size in tiles:
            number = int(re.findall(r"number (\d+)", label)[0])
            found = seen.crop((x + 20, y + 10, x + size - 20, y + size / 2)).resize((1, 1), Image.Resampling.BOX)
            base = ImageColor.getrgb(_COLORS[number % len(_COLORS)])
            pixel: Any = found.getpixel((0, 0))
            wrong += max(abs(one - (0.65 * other + 0.35 * 128)) for one, other in zip(pixel, base, strict=True)) > 8
        return len(tiles) > 8 and wrong == 0

    await until(is_each)


_IN_SIGHT = """() => [...document.querySelectorAll('.gallery .tile:not([hidden])')].flatMap((tile) => {
    const box = tile.getBoundingClientRect();
    const grid = tile.closest('.grid').getBoundingClientRect();
    const isWhole = box.top >= grid.top && box.bottom <= Math.min(grid.bottom, innerHeight);
    const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return isWhole && tile.contains(middle) ? [[tile.getAttribute('aria-label'), box.left, box.top, box.width]] : [];
})"""
