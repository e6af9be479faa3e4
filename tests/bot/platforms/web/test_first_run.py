"""A newcomer's first run, as a person does it in a browser: from an empty folder to a picture on Discord."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from bot.settings import Settings, names
from tests.bot.core.sources.saving import LibraryServer, save, saved_graph
from tests.bot.forks import Forked, fork
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, ready, results
from tests.bot.platforms.telegram.server import BOT, TOKEN, bot_api
from tests.bot.platforms.web.conftest import CHROMIUM, reads_from_the_right
from tests.bot.platforms.web.test_browser import ARTIFACTS, PHONE, choose, develop, message, reaches
from tests.comfy.test_server import Proxy
from tests.ports import free_port

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]


@asynccontextmanager
async def start(folder: Path, **settings: str) -> AsyncIterator[tuple[Forked, str]]:
    """`darkroom start` in an empty folder: the process, and the address with the key. What is left of it is killed."""
    (folder / "empty").mkdir(exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if name not in names()}
    environ |= {"HOME": str(folder), "DARKROOM_WEB_PORT": str(free_port()), **settings}
    with (folder / "log").open("wb") as log:
        process = await fork("bot.__main__", "start", env=environ, folder=folder / "empty", log=log.fileno())
    try:
        said = [(await process.said.readline()).decode().strip() for _line in range(3)]
        yield process, said[1]
    finally:
        process.kill()
        await process.wait()


async def _looks_well(tab: Tab, name: str) -> None:
    """No complaint of axe-core, by day and by night, on a desk and on a phone; nothing is wider than the screen, there
    and right-to-left.
    """
    await reads_from_the_right(tab)
    for scheme in ("light", "dark"):
        await tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width, height in ((390, 844), (1280, 800)):
            await tab.set_viewport_size({"width": width, "height": height})
            wide = await tab.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, (name, width)
            found = await Axe().run(tab)
            assert found.violations_count == 0, found.generate_report()
            ARTIFACTS.mkdir(exist_ok=True)
            await tab.screenshot(path=ARTIFACTS / f"setup-{name}-{scheme}-{width}.png", full_page=True)


async def _press(tab: Tab, name: str) -> None:
    """Press a button with the keyboard."""
    await tab.get_by_role("button", name=name, exact=True).press("Enter")


async def _onward(tab: Tab) -> None:
    await tab.get_by_role("link", name="Next").press("Enter")


async def test_a_newcomer_comes_from_an_empty_folder_to_a_picture_on_discord(browser: Browser, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(FakeDiscord())
        telegram = await stack.enter_async_context(bot_api())
        comfy = await stack.enter_async_context(LibraryServer())
        channel = discord.add_channel(discord.add_guild(ALICE))
        await save(comfy.url, "my sea.json", saved_graph(5), folder="workflows")
        wire = {"DISCORD_API_BASE": discord.api_base, "TELEGRAM_API_URL": telegram.url}

        async with start(tmp_path, **wire) as (process, address):
            async with aiohttp.ClientSession() as session:
                assert (await session.head(address)).status == 403  # that does not use the key up
            tab = await (await browser.new_context()).new_page()
            await tab.goto(address)
            await expect(tab.locator("h2")).to_have_text("Where is your ComfyUI?")
            found = tab.get_by_role("button", name="Remove")
            for _found in range(await found.count()):  # of whoever runs the tests
                await found.first.press("Enter")
                await expect(tab.get_by_text("Removed.")).to_be_visible()
            await expect(tab.get_by_text("There is no ComfyUI yet.")).to_be_visible()
            field = tab.get_by_label("Address of a ComfyUI")
            await field.fill(f"http://127.0.0.1:{free_port()}")
            await field.press("Enter")
            await expect(tab.locator("#address-fault")).to_contain_text("No ComfyUI answers there")
            await expect(field).to_be_focused()
            await _looks_well(tab, "wrong")
            await field.fill("what")
            await field.press("Enter")
            await expect(tab.locator("#address-fault")).to_contain_text("http://what")
            async with Proxy(comfy.url, "Bearer sesame").serve() as behind:
                await field.fill(behind)
                await field.press("Enter")
                secret = tab.get_by_label("Token of the ComfyUI")
                await expect(tab.locator("#server_token-fault")).to_contain_text("asks for a token")
                await expect(secret).to_be_focused()
                await _looks_well(tab, "token")
                await secret.fill("sesame")
                await secret.press("Enter")
                await expect(tab.locator(".setup-rows")).to_contain_text("ComfyUI 0.")
                assert "sesame" not in await tab.content()
                await _press(tab, f"Remove: {behind.removesuffix('/')}")
            await field.fill(comfy.url)
            await field.press("Enter")
            await expect(tab.locator(".setup-rows")).to_contain_text("ComfyUI 0.")
            await _onward(tab)

            token = tab.get_by_label("Token of your Discord bot")
            await token.fill("wrong")
            await token.press("Enter")
            await expect(tab.locator("#discord-fault")).to_have_text("Discord does not know this token.")
            await expect(token).to_have_attribute("aria-invalid", "true")
            await expect(token).to_have_value("")  # a secret is not sent back, even a wrong one
            await token.fill(discord.token)
            await token.press("Enter")
            link = tab.get_by_role("link", name="oauth2/authorize")
            assert "client_id=4242" in str(await link.get_attribute("href"))
            await expect(tab.get_by_role("img", name="Invite user4242")).to_be_visible()

            # Another browser gets nowhere with the same key, and no program without it.
            other = await (await browser.new_context()).new_page()
            await other.goto(address)
            await expect(other.get_by_role("alert")).to_contain_text("used by another browser")
            async with aiohttp.ClientSession() as session:
                page = address.partition("?")[0]
                for given in (page, f"{page}?key=guess", f"{page}?step=chats"):
                    assert (await session.get(given)).status == 403
                assert (await session.post(page, data={"act": "look"})).status == 403
                assert (await session.get(page, headers={"Host": "evil.example"})).status == 421
                assert (await session.get(address, headers={"X-Forwarded-For": "8.8.8.8"})).status == 403
            process.kill()
            await process.wait()

        # Killed in the middle of it: what was checked is there, and nothing of it shows the token.
        async with start(tmp_path, **wire) as (process, address):
            tab = await (await browser.new_context()).new_page()
            await tab.goto(address)
            await expect(tab.locator(".setup-rows")).to_contain_text(comfy.url)
            await _onward(tab)
            await expect(tab.locator(".setup-good")).to_have_count(1)
            assert discord.token not in (await tab.content()).split('"')
            allowed = tab.get_by_label("Who may use it")
            await tab.get_by_label("Token of your Telegram bot").fill(TOKEN)
            await allowed.fill("")
            await _press_in(tab, "Check the token")
            await expect(tab.locator("#allowed-fault")).to_contain_text("Say who may use it")
            await allowed.fill("@ann")
            await tab.get_by_label("Token of your Telegram bot").fill(TOKEN)
            await _press_in(tab, "Check the token")
            await expect(tab.locator(".setup-good")).to_have_count(2)
            await _looks_well(tab, "chats")
            await _onward(tab)

            await tab.get_by_label("Search the library").fill("sheet")
            await _press(tab, "Search")
            await expect(tab.get_by_role("list", name="Found")).to_contain_text("The server lacks the nodes LostNode")
            await _press(tab, "Pick: A blank sheet")
            await tab.get_by_text("Saved in your ComfyUI (1)").click()
            await _press(tab, "Pick: my sea")
            await expect(tab.get_by_role("list", name="Picked").get_by_role("listitem")).to_have_count(2)
            await _looks_well(tab, "workflows")
            await tab.get_by_role("checkbox", name="Polaroid").press(" ")
            await _press(tab, "Next")
            await _looks_well(tab, "page")
            await _press(tab, "Next")
            await expect(tab.locator("dl")).to_contain_text(f"Telegram: {BOT['username']}")
            await _looks_well(tab, "start")
            await _press(tab, "Start Darkroom")

            # The bot is there, in the same process: the first picture, on the page and then on Discord.
            await tab.wait_for_url("**:*/")
            await choose(tab, "A blank sheet")
            await develop(tab)
            await reaches(message(tab), "done")
            await expect(tab.get_by_text("Darkroom runs.")).to_be_visible()
            assert process.returncode is None
            await discord.until(lambda: ready(discord))
            await discord.slash(ALICE, channel, "my_sea")
            assert await results(discord, channel)
        _written(tmp_path, comfy.url, discord.token)


def _written(folder: Path, comfy: str, token: str) -> None:
    file = folder / "empty" / ".env"
    assert [each.name for each in file.parent.iterdir()] == [".env"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = Settings.read({}, file)
    assert (made.urls, made.web, made.web_token, made.telegram_allowed) == ((comfy,), True, None, ("@ann",))
    assert made.discord_token is not None
    assert made.discord_token.reveal() == token
    chosen = made.default_workflows.split(",")
    assert {"a_blank_sheet", "my_sea", "negative"} <= set(chosen)
    assert "polaroid" not in chosen
    assert not (folder / ".darkroom" / "setup.json").exists()


async def _press_in(tab: Tab, name: str) -> None:
    await tab.get_by_role("button", name=name).last.press("Enter")


async def test_the_page_gets_a_token_and_settings_that_appear_meanwhile_stay(browser: Browser, tmp_path: Path) -> None:
    async with start(tmp_path) as (_process, address):
        context = await browser.new_context(**PHONE)
        tab = await context.new_page()
        await tab.goto(address)
        await tab.goto(address.replace(address.partition("?")[2], "step=page"))
        await tab.get_by_role("radio", name="Other computers").check()
        token = tab.get_by_label("Token of the page")
        await token.fill("short")
        await _press(tab, "Next")
        await expect(tab.locator("#token-fault")).to_have_text("Use at least 12 characters.")
        await token.fill("a-long-enough-token")
        await _press(tab, "Next")
        file = tmp_path / "empty" / ".env"
        file.write_text("DARKROOM_WEB=on\n")
        await _press(tab, "Start Darkroom")
        await expect(tab.get_by_text("There is a file .env already")).to_be_focused()
        assert file.read_text() == "DARKROOM_WEB=on\n"
        file.unlink()
        await _press(tab, "Start Darkroom")

        # This browser is let in at once, and is the operator's; another one has to enter the token.
        await tab.wait_for_url("**:*/")
        await tab.goto(f"{tab.url}moderate")
        await expect(tab.locator("h1")).to_have_text("Control room")
        await expect(tab.locator("main .fault")).to_have_count(0)
        other: Any = await (await browser.new_context()).new_page()
        await other.goto(tab.url.replace("moderate", ""))
        await expect(other.get_by_label("Token")).to_be_visible()
    made = Settings.read({}, file)
    assert made.web_token is not None
    assert (made.web_host, made.web_token.reveal()) == ("0.0.0.0", "a-long-enough-token")  # noqa: S104 - as chosen


async def test_who_presses_before_the_script_is_there_is_led_on_as_well(browser: Browser, tmp_path: Path) -> None:
    async with start(tmp_path) as (process, address):
        context = await browser.new_context(java_script_enabled=False)
        tab = await context.new_page()
        await tab.goto(address)
        page = address.partition("?")[0]
        await tab.goto(f"{page}?step=start")
        file = tmp_path / "empty" / ".env"
        file.write_text("DARKROOM_WEB=on\n")
        await _press(tab, "Start Darkroom")
        await expect(tab.get_by_role("alert")).to_contain_text("There is a file .env already")
        await expect(tab.get_by_role("alert")).to_be_focused()
        await expect(tab.locator(".setup-steps [aria-current]")).to_have_text("Start")
        file.unlink()
        answer = await context.request.post(f"{page}/finish")
        told = await answer.text()
        assert "the settings are written, and the bot starts" in told
        assert '<a href="../">' in told
        assert answer.headers["refresh"].endswith("url=../")
        assert process.returncode is None
    assert Settings.read({}, file).web


async def test_it_can_be_tried_with_the_built_in_engine_first(browser: Browser, tmp_path: Path) -> None:
    async with start(tmp_path) as (_process, address):
        tab = await (await browser.new_context()).new_page()
        await tab.goto(address)
        await _press(tab, "Just try it with the built-in engine")
        await tab.wait_for_url("**:*/")
        await expect(tab.get_by_text("This is a demo")).to_be_visible()
    told = (tmp_path / "log").read_text()
    assert f"nothing is set up in {tmp_path / 'empty'}: waiting for a browser" in told
    assert address.rpartition("=")[2] not in told
    assert list((tmp_path / "empty").iterdir()) == []
