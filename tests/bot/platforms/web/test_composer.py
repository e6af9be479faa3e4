"""The composer in a real browser: in reach at every size, quick to fill in, and for everybody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from bot.core.media.images import measure
from bot.core.model import Place
from bot.core.policy.permissions import OPERATOR, RuleTarget
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.pages import PHOTO, page
from tests.bot.platforms.web.test_browser import (
    PHONE,
    _is_accessible,
    busy,
    choose,
    develop,
    message,
    opened,
    queued,
    reaches,
    stay_for_slow_ones,
)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]
SIZES = ((1280, 800), (390, 844), (360, 640), (844, 390))


def write_sized(folder: Path, count: int = 1) -> None:
    """Workflows with as many fields as the longest bundled one: a text, a size, a seed, numbers, and more."""
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 0, "strength": 0.0}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }
    fields = {
        "words": '#3.filename_prefix"\nrequired = true\nmax_length = 2000\nhelp = "What the picture shows.',
        "width": '#1.width"\ndefault = 96\nminimum = 8\nmaximum = 256\nstep = 8\nhelp = "In pixels.',
        "height": '#1.height"\ndefault = 64\nminimum = 8\nmaximum = 256\nstep = 8\nhelp = "In pixels.',
        "color": '#1.color"\nmaximum = 99\nhelp = "The colour of all of it.',
        "strength": '#2.strength"\nhelp = "How much noise there is.',
        "batch": '#1.batch_size"\nmore = true\nhelp = "How many in one file.',
        "seed": '#2.seed"\nseed = true\nhelp = "The same seed makes the same noise.',
    }
    tables = "".join(f'[fields.{name}]\ntarget = "{text}"\n' for name, text in fields.items())
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (made / f"sized-{number}.json").write_text(json.dumps(graph))
        about = f'title = "Sized {number}"\ngroup = "Group {number % 3}"\ndescription = "{"Long. " * 12}"\n'
        (made / f"sized-{number}.toml").write_text(about + tables)


@pytest.mark.parametrize("count", [1, pytest.param(100, marks=pytest.mark.long)])
async def test_go_is_in_reach_without_scrolling(browser: Browser, tmp_path: Path, count: int) -> None:
    write_sized(tmp_path, count)
    async with opened(browser, tmp_path) as (web, tab):
        await choose(tab, "Sized 0")
        for width, height in SIZES:
            await tab.set_viewport_size({"width": width, "height": height})
            go, text = tab.get_by_role("button", name="Develop"), tab.get_by_role("textbox", name="Words")
            for each in (go, text, tab.locator("#form h2 button")):
                await expect(each).to_be_in_viewport(ratio=1)
            await go.click(trial=True)
            assert await tab.evaluate("document.documentElement.scrollWidth") == width
            assert await tab.evaluate("scrollY") == 0
        await web.services.moderation.deny(OPERATOR, Place("web", ""), RuleTarget(everywhere=True))
        await tab.reload()
        await expect(tab.locator("#form")).to_have_text("There are no workflows here yet.")
        await _is_accessible(tab)


@pytest.mark.long
async def test_a_form_is_filled_in_with_few_presses(browser: Browser, tmp_path: Path) -> None:
    write_sized(tmp_path)
    async with opened(browser, tmp_path) as (web, tab), busy(web):
        await choose(tab, "Sized 0")
        words = tab.get_by_role("textbox", name="Words")
        await expect(words).to_be_focused()
        width, height = (tab.get_by_role("textbox", name=name) for name in ("Width", "Height"))
        await expect(tab.get_by_role("radio", name="3:2")).to_be_checked()
        await tab.get_by_role("radio", name="1:1").focus()
        await tab.keyboard.press("ArrowRight")
        await expect(tab.get_by_role("radio", name="4:3")).to_be_checked()
        assert (await width.input_value(), await height.input_value()) == ("88", "64")
        await width.fill("93")
        await expect(tab.get_by_role("radio", checked=True, name=re.compile(":"))).to_have_count(0)
        await height.focus()  # what was left is looked at
        await expect(tab.locator("[data-field=width] .fault")).to_contain_text("“93” does not fit the step of 8")
        await width.fill("64")
        await expect(tab.locator("[data-field=width] .fault")).to_be_empty()
        await tab.get_by_role("radio", name="2", exact=True).focus()
        await tab.keyboard.press("Space")
        await words.fill("one")
        await tab.keyboard.press("Control+Enter")
        await expect(queued(tab).locator(".cells article")).to_have_count(2)
        web.gates.open()
        group = tab.locator("#runs > .group > article")
        await expect(group.locator(".pill").first).to_have_text("2 of 2")
        await expect(tab.locator("#said")).to_have_text("Sized 0: all have ended.")
        await expect(tab.locator("#said")).to_be_in_viewport(ratio=1)
        spot, main = [await tab.locator(each).bounding_box() for each in ("#said", "main")]
        assert spot is not None
        assert main is not None
        assert spot["y"] + spot["height"] <= main["y"]  # it covers nothing


@pytest.mark.long
async def test_each_of_several_pictures_has_its_number_and_its_acts(browser: Browser, tmp_path: Path) -> None:
    write_sized(tmp_path)
    async with opened(browser, tmp_path) as (_web, tab):
        await choose(tab, "Sized 0")
        await tab.get_by_role("textbox", name="Words").fill("one")
        await tab.get_by_text("More", exact=True).press("Enter")
        await tab.get_by_role("textbox", name="Batch").fill("3")
        await develop(tab)
        await reaches(message(tab), "done")
        second = message(tab).get_by_role("group", name="Number 2 of Sized 0")
        await expect(message(tab).get_by_role("group", name="Number")).to_have_count(3)
        await expect(second.locator(".act")).to_have_text(["Use as input", "Download", "Vary", "Change"])
        await _is_accessible(tab)
        await tab.get_by_role("textbox", name="Words").fill("two")
        await second.get_by_role("button", name="Change").press("Enter")
        await expect(tab.get_by_role("textbox", name="Words")).to_have_value("one")
        await second.get_by_role("button", name="Vary").press("Enter")
        await expect(tab.locator("#runs > .group > article .pill").first).to_have_text("4 of 4")


@pytest.mark.long
async def test_what_waits_is_one_line_and_all_of_it_is_cancelled(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, tab):
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        await expect(tab.locator("#queue")).to_be_hidden()
        for count in (1, 2, 3):
            await develop(tab)
            await expect(tab.locator("#queue article")).to_have_count(count)
        await expect(queued(tab)).to_be_hidden()  # folded
        await expect(tab.locator("#queue summary")).to_contain_text("3 in line · Gated: Next in line")
        await expect(tab.locator("#runs article")).to_have_count(1)
        await tab.locator("#queue summary").press("Enter")
        await expect(queued(tab, 2)).to_contain_text("3 runs before")
        await _is_accessible(tab)
        await tab.get_by_role("button", name="Cancel all").press("Enter")
        await expect(tab.locator("#said")).to_have_text(re.compile(r"3 cancelled\.|Cancelled"))
        await expect(tab.locator("#queue")).to_be_hidden()
        await expect(tab.locator("#runs [data-state=cancelled]")).to_have_count(3)
        await reaches(message(tab), "running")  # and it is still the first
        web.gates.open()
        await reaches(message(tab, 3), "done")  # it was asked for before the others


@pytest.mark.long
async def test_a_photograph_that_is_too_large_is_reduced_and_a_result_is_taken_again(
    browser: Browser, tmp_path: Path
) -> None:
    most = 40_000
    assert PHOTO.stat().st_size > most
    async with page(tmp_path, upload_bytes=most) as web, await browser.new_context(**PHONE) as context:
        await stay_for_slow_ones(web, context)
        tab = await context.new_page()
        await tab.goto(web.url)
        await choose(tab, "Negative")
        await expect(tab.get_by_role("button", name="Camera")).to_be_visible()
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        await expect(tab.locator("#said")).to_contain_text("coffee.jpg was too large, and is")
        await expect(tab.locator(".drop .filename")).to_have_text("coffee.jpg")
        await develop(tab)
        await reaches(message(tab), "done")
        given = Path(tmp_path / "given.jpg")
        given.write_bytes(await _bytes(tab, await message(tab).locator(".given img").get_attribute("src")))
        assert given.stat().st_size <= most
        assert (await measure(given)) is not None
        await tab.get_by_role("button", name="Remove").click()
        await tab.get_by_role("button", name="From your pictures").click()
        await _is_accessible(tab)
        await tab.get_by_role("dialog", name="Choose from your gallery").locator(".tile.seen").first.tap()
        await expect(tab.locator(".drop .filename")).to_contain_text("coffee-negative")
        await develop(tab)
        await expect(tab.locator("#runs article")).to_have_count(2)
        await reaches(message(tab), "done")


async def _bytes(tab: Tab, source: str | None) -> bytes:
    answer = await tab.request.get(f"{tab.url}{source}")
    return await answer.body()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"color_scheme": "dark", **PHONE}, marks=pytest.mark.long),
        pytest.param({"color_scheme": "light"}, marks=pytest.mark.long),
        pytest.param({"color_scheme": "dark"}, marks=pytest.mark.long),
        pytest.param({"color_scheme": "light", "forced_colors": "active"}, marks=pytest.mark.long),
    ],
)
async def test_every_sheet_is_for_everybody(browser: Browser, tmp_path: Path, options: Any) -> None:
    write_sized(tmp_path)
    async with opened(browser, tmp_path, reduced_motion="reduce", **options) as (_web, tab):
        await expect(tab.locator(".starter").first).to_be_visible()
        await _is_accessible(tab)
        await tab.locator("#form h2 button").press("Enter")
        search = tab.get_by_role("combobox", name="Find a workflow")
        await _is_accessible(tab)
        await search.fill("nothing like it")
        await expect(tab.locator(".picker .none")).to_have_text("No workflow has these words.")
        await _is_accessible(tab)
        await search.fill("sized")
        await search.press("Enter")
        await expect(tab.locator("#form h2")).to_have_text("Sized 0")
        await expect(
            tab.locator("#form h2 button, #form textarea, #form [data-field=words] input").first
        ).to_be_visible()
        if "is_mobile" in options:
            await tab.get_by_role("button", name="More options").press("Enter")
        await tab.get_by_text("More", exact=True).press("Enter")
        await expect(tab.get_by_role("textbox", name="Batch")).to_be_visible()
        await _is_accessible(tab)
        if "is_mobile" in options:
            await tab.keyboard.press("Escape")
            await expect(tab.get_by_role("button", name="More options")).to_be_focused()
        for name in ("Your presets", "In line, and what you may still do"):
            await tab.get_by_role("button", name=name).press("Enter")
            await expect(tab.get_by_role("dialog", name=name).get_by_role("listitem").first).to_be_visible()
            await _is_accessible(tab)
            await tab.keyboard.press("Escape")
            await expect(tab.get_by_role("button", name=name)).to_be_focused()
        await tab.get_by_role("textbox", name="Words").fill("one")
        await develop(tab)
        await reaches(message(tab), "done")
        await message(tab).get_by_role("button", name="Details").press("Enter")
        await message(tab).get_by_role("button", name="Save as preset").press("Enter")
        await expect(tab.get_by_label("Name of the preset")).to_be_focused()
        await _is_accessible(tab)
