"""The page in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import time
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, FileChooser, Locator, Response, Route, expect
from playwright.async_api import Page as Tab

from bot.core.media.metadata.strip import strip
from bot.core.model import Person, Place
from bot.settings import Secret
from comfy.embedded.node import NodeType
from tests.bot.core.groups.recording import write_seeded
from tests.bot.harness import until
from tests.bot.onward import gate_that_fails_once, write_onward, write_recipe
from tests.bot.parcel import STATUE, parcel, write_parcel
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.pages import PHOTO, Page, Visitor, differ, negative, page, relay
from tests.bot.platforms.web.reel import CLIP, reel, write_reel
from tests.patience import PATIENCE
from tests.ports import free_port

ARTIFACTS = Path(__file__).parents[4] / "build"
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]


@asynccontextmanager
async def opened(
    browser: Browser,
    folder: Path,
    nodes: Mapping[str, NodeType] | None = None,
    stepwise: bool = False,
    **options: Any,
) -> AsyncIterator[tuple[Page, Tab]]:
    """The page, and a browser's tab that shows it; whatever its scripts complain of fails the test."""
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(page(folder, nodes=nodes, stepwise=stepwise))
        context = await stack.enter_async_context(await browser.new_context(**options))
        context.set_default_timeout(PATIENCE * 1000)
        await stay_for_slow_ones(web, context)
        tab = await context.new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda line: faults.append(line.text) if _is_fault(line) else None)
        await tab.goto(web.url)
        yield web, tab
        assert faults == []


async def stay_for_slow_ones(web: Page, context: BrowserContext) -> None:
    """Let what is said, asked or to be undone for some seconds stay, so that a slow machine sees it too."""
    now = time.time()
    web.services.gallery._clock = lambda: now
    seconds = [5000, 6000, 10_000]
    await context.add_init_script(
        "(() => { const later = window.setTimeout; window.setTimeout = (act, after, ...more) => "
        f"{seconds}.includes(after) ? 0 : later(act, after, ...more); }})()"
    )


@asynccontextmanager
async def busy(web: Page) -> AsyncIterator[None]:
    """Somebody else's run keeps the server busy until the gates are opened."""
    async with Visitor(web.url) as other:
        _status, taken = await other.ask("gated")
        await other.until(taken["id"], "running")
        yield


@asynccontextmanager
async def held(tab: Tab, url: str) -> AsyncIterator[None]:
    """What the tab asks of `url` in the meantime is answered at the end."""
    over = asyncio.Event()

    async def hold(route: Route) -> None:
        await over.wait()
        await route.continue_()

    await tab.route(url, hold)
    try:
        yield
    finally:
        over.set()


def _is_fault(line: ConsoleMessage) -> bool:
    """Answers that refuse something are no faults of the scripts, nor is what a driver for 3D says of screenshots."""
    others = ("Failed to load resource", "net::ERR", "GPU stall due to ReadPixels")
    is_refused = any(each in line.text for each in others)
    return line.type in ("error", "warning") and not is_refused


async def choose(tab: Tab, title: str) -> None:
    """Pick a workflow by its title."""
    await tab.locator("#form h2 button").click()
    await tab.locator(".picker [role=option]", has=tab.get_by_text(title, exact=True)).last.click()
    await expect(tab.locator("#form h2")).to_have_text(title)


async def develop(tab: Tab) -> None:
    await tab.get_by_role("button", name="Develop").click()


def message(tab: Tab, number: int = 0) -> Locator:
    """A run: first those that are under way, then the newest."""
    return tab.locator("#runs article").nth(number)


def queued(tab: Tab, number: int = 0) -> Locator:
    """A run that waits: the first is next."""
    return tab.locator("#queue article").nth(number)


async def reaches(message: Locator, state: str) -> None:
    await expect(message).to_have_attribute("data-state", state)


async def drop(tab: Tab, path: Path) -> None:
    """Drop a file where it is asked for."""
    script = """([text, name]) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
        return transfer;
    }"""
    text = base64.b64encode(path.read_bytes()).decode()
    transfer = await tab.evaluate_handle(script, [text, path.name])
    await tab.locator(".drop").dispatch_event("drop", {"dataTransfer": transfer})


async def test_a_photograph_is_dropped_develops_and_is_downloaded(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, stepwise=True, accept_downloads=True, color_scheme="dark") as (web, tab):
        await tab.evaluate("""() => {
            window.seen = [];
            new MutationObserver((changes) => changes.forEach(({ target }) => {
                const now = Number(target.getAttribute("aria-valuenow"));
                if (now && now !== window.seen.at(-1)) window.seen.push(now);
            })).observe(document.body, { subtree: true, attributeFilter: ["aria-valuenow"] });
        }""")
        await choose(tab, "Negative")
        await drop(tab, PHOTO)
        await expect(tab.locator(".drop img")).to_be_visible()
        await develop(tab)
        bar = message(tab).get_by_role("progressbar")
        for step in (1, 2, 3):
            await expect(bar).to_be_visible()
            await tab.wait_for_function("step => window.seen.length >= step", arg=step, timeout=PATIENCE * 1000)
            await expect(message(tab).locator(".preview")).to_be_visible()
            web.gates.open(str(step))
        await reaches(message(tab), "done")
        await expect(tab.get_by_role("status")).to_have_text("Negative is done.")
        seen = await tab.evaluate("window.seen")
        assert len(seen) >= 3
        assert seen == sorted(seen)
        async with tab.expect_download() as download:
            await message(tab).get_by_role("link", name="Download").click()
        saved = await download.value
        assert saved.suggested_filename == "coffee-negative.png"
        await saved.save_as(tmp_path / "saved.png")
        assert differ((tmp_path / "saved.png").read_bytes(), negative(PHOTO.read_bytes())) <= 1
        ARTIFACTS.mkdir(exist_ok=True)
        await tab.screenshot(path=ARTIFACTS / "page.png")


@pytest.mark.long
async def test_cancelling(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, tab):
        await choose(tab, "Gated")
        await develop(tab)
        await develop(tab)
        await reaches(message(tab), "running")
        await message(tab).get_by_role("button", name="Cancel").click()
        await expect(message(tab).get_by_role("button", name="Cancelling…")).to_be_visible()
        web.gates.open("")
        await reaches(message(tab, 1), "cancelled")
        await reaches(message(tab, 0), "done")


@pytest.mark.long
async def test_a_fault_stands_by_its_field(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (_web, tab):
        await choose(tab, "Poster")
        await tab.locator("[data-field=colors] input[inputmode]").fill("99")
        await develop(tab)
        await expect(tab.locator("[data-field=photo] .fault")).to_have_text("A picture is required.")
        await expect(tab.locator("[data-field=colors] .fault")).to_contain_text("2 to 32")
        await expect(tab.locator("[data-field=photo] input")).to_be_focused()
        await expect(tab.locator("[data-field=photo] input")).to_have_attribute("aria-invalid", "true")
        await tab.get_by_role("slider", name="Colors").fill("7")
        notes: Any = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"}
        await tab.locator("[data-field=photo] input").set_input_files(notes)
        told = "notes.txt is not a picture. Please choose a picture."
        await expect(tab.locator("[data-field=photo] .fault")).to_have_text(told)
        words: Any = {"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"}
        await tab.locator("[data-field=photo] input").set_input_files(words)
        await develop(tab)
        await expect(tab.locator("[data-field=photo] .fault")).to_contain_text("words.png is not a picture")
        await tab.locator("[data-field=photo] input").set_input_files(PHOTO)
        await expect(tab.locator("[data-field=photo] .fault")).to_be_empty()
        await develop(tab)
        await reaches(message(tab), "done")
        await expect(message(tab)).to_contain_text("colors 7")


@pytest.mark.long
async def test_a_reload_and_a_second_tab_find_what_is_under_way(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, tab):
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        await tab.reload()
        await reaches(message(tab), "running")
        await expect(tab.locator("#form h2")).to_have_text("Gated")
        second = await tab.context.new_page()
        await second.goto(web.url)
        await reaches(message(second), "running")
        web.gates.open()
        for each in (tab, second):
            await reaches(message(each), "done")
            await expect(message(each).locator(".print img")).to_be_visible()


@pytest.mark.long
async def test_a_connection_that_breaks_in_the_middle(browser: Browser, tmp_path: Path) -> None:
    async with page(tmp_path) as web, relay(web.port) as wire, await browser.new_context() as context:
        tab = await context.new_page()
        await tab.goto(f"http://127.0.0.1:{wire.port}")
        await choose(tab, "Plain")
        await develop(tab)
        await reaches(message(tab), "done")
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        wire.cut()
        web.gates.open()
        await expect(tab.get_by_role("status")).to_have_text(re.compile("Connected again.|Gated is done."))
        await reaches(message(tab), "done")
        await expect(tab.locator("#runs article")).to_have_count(2)
        assert b"last-event-id: " in wire.sent.lower()
        assert wire.received.count(b"event: state") == 1  # not everything again


@pytest.mark.long
async def test_a_hidden_tab_gives_its_stream_up_and_catches_up(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, tab):
        await tab.clock.install()
        await tab.reload()
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        await _turn(tab, hidden=True)
        await tab.clock.fast_forward(31_000)
        web.gates.open()
        await _ended(web)
        await reaches(message(tab), "running")
        async with tab.expect_request(lambda request: "after=" in request.url) as request:
            await _turn(tab, hidden=False)
        assert re.search(r"after=[0-9a-f]{16}-\d+$", (await request.value).url)
        await reaches(message(tab), "done")


async def _turn(tab: Tab, *, hidden: bool) -> None:
    """Have a tab think that it is hidden, or seen again."""
    script = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await tab.evaluate(script, hidden)


async def _ended(web: Page) -> None:
    async def is_done() -> bool:
        return not await web.services.runs.counts()

    await until(is_done)


@pytest.mark.long
async def test_two_visitors_see_their_own(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, ann):
        ben = await browser.new_page()
        await ben.goto(web.url)
        await choose(ann, "Plain")
        await develop(ann)
        await reaches(message(ann), "done")
        await expect(ben.locator("#empty")).to_be_visible()
        url = await message(ann).locator(".print img").get_attribute("src")
        assert (await ann.request.get(f"{web.url}/{url}")).status == 200
        assert (await ben.request.get(f"{web.url}/{url}")).status == 404


@pytest.mark.long
async def test_a_restart_in_the_middle(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    async with page(tmp_path, ports=(port,)) as web:
        tab = await browser.new_page()
        await tab.goto(web.url)
        await choose(tab, "Polaroid")
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        await develop(tab)
        await reaches(message(tab), "done")
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
    await expect(tab.get_by_role("status")).to_contain_text("The connection is lost")
    await _note_all_that_is_said(tab)
    async with page(tmp_path, ports=(port,)) as web:
        await expect(tab.locator("#said")).to_have_attribute("data-all", re.compile("Connected again"))
        web.gates.open()
        await reaches(message(tab), "done")
        await expect(tab.locator("#runs article h3")).to_have_text(["Gated", "Polaroid"])
        await message(tab, 1).get_by_role("button", name="Again").click()
        await reaches(message(tab), "done")
        await expect(message(tab).locator("h3")).to_have_text("Polaroid")


@pytest.mark.long
async def test_again_change_use_and_delete(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (_web, tab):
        await choose(tab, "Polaroid")
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        await tab.get_by_label("Caption").fill("First")
        await expect(tab.locator(".counter")).to_have_text("5 of 60 characters")
        await develop(tab)
        await reaches(message(tab), "done")
        await message(tab).get_by_role("button", name="Details").click()
        await expect(message(tab).locator(".details pre").first).to_have_text("First")
        await message(tab).get_by_role("button", name="Copy").click()
        await expect(tab.locator("#said")).to_have_text("Copied.")
        await choose(tab, "Plain")
        await message(tab).get_by_role("button", name="Change").click()
        await expect(tab.locator("#form h2")).to_have_text("Polaroid")
        await expect(tab.get_by_label("Caption")).to_have_value("First")
        await expect(tab.locator(".drop .filename")).to_have_text("coffee.jpg")
        await tab.get_by_label("Caption").fill("Second")
        await develop(tab)
        await expect(message(tab)).to_contain_text("Second")
        await reaches(message(tab), "done")
        await choose(tab, "Sketch")
        await message(tab).get_by_role("button", name="Use as input").click()
        await message(tab).get_by_role("group", name="Use it in").get_by_role("button", name="Sketch").click()
        await expect(tab.locator("#form h2")).to_have_text("Sketch")
        await expect(tab.locator(".drop .filename")).to_have_text("coffee-polaroid.png")
        await develop(tab)
        await expect(message(tab).locator("h3")).to_have_text("Sketch")
        await reaches(message(tab), "done")
        await tab.get_by_role("searchbox").fill("first")
        await expect(tab.locator("#runs article:visible")).to_have_count(1)
        await expect(tab.locator("#runs article:visible")).to_contain_text("First")
        await tab.get_by_role("searchbox").fill("absent")
        await expect(tab.locator("#empty")).to_have_text("Nothing here has these words.")
        await tab.get_by_role("searchbox").fill("")
        await expect(tab.locator("#runs article:visible")).to_have_count(3)
        await message(tab).get_by_role("button", name="Delete").click()
        await expect(tab.locator("#runs article")).to_have_count(2)
        await expect(tab.locator(".undo")).to_contain_text("Deleted 1. You can undo it for 10 seconds")
        await tab.get_by_role("button", name="Undo").click()
        await expect(tab.locator("#runs article")).to_have_count(3)
        await expect(tab.locator("#said")).to_have_text("Nothing was deleted.")
        await expect(message(tab).locator("h3")).to_have_text("Sketch")  # where it was


@pytest.mark.long
async def test_values_are_kept_as_a_preset_which_fills_the_form_in(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (_web, tab):
        await choose(tab, "Polaroid")
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        await tab.get_by_label("Caption").fill("By the {sea|sea}")
        await develop(tab)
        await reaches(message(tab), "done")
        await expect(message(tab)).to_contain_text("By the sea")
        await message(tab).get_by_role("button", name="Save as preset").click()
        await tab.get_by_label("Name of the preset").fill("Sea")
        await message(tab).get_by_role("button", name="Save", exact=True).click()
        await expect(tab.locator("#said")).to_contain_text("as your preset “Sea”")
        await expect(tab.get_by_label("Name of the preset")).to_have_count(0)
        await choose(tab, "Plain")
        async with held(tab, "**/presets"):
            await tab.get_by_role("button", name="Your presets").click()
            await expect(tab.locator(".shelf")).to_be_visible()
            await expect(tab.locator(".presets li")).to_have_count(0)  # what the answer would replace
        await tab.get_by_role("button", name="Rename: Sea").click()
        await tab.get_by_label("New name").fill("Seaside")
        await tab.keyboard.press("Enter")
        await tab.get_by_role("button", name="Fill in: Seaside").click()
        await expect(tab.locator("#form h2")).to_have_text("Polaroid")
        await expect(tab.get_by_label("Caption")).to_have_value("By the {sea|sea}")
        await tab.get_by_role("button", name="Your presets").click()
        await tab.get_by_role("button", name="Share by a code: Seaside").click()
        await expect(tab.locator(".shelf > .about")).to_contain_text("Who has the code")
        code = re.search(r"the code (\w+)", await tab.locator(".shelf > .about").inner_text())
        assert code is not None
        await tab.get_by_label("Code of another person's preset").fill(code[1])
        await tab.keyboard.press("Enter")
        await expect(tab.locator(".presets li")).to_have_count(2)
        await tab.get_by_role("button", name="Use by default: Seaside", exact=True).click()
        await expect(tab.get_by_role("button", name="No longer by default: Seaside", exact=True)).to_have_count(1)
        await tab.reload()
        await choose(tab, "Polaroid")
        await expect(tab.get_by_label("Caption")).to_have_value("By the {sea|sea}")
        await tab.get_by_role("button", name="Your presets").click()
        await tab.get_by_role("button", name="Delete: Seaside", exact=True).click()
        await tab.get_by_text("Delete permanently?").click()
        await expect(tab.locator(".presets li")).to_have_count(1)
        await tab.keyboard.press("Escape")
        await expect(tab.get_by_label("Caption")).to_have_value("")


@pytest.mark.long
@pytest.mark.long
async def test_several_files_are_a_run_each_and_a_code_joins_accounts(browser: Browser, tmp_path: Path) -> None:
    elsewhere = Person("telegram", "5", "Ann")
    async with opened(browser, tmp_path) as (web, tab):
        await choose(tab, "Negative")
        await tab.locator("#form .drop input").set_input_files([PHOTO, PHOTO])
        await expect(tab.locator("#form .filename")).to_have_text("2 files: a run for each")
        await develop(tab)
        card = tab.locator("#runs > li > article").first
        await expect(card.locator(".pill").first).to_have_text("2 of 2")
        await tab.get_by_role("button", name="Accounts").click()
        await tab.get_by_role("button", name="Make a code").click()
        edges = "sheet => new Set([...sheet.children].map(each => each.getBoundingClientRect().left)).size"
        assert await tab.locator(".accounts").evaluate(edges) == 1  # its head and all below begin in one line
        told = tab.locator(".accounts [role=status]")
        await expect(told).to_contain_text("Your code is")
        code = (await told.inner_text()).split("Your code is ")[1][:11]
        links, here = web.services.links, Place("telegram", "5")
        assert "the page" in await links.join(elsewhere, here, code, sure=True)
        assert len((await web.services.history.page(elsewhere)).runs) == 2
        await links.end(elsewhere)
        code = (await links.start(elsewhere, here)).split("Your code is ")[1][:11]
        await tab.get_by_label("Code of your other account").fill(code)
        await tab.get_by_role("button", name="Join", exact=True).click()
        await expect(told).to_contain_text("This is the code of Ann on Telegram")
        await tab.get_by_role("button", name="That is me: join").click()
        await expect(tab.locator(".accounts li")).to_have_text("Joined with Ann on Telegram.")
        await _is_accessible(tab)
        await tab.get_by_role("button", name="Delete my data").press("Enter")
        asked = tab.get_by_role("dialog", name="Delete my data")
        await expect(asked).to_contain_text("This deletes 2 runs with their files and 0 presets of this account")
        await expect(asked).to_contain_text("no longer joined with this one: Ann on Telegram.")
        await _is_accessible(tab)
        await tab.keyboard.press("Escape")
        await tab.get_by_role("button", name="Part this account").click()
        await expect(tab.locator(".accounts li")).to_have_count(0)
        await tab.get_by_role("button", name="Delete my data").press("Enter")
        await expect(asked.get_by_role("button", name="Yes, of all my accounts")).to_have_count(0)
        await asked.get_by_role("button", name="Yes, delete everything").press("Enter")
        await expect(asked).to_have_text(re.compile("2 runs are deleted"))
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#empty .starter").first).to_be_visible()


@pytest.mark.long
async def test_several_at_once_fill_one_card(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with opened(browser, tmp_path) as (web, tab), busy(web):
        await choose(tab, "Seeded")
        await tab.get_by_label("Another number").fill("3")
        await tab.get_by_role("textbox", name="Seed").fill("7")
        await _note_all_that_is_said(tab)
        await develop(tab)
        await expect(queued(tab).locator(".cells article")).to_have_count(3)
        web.gates.open()
        cards = tab.locator("#runs > li > article")
        card, cells = cards.first, cards.first.locator(".cells article")
        await expect(card.locator(".pill").first).to_have_text("3 of 3")
        await expect(cells.locator("h4")).to_have_text(["1", "2", "3"])
        await expect(cells.locator("img")).to_have_count(3)
        await expect(tab.locator("#said")).to_have_attribute("data-all", re.compile("all have ended"))
        await expect(tab.locator("#said")).not_to_have_attribute(
            "data-all", re.compile("is done")
        )  # while others are not
        await _is_accessible(tab)
        await cells.nth(1).get_by_role("button", name="Delete").click()
        await expect(cells.locator("h4")).to_have_text(["1", "3"])
        await cells.first.get_by_role("button", name="Vary").click()
        await expect(cards).to_have_count(2)
        await expect(cards.first.locator(".pill").first).to_have_text("3 of 3")
        await cards.nth(1).locator(":scope > .buttons").get_by_role("button", name="Again").click()
        await expect(cards).to_have_count(3)
        await expect(cards.first.locator(".pill").first).to_have_text("3 of 3")
        await tab.reload()
        await expect(cards).to_have_count(3)
        await cards.first.locator(":scope > .buttons").get_by_role("button", name="Change").click()
        await expect(tab.get_by_label("Another number")).to_have_value("3")
        await expect(tab.get_by_role("textbox", name="Seed")).to_have_value("")
        await cards.first.locator(":scope > .buttons").get_by_role("button", name="Delete").click()
        await expect(cards).to_have_count(2)
        await tab.keyboard.press("Control+z")
        await expect(cards).to_have_count(3)
        await expect(cards.first.locator(".pill").first).to_have_text("3 of 3")


@pytest.mark.long
@pytest.mark.long
async def test_a_recipe_goes_on_from_the_step_that_failed(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> gate")
    async with opened(browser, tmp_path, nodes=gate_that_fails_once()) as (_web, tab):
        await choose(tab, "Film")
        await develop(tab)
        cards = tab.locator("#runs > li > article")
        await cards.first.get_by_role("button", name="Go on").click()
        await expect(cards).to_have_count(2)
        await expect(cards.first.locator(".pill").first).to_have_text("Done")
        await expect(cards.first.locator("img").last).to_be_visible()


@pytest.mark.long
async def test_a_group_that_waits_is_cancelled_with_one_button(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with opened(browser, tmp_path) as (_web, tab):
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        await choose(tab, "Seeded")
        await tab.locator(".several .segments label", has_text="2").click()
        await develop(tab)
        await queued(tab).get_by_role("button", name="Cancel").click()
        card = tab.locator("#runs > .group > article")
        await expect(card.locator(".cells .pill")).to_have_text(["Cancelled", "Cancelled"])


async def _note_all_that_is_said(tab: Tab) -> None:
    await tab.locator("#said").evaluate(
        "said => window.told = new MutationObserver(() => said.dataset.all = "
        "`${said.dataset.all ?? ''} ${said.textContent}`).observe(said, { childList: true })"
    )


@pytest.mark.long
async def test_far_down_the_page_a_new_run_is_announced_or_shown(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, viewport={"width": 1200, "height": 600}) as (web, tab):
        await choose(tab, "Polaroid")
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        for number in range(3):
            await develop(tab)
            await expect(tab.locator("#runs article")).to_have_count(number + 1)
            await reaches(message(tab), "done")
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        await develop(tab)
        await expect(tab.locator("#queue article")).to_have_count(1)
        await choose(tab, "Negative")
        await _note_all_that_is_said(tab)
        again = message(tab, 3).get_by_role("button", name="Again")
        await again.click()
        await expect(tab.locator("#said")).to_have_attribute("data-all", re.compile("Polaroid: In line"))
        web.gates.open()
        await expect(tab.locator("#runs article")).to_have_count(6)
        await reaches(message(tab), "done")
        await message(tab, 5).get_by_role("button", name="Change").click()
        await develop(tab)
        await expect(tab.locator("#runs article")).to_have_count(7)
        await expect(message(tab).locator("h3")).to_be_in_viewport()
        await tab.reload()
        await expect(tab.locator("#form h2")).to_have_text("Polaroid")


@pytest.mark.long
async def test_change_says_what_has_changed_since_the_run(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (web, tab):
        await choose(tab, "Plain")
        await develop(tab)
        await reaches(message(tab), "done")
        sidecar = tmp_path / "workflows" / "plain.toml"
        sidecar.write_text(sidecar.read_text() + "[fields.width]\ntarget = '#1.width'\n")

        async def is_new() -> bool:
            return "width" in web.services.workflows.catalog.get("plain").form().names

        await until(is_new)
        await tab.reload()
        await expect(tab.locator("#form .warning")).to_be_hidden()
        await message(tab).get_by_role("button", name="Change").click()
        await expect(tab.locator("#form .warning")).to_have_text("“Plain” has changed since that run. New: Width.")


@pytest.mark.long
async def test_a_picture_is_pasted(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (_web, tab):
        await choose(tab, "Negative")
        script = """(text) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], "clip.jpg", { type: "image/jpeg" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
        }"""
        await tab.evaluate(script, base64.b64encode(PHOTO.read_bytes()).decode())
        await expect(tab.locator(".drop .filename")).to_have_text("clip.jpg")
        await develop(tab)
        await reaches(message(tab), "done")


@pytest.mark.long
async def test_films_and_sounds_are_given_and_played_and_texts_read_in_place(browser: Browser, tmp_path: Path) -> None:
    write_reel(tmp_path)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes(bytes(2 * 8000))
    async with page(tmp_path, nodes=reel()) as web, await browser.new_context(accept_downloads=True) as context:
        tab = await context.new_page()
        parts: list[int] = []
        tab.on("response", lambda answer: parts.append(answer.status) if "/files/" in answer.url else None)
        await tab.goto(web.url)
        await choose(tab, "Reel")
        film = tab.locator("[data-field=film]")
        await film.locator("input").set_input_files(tmp_path / "tone.wav")
        await expect(film.locator(".fault")).to_contain_text("tone.wav")
        await film.locator("input").set_input_files(CLIP)
        await expect(film.locator("video")).to_have_js_property("duration", 2)
        await tab.locator("[data-field=sound] input").set_input_files(tmp_path / "tone.wav")
        await expect(tab.locator("[data-field=sound] audio")).to_have_js_property("duration", 1)
        await tab.get_by_role("textbox", name="Words").fill("Roll it")
        await tab.get_by_role("combobox", name="Style").select_option("wild")
        await tab.get_by_role("slider", name="Speed").fill("1.5")
        await tab.get_by_role("switch", name="Loop").check()
        await tab.get_by_role("button", name="Roll a new seed").click()
        await _is_accessible(tab)
        await develop(tab)
        await reaches(message(tab), "done")
        await expect(message(tab).locator(":scope > pre")).to_contain_text("Roll it True")
        await expect(message(tab).locator(":scope > pre")).to_contain_text("1.5 wild 1")
        await expect(message(tab).locator("audio")).to_have_js_property("duration", 1)
        video = message(tab).locator("video")
        await expect(video).to_have_js_property("duration", 2)
        await video.evaluate("(video) => { video.muted = true; video.currentTime = 1.5; return video.play(); }")
        await expect(video).to_have_js_property("readyState", 4)
        assert await video.evaluate("(video) => [video.paused, video.videoWidth]") == [False, 96]
        assert set(parts) == {206}
        await _is_accessible(tab)
        async with tab.expect_download() as download:
            await message(tab).get_by_role("link", name="Download").first.click()
        await (await download.value).save_as(tmp_path / "saved.webm")
        shutil.copy(CLIP, tmp_path / "plain.webm")
        assert await asyncio.to_thread(strip, tmp_path / "plain.webm")
        assert (tmp_path / "saved.webm").read_bytes() == (tmp_path / "plain.webm").read_bytes()


@pytest.mark.long
async def test_colours_3d_files_and_what_is_folded(browser: Browser, tmp_path: Path) -> None:
    write_parcel(tmp_path / "workflows")
    for name, content in (("statue.glb", STATUE), ("list.txt", b"two spoons")):
        (tmp_path / name).write_bytes(content)
    async with page(tmp_path, nodes=parcel()) as web, await browser.new_context() as context:
        tab = await context.new_page()
        await tab.goto(web.url)
        await choose(tab, "Parcel")
        await tab.locator("[data-field=shade] input[type=color]").fill("#ff0000")
        await expect(tab.get_by_role("textbox", name="Shade")).to_have_value("#ff0000")
        await tab.get_by_role("combobox", name="Size").select_option("wide")
        statue = tab.locator("[data-field=statue]")
        await statue.locator("input").set_input_files(tmp_path / "list.txt")
        await expect(statue.locator(".fault")).to_contain_text("list.txt is not a 3D file")
        await statue.locator("input").set_input_files(tmp_path / "statue.glb")
        await expect(statue.locator(".filename")).to_have_text("statue.glb")
        await tab.locator("[data-field=paper] input").set_input_files(tmp_path / "list.txt")
        await expect(tab.get_by_role("textbox", name="Width")).to_be_hidden()
        await tab.get_by_text("More", exact=True).click()
        await tab.get_by_role("textbox", name="Width").fill("many")
        await _is_accessible(tab)
        await tab.get_by_text("More", exact=True).click()
        await develop(tab)
        await expect(tab.get_by_role("textbox", name="Width")).to_be_focused()  # the fault is within what was folded
        await tab.get_by_role("textbox", name="Width").fill("48")
        await develop(tab)
        await reaches(message(tab), "done")
        await expect(message(tab).locator(":scope > pre")).to_contain_text("3d .glb two spoons careful")
        await expect(message(tab).locator("img").first).to_have_js_property("naturalWidth", 48)


async def test_a_phone(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **PHONE) as (_web, tab):
        await choose(tab, "Polaroid")
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        await develop(tab)
        await reaches(message(tab), "done")
        await expect(message(tab).locator("h3")).to_be_in_viewport()
        assert await tab.evaluate("document.documentElement.scrollWidth") == 390
        box = await message(tab).locator(".print").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        await message(tab).locator(".print").tap()
        await expect(tab.get_by_role("dialog")).to_be_visible()
        ARTIFACTS.mkdir(exist_ok=True)
        await tab.get_by_role("button", name="Close").tap()
        await tab.screenshot(path=ARTIFACTS / "page-phone.png")


@pytest.mark.long
async def test_words_at_the_top_are_whole_on_a_small_phone(browser: Browser, tmp_path: Path) -> None:
    small = {**PHONE, "viewport": {"width": 360, "height": 640}}
    async with opened(browser, tmp_path, **small) as (_web, tab):
        await choose(tab, "Plain")
        await develop(tab)
        await reaches(message(tab), "done")
        await tab.reload()  # nothing is said any longer: that takes the room of a link
        await reaches(message(tab), "done")
        for name in ("Gallery", "Studio", "Control room"):
            link = tab.get_by_role("link", name=name, exact=True)
            await expect(link).to_be_in_viewport(ratio=1)
            assert await link.evaluate("each => each.scrollWidth <= each.clientWidth || !each.clientWidth")
        await expect(tab.get_by_role("heading", name="Darkroom")).to_be_attached()
        words = "each => { each.value = each.placeholder; return each.scrollWidth <= each.clientWidth }"
        assert await tab.locator("#find").evaluate(words)
        ARTIFACTS.mkdir(exist_ok=True)
        await tab.screenshot(path=ARTIFACTS / "page-small.png")


async def test_the_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, reduced_motion="reduce") as (_web, tab):
        chosen: asyncio.Future[FileChooser] = asyncio.get_running_loop().create_future()
        tab.on(
            "filechooser", lambda chooser: chosen.set_result(chooser)
        )  # from the start: it takes the browser a moment to heed it
        await tab.keyboard.press("Tab")
        await expect(tab.locator(".skip")).to_be_focused()
        await tab.keyboard.press("Tab")
        await expect(tab.get_by_role("link", name="Gallery")).to_be_focused()
        for name in ("Studio", "Control room"):
            await tab.keyboard.press("Tab")
            await expect(tab.get_by_role("link", name=name)).to_be_focused()
        await tab.keyboard.press("Tab")
        await expect(tab.locator("#form h2 button")).to_be_focused()
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("combobox", name="Find a workflow")).to_be_focused()
        while "Polaroid" not in await tab.locator(".picker .active").inner_text():
            await tab.keyboard.press("ArrowDown")
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#form h2")).to_have_text("Polaroid")
        await _tab_to(tab, tab.locator("#form .drop input"))
        await tab.keyboard.press("Enter")
        await (await asyncio.wait_for(chosen, PATIENCE)).set_files(PHOTO)
        await _tab_to(tab, tab.get_by_label("Caption"))
        await tab.keyboard.type("By hand")
        await _tab_to(tab, tab.get_by_role("button", name="Develop"))
        await tab.keyboard.press("Enter")
        await reaches(message(tab), "done")
        await _tab_to(tab, message(tab).locator(".print"))
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("dialog")).to_be_visible()
        await tab.keyboard.press("Escape")
        await expect(tab.get_by_role("dialog")).to_have_count(0)
        await expect(message(tab).locator(".print")).to_be_focused()
        await _tab_to(tab, message(tab).get_by_role("button", name="Delete"))
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#empty")).to_be_visible()
        await expect(tab.locator("#conversation")).to_be_focused()


async def _tab_to(tab: Tab, target: Locator) -> None:
    for _press in range(30):
        await tab.keyboard.press("Tab")
        if await target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.long
async def test_nothing_stands_in_anybodys_way(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    async with opened(browser, tmp_path, color_scheme=scheme, reduced_motion="reduce") as (_web, tab):
        await expect(tab.locator("#empty")).to_be_visible()
        await _is_accessible(tab)
        await choose(tab, "Poster")
        await develop(tab)
        await expect(tab.locator("[data-field=photo] .fault")).to_be_visible()
        await _is_accessible(tab)
        await tab.locator("#form .drop input").set_input_files(PHOTO)
        await develop(tab)
        await reaches(message(tab), "done")
        await choose(tab, "Gated")
        await develop(tab)
        await reaches(message(tab), "running")
        for count in (1, 2):
            await develop(tab)
            await expect(tab.locator("#queue article")).to_have_count(count)
        await tab.locator("#queue summary").click()
        await queued(tab, 1).get_by_role("button", name="Cancel").click()
        await reaches(message(tab, 1), "cancelled")
        await reaches(queued(tab), "waiting")
        await _is_accessible(tab)
        await tab.locator(".print").first.click()
        await expect(tab.get_by_role("dialog")).to_be_visible()
        await _is_accessible(tab)


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.long), "dark"])
@pytest.mark.long
async def test_the_login(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    async with page(tmp_path, token=Secret("open-sesame")) as web:
        tab = await (await browser.new_context(color_scheme=scheme)).new_page()
        await tab.goto(web.url)
        await tab.get_by_label("Token").fill("wrong")
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("alert")).to_have_text("That is not the token.")
        await _is_accessible(tab)
        await tab.get_by_label("Token").fill("open-sesame")
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#form h2")).to_be_visible()
        await expect(tab.locator("#empty")).to_be_visible()


async def _is_accessible(tab: Tab) -> None:
    results = await Axe().run(tab)
    assert results.violations_count == 0, results.generate_report()


async def test_the_page_is_light_and_quick(browser: Browser, tmp_path: Path) -> None:
    async with page(tmp_path) as web:
        tab = await browser.new_page()
        answers: list[Response] = []
        tab.on("response", lambda answer: answers.append(answer))
        await tab.goto(web.url)
        await expect(tab.locator("#empty")).to_be_visible()
        apart = re.compile(r"/(stream|cards/.*)$")
        own = [answer for answer in answers if not apart.search(urlsplit(answer.url).path)]
        assert sum([len(await answer.body()) for answer in own]) < 120_000
        assert {urlsplit(answer.url).netloc for answer in answers} == {f"127.0.0.1:{web.port}"}
