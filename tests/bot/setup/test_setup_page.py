"""The page of the first setup against browsers and programs that are not the person's, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import ClientSession
from yarl import URL

from bot.core.together import together
from bot.platforms.web.setup.page import STEPS
from bot.platforms.web.setup.server import set_up
from tests.bot.setup.test_first_setup import service
from tests.ports import free_port


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[ClientSession, str, str]]:
    """The browser that showed the key, the address of the page, and that address with the key."""
    jar = aiohttp.CookieJar(unsafe=True)  # of an address without a name
    async with set_up(service(folder), [free_port()]) as (address, _ended), ClientSession(cookie_jar=jar) as session:
        assert (await session.get(address)).status == 200
        yield session, address.partition("?")[0], address


async def test_the_key_is_neither_in_the_address_nor_in_an_answer_after_its_use(tmp_path: Path) -> None:
    async with opened(tmp_path) as (session, page, address), ClientSession() as other:
        key = URL(address).query["key"]
        answer = await session.get(address)  # the button Back of the browser
        assert (answer.status, answer.url) == (200, URL(page))
        assert key not in await answer.text()
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        for again in (address, f"{page}?key=", f"{page}?key=%ff", f"{page}?key={'x' * 5000}"):
            refused = await other.get(again)
            assert refused.status == 403, again
            assert key not in await refused.text()


#: What other sites and programs make a browser send with its cookie, and the answers.
FOREIGN = [
    ({"Host": "evil.example"}, 421),
    ({"Host": "127.0.0.1.evil.example"}, 421),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),  # another program of this computer
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403),
    ({"X-Forwarded-For": "8.8.8.8"}, 403),
    ({"Content-Type": "text/plain"}, 422),
    ({"Content-Type": "application/json"}, 422),
    ({"Content-Type": "multipart/form-data; boundary=x"}, 422),
]


async def test_no_other_site_presses_its_buttons(tmp_path: Path) -> None:
    async with opened(tmp_path) as (session, page, _address):
        for headers, status in FOREIGN:
            pressed = b"act=protect&others=yes&token=a-long-enough-token"
            assert (await session.post(page, data=pressed, headers=headers)).status == status, headers
        assert "for this computer alone" in await (await session.get(f"{page}?step=start")).text()
        assert (await session.post(page, data={"act": "add", "address": "x" * 200_000})).status == 413
        assert (await session.post(page, data={"act": "nonsense"})).status == 400


async def test_start_that_is_pressed_twice_starts_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (session, page, _address):
        answers = await together(*(session.post(f"{page}/finish") for _press in range(3)))
        assert [each.status for each in answers] == [200] * 3
        assert (tmp_path / ".env").exists()


async def test_settings_that_cannot_be_written_are_told_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (session, page, _address):
        (tmp_path / ".env.trial").mkdir()  # as a folder without the right to write there: no file can be made
        for step in STEPS:
            shown = await (await session.get(f"{page}?step={step}")).text()
            assert f'role="alert"><bdi dir="ltr">{tmp_path / ".env"}</bdi> cannot be written' in shown, step
        (tmp_path / ".env.trial").rmdir()
        assert "cannot be written" not in await (await session.get(page)).text()
        assert not (tmp_path / ".env.trial").exists()
