"""A new graph for a workflow in a real browser: by keyboard, on a phone, right-to-left; two tabs; undo."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from tests.bot.core.sources.saving import save
from tests.bot.harness import until
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.pages import Page
from tests.bot.platforms.web.test_browser import _is_accessible, held, opened

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]
_DESKTOP: Any = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
_PHONE: Any = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}
_HOSTILE = '<img src="x" onerror="document.title=1">{title}${1}'
SIDECAR = """\
title = "Soft sheet"

# How soft it is.
[fields.radius]
target = "Blur.blur_radius"
maximum = 9 # more is mud

[fields.color]
target = "EmptyImage.color"
"""


def graph(filter_class: str, title: str, paper: str = "EmptyImage", **inputs: Any) -> dict[str, Any]:
    sheet = {"width": 16, "height": 16, "batch_size": 1, "color": 7}
    return {
        "1": {"class_type": "EmptyImage", "inputs": sheet, "_meta": {"title": paper}},
        "2": {"class_type": filter_class, "inputs": {"image": ["1", 0], **inputs}, "_meta": {"title": title}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }


BLUR = graph("ImageBlur", "Blur", blur_radius=3, sigma=1.0)
SHARP = graph("ImageSharpen", _HOSTILE, "Paper", sharpen_radius=1, sigma=1.0, alpha=1.0)


@asynccontextmanager
async def editing(browser: Browser, folder: Path, options: Any) -> AsyncIterator[tuple[Page, Tab]]:
    """The draft of a workflow that there is, open in the studio."""
    async with opened(browser, folder, **options) as (web, tab):
        (folder / "workflows" / "soft.json").write_text(json.dumps(BLUR))
        (folder / "workflows" / "soft.toml").write_text(SIDECAR)

        async def is_read() -> bool:
            return web.services.workflows.title("soft") == "Soft sheet"

        await until(is_read)
        await tab.goto(f"{web.url}/studio")
        await tab.get_by_role("button", name="Open Soft sheet").click()
        await expect(tab.get_by_label("Title")).to_have_value("Soft sheet")
        yield web, tab


async def _gives(tab: Tab, folder: Path, new: object) -> None:
    file = folder / "Sharp v2.json"
    file.write_text(json.dumps(new))
    await tab.locator("#studio-graph-file").set_input_files(file)
    await expect(tab.get_by_role("heading", name="Graph of Sharp v2")).to_be_visible()


async def test_the_form_stays_and_what_is_gone_is_mended_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    sidecar = tmp_path / "workflows" / "soft.toml"
    async with editing(browser, tmp_path, _DESKTOP) as (_web, tab):
        await _gives(tab, tmp_path, SHARP)
        report = tab.locator(".studio-report")
        await expect(report).to_be_focused()
        await expect(report).to_contain_text("Color follows its node: EmptyImage.color is now Paper.color.")
        await expect(report).to_contain_text("Inputs that are new: 3.")
        await expect(tab.locator(".studio-mistakes")).to_contain_text("no node has the title “Blur”")
        await _is_accessible(tab)
        graph_region = tab.get_by_role("region", name="Inputs of the graph")
        await graph_region.get_by_label("Only those that are new").press("Space")
        await expect(graph_region.get_by_role("checkbox", name="alpha")).not_to_be_checked()
        await expect(graph_region.get_by_role("checkbox", name="width")).to_be_hidden()

        await report.press("Tab")
        choice = report.get_by_label("Another input for Radius")
        await expect(choice).to_be_focused()
        await tab.keyboard.type(_HOSTILE[:6])  # the first of its inputs is the sharpen_radius
        await expect(tab.locator(".studio-mistakes")).to_be_empty()
        await expect(report.get_by_role("combobox")).to_have_count(0)
        preview = tab.locator(".studio-preview")
        await expect(preview.locator(".field label").first).to_have_text("Radius")
        await preview.get_by_role("button", name="Try it").press("Enter")
        await expect(tab.locator(".studio-shown img").first).to_be_visible()
        await expect(tab.locator(".studio-kept")).to_have_text("Draft saved.")
        await tab.get_by_role("button", name="Publish the changes").press("Enter")
        await expect(tab.locator("#said")).to_contain_text("Published the changes of “Soft sheet”")
        wanted = SIDECAR.replace("EmptyImage.", "Paper.")
        assert wanted.replace('"Blur.blur_radius"', json.dumps(f"{_HOSTILE}.sharpen_radius")) == sidecar.read_text()
        assert json.loads(sidecar.with_suffix(".json").read_text()) == SHARP


async def test_on_a_phone_a_graph_of_a_comfyui_comes_and_the_earlier_one_comes_back(
    browser: Browser, tmp_path: Path
) -> None:
    async with editing(browser, tmp_path, _PHONE) as (web, tab):
        await save(web.engine.url, "Sharp v2.json", SHARP)

        async def is_saved() -> bool:
            await tab.reload()
            await expect(tab.locator("#studio-publish")).to_be_visible()
            return await tab.get_by_role("option", name="Sharp v2").count() > 0

        await until(is_saved)
        await tab.evaluate("document.documentElement.dir = 'rtl'")
        await tab.get_by_label("Saved in a ComfyUI").select_option("Sharp v2")
        await tab.get_by_role("button", name="Take its graph").click()
        await expect(tab.get_by_role("heading", name="Graph of Sharp v2")).to_be_visible()
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await _is_accessible(tab)
        await tab.locator(".studio-report").get_by_role("button", name="Remove Radius").click()
        await expect(tab.locator(".studio-mistakes")).to_be_empty()
        back = tab.get_by_role("button", name="Put the earlier graph back")
        await back.click()
        await tab.get_by_role("button", name="Your changes since then are lost").click()
        await expect(tab.locator(".studio-report")).to_be_empty()
        await expect(tab.locator(".studio-card b")).to_have_text(["Radius", "Color"])
        await expect(tab.locator(".studio-card small").first).to_have_text("Sets Blur.blur_radius")


async def test_a_field_comes_back_and_two_tabs_know_of_each_other(browser: Browser, tmp_path: Path) -> None:
    async with editing(browser, tmp_path, _DESKTOP) as (_web, tab):
        names = tab.locator(".studio-card b")
        await tab.get_by_role("button", name="Remove Radius from the form").click()
        await expect(names).to_have_text(["Color"])
        await tab.keyboard.press("Control+z")
        await expect(names).to_have_text(["Radius", "Color"])
        await tab.get_by_role("region", name="Inputs of the graph").get_by_label("color").uncheck()
        await expect(names).to_have_text(["Radius"])
        await tab.get_by_role("button", name="Undo").click()
        await expect(names).to_have_text(["Radius", "Color"])
        await expect(tab.locator(".studio-kept")).to_have_text("Draft saved.")

        other = await tab.context.new_page()
        await other.goto(tab.url)
        await expect(other.get_by_label("Title")).to_have_value("Soft sheet")
        async with held(tab, "**/studio/drafts/**"):
            await tab.get_by_label("Title").fill("Softer sheet")
            await expect(tab.locator(".studio-kept")).to_have_text("Saving the draft…")
        await expect(tab.locator(".studio-kept")).to_have_text("Draft saved.")
        await other.get_by_label("Description").fill("By the other tab")
        await expect(other.locator(".studio-old")).to_contain_text("changed in another tab or browser")
        await _is_accessible(other)
        load = other.get_by_role("button", name="Load it as it is now")
        await load.press("Enter")
        await other.keyboard.press("Enter")
        await expect(other.get_by_label("Title")).to_have_value("Softer sheet")
        await expect(other.locator(".studio-old")).to_be_empty()
        await other.get_by_label("Description").fill("By the other tab")
        await expect(other.locator(".studio-kept")).to_have_text("Draft saved.")
        await tab.get_by_label("Title").fill("Softest sheet")
        await tab.get_by_role("link", name="All workflows").click()
        await expect(tab.locator("#said")).to_contain_text("changed in another tab or browser")  # it was not saved
