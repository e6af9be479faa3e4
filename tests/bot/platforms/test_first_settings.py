from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from bot.app import App
from bot.core.servers.nearby import nearby
from bot.platforms.terminal.commands import cli
from bot.settings import Secret, Settings, example, names
from bot.setup.env_file import filled
from comfy.embedded import EmbeddedServer
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.telegram.server import TOKEN, BotApi, bot_api
from tests.comfy.test_server import Proxy
from tests.patience import PATIENCE
from tests.ports import free_port

URL = "http://127.0.0.1:8188"
_T = TypeVar("_T")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    for name in ("DISCORD_API_BASE", "TELEGRAM_API_URL"):  # where no platform answers
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*words: str, answers: str = "") -> Result:
    return CliRunner().invoke(cli, ["init", *words], input=answers, obj=App())


def written() -> Settings:
    return Settings.read({}, Path(".env"))


@pytest.mark.long
def test_a_person_answers_and_the_file_says_so() -> None:
    said = init("--server", URL, answers="\nnot-secret\ny\n12:not-secret\ny\n@ann, -100\ny\n")
    assert said.exit_code == 0, said.output
    assert "not-secret" not in said.output
    assert "darkroom check" in said.output
    made = written()
    assert (made.urls, made.discord_token, made.web) == ((URL,), Secret("not-secret"), True)
    assert (made.telegram_token, made.telegram_allowed) == (Secret("12:not-secret"), ("@ann", "-100"))
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600
    assert "DARKROOM_RETENTION_DAYS" in Path(".env").read_text()  # all settings are explained there


def test_a_wrong_answer_is_asked_again() -> None:
    said = init("--server", URL, answers="nonsense:\n\n\nnonsense\n\n\n")
    assert said.exit_code == 0, said.output
    assert "must look like 123456:AAF…" in said.output
    assert (written().urls, written().telegram_token, written().web) == ((URL,), None, True)


@pytest.fixture
def platforms() -> Iterator[tuple[FakeDiscord, BotApi]]:
    """Both platforms."""

    @asynccontextmanager
    async def both() -> AsyncIterator[tuple[FakeDiscord, BotApi]]:
        async with FakeDiscord() as discord, bot_api() as telegram:
            yield discord, telegram

    with in_a_thread(both) as found:
        yield found


@contextmanager
def in_a_thread(opened: Callable[[], AbstractAsyncContextManager[_T]]) -> Iterator[_T]:
    """Open something in a thread of its own: a command has the main one to itself, for its signals."""
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(stack.enter_async_context(opened()), loop).result(PATIENCE)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def behind_a_proxy() -> Iterator[str]:
    """The address of a server that asks for a token, in a thread of its own."""

    @asynccontextmanager
    async def proxied() -> AsyncIterator[str]:
        async with EmbeddedServer() as comfy, Proxy(comfy.url, "Bearer sesame").serve() as behind:
            yield behind

    with in_a_thread(proxied) as behind:
        yield behind


@pytest.mark.long
def test_a_server_that_asks_for_a_token_gets_the_one_that_is_entered(behind_a_proxy: str) -> None:
    said = init("--server", behind_a_proxy, answers="\nguess\nsesame\n\n\n\n")
    assert said.exit_code == 0, said.output
    assert "asks for a token" in said.output
    assert "does not take this token" in said.output
    assert "There is a ComfyUI at" in said.output
    assert "sesame" not in said.output
    assert (written().urls, written().token) == ((behind_a_proxy,), Secret("sesame"))


@pytest.mark.long
def test_tokens_are_checked_at_once(platforms: tuple[FakeDiscord, BotApi], monkeypatch: pytest.MonkeyPatch) -> None:
    discord, telegram = platforms
    monkeypatch.setenv("DISCORD_API_BASE", discord.api_base)
    monkeypatch.setenv("TELEGRAM_API_URL", telegram.url)
    said = init("--server", URL, answers=f"\nwrong\nn\n{discord.token}\n{TOKEN}\n*\n\n")
    assert said.exit_code == 0, said.output
    assert "Discord does not know this token." in said.output
    assert "Invite it with this link: https://discord.com/oauth2/authorize?client_id=4242" in said.output
    assert "https://t.me/darkroom_bot" in said.output
    assert (written().discord_token, written().telegram_token) == (Secret(discord.token), Secret(TOKEN))


def test_nothing_is_asked_where_nobody_answers() -> None:
    assert init("--server", URL, "--yes").exit_code == 0
    assert (written().urls, written().web) == ((URL,), True)


def test_a_file_that_is_there_stays() -> None:
    Path(".env").write_text("DARKROOM_WEB=on\n")
    said = init("--yes")
    assert said.exit_code == 2
    assert "There is a file .env already" in said.output
    assert Path(".env").read_text() == "DARKROOM_WEB=on\n"


def test_every_value_is_read_as_it_was_given(tmp_path: Path) -> None:
    values = {"COMFYUI_TOKEN": r"it's\a#\"secret\"$HOME", "DARKROOM_WEB_TOKEN": r"\1\\x#"}
    (tmp_path / "other").write_text(filled(example(), values), encoding="utf-8")
    made = Settings.read({}, tmp_path / "other")
    assert (made.token, made.web_token) == tuple(map(Secret, values.values()))


def test_every_setting_has_its_place_in_the_file() -> None:
    lines = filled(example(), dict.fromkeys(names(), "on")).splitlines()
    assert {f"{name}=on" for name in names()} <= set(lines)


async def test_servers_of_this_machine_are_found() -> None:
    async def other_program(_request: web.Request) -> web.Response:
        return web.json_response({"other": "program"})

    app = web.Application()
    app.router.add_get("/system_stats", other_program)
    other = web.AppRunner(app)
    await other.setup()
    await web.TCPSite(other, "127.0.0.1", 0).start()
    try:
        async with EmbeddedServer() as engine, EmbeddedServer(port=free_port()) as closed:
            ports = [int(each.url.rpartition(":")[2]) for each in (engine, closed)]
            found = await nearby([ports[0], other.addresses[0][1]])
            assert [each.address for each in found] == [engine.url]
            assert found[0].about.startswith("ComfyUI ")
        assert await nearby([ports[1]]) == []
    finally:
        await other.cleanup()


def test_a_place_where_no_file_can_be_written_is_told_before_any_question(folder: Path) -> None:
    (folder / ".env.trial").mkdir()
    said = init("--server", URL)
    assert said.exit_code != 0
    assert f"{folder / '.env'} cannot be written" in said.output
    assert "Token" not in said.output
