"""Each platform says what a run costs before it begins, and the operator permits it there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bot.platforms.web.api.views import run_view
from bot.settings import names
from comfy.embedded import EmbeddedServer
from tests.bot.forks import stand_in
from tests.bot.harness import until
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, BOB, house
from tests.bot.platforms.discord.test_moderation import moderate, told
from tests.bot.platforms.telegram.harness import Conversation, serving
from tests.bot.platforms.telegram.server import bot_api
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.test_paid import PARTNER, write_partner
from tests.partner import KEY, Partner

PRICE, LARGE = "21.1 credits ($0.10)", "42.2 credits ($0.20)"


def _settings(server: EmbeddedServer) -> dict[str, str]:
    return {
        "COMFYUI_URLS": server.url,
        "COMFYUI_ACCOUNT_KEY": KEY,
        "DARKROOM_DEFAULT_WORKFLOWS": PARTNER,
    }


@pytest.mark.long
async def test_on_discord_in_the_list_in_the_window_and_in_the_message(tmp_path: Path) -> None:
    write_partner(tmp_path)
    partner = Partner()
    async with EmbeddedServer(nodes=partner.nodes()) as server, FakeDiscord() as fake:
        guild = fake.add_guild(ALICE, BOB)
        channel = fake.add_channel(guild)
        more = {**_settings(server), "DARKROOM_OPERATORS": f"discord:{ALICE}"}
        async with house(fake, tmp_path, workflows=tmp_path / "workflows", settings=more):
            await told(fake, await moderate(fake, channel, "spending", {"most": 500}, by=BOB), "Only the operator")
            await told(fake, await moderate(fake, channel, "allow"), "every workflow is allowed")
            await fake.until(lambda: any(each["name"] == "negative" for each in fake.commands[str(guild)]))
            assert PARTNER not in [each["name"] for each in fake.commands[str(guild)]]
            await told(fake, await moderate(fake, channel, "spending", {"most": 500}, by=ALICE), "at most 500 credits")
            await fake.until(lambda: any(each["name"] == PARTNER for each in fake.commands[str(guild)]))
            while not any(PRICE in text for text in await _listed(fake, channel)):
                continue  # a list that would take longer than two seconds comes without prices
            data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": PARTNER}]}
            _kind, window = await (await fake.ask(2, data, BOB, channel)).answer
            assert window["title"] == f"Partner · {PRICE}"
            await fake.slash(BOB, channel, PARTNER, {"text": "a fox", "size": "large"})
            await fake.until(lambda: any(LARGE in post.content for post in fake.public if post.channel == channel))
            await fake.until(lambda: partner.charged == ["a fox"])


async def _listed(fake: FakeDiscord, channel: int) -> list[str]:
    asked = await fake.slash(BOB, channel, "workflows")
    await fake.until(lambda: any(fake.whispers(asked)))
    return fake.whispers(asked)


@pytest.mark.long
async def test_on_telegram_in_the_list_in_the_questions_and_in_the_message(tmp_path: Path) -> None:
    write_partner(tmp_path)
    partner = Partner()
    async with EmbeddedServer(nodes=partner.nodes()) as server, bot_api() as api:
        more = {**_settings(server), "DARKROOM_OPERATORS": "telegram:900"}
        async with serving(api, tmp_path, DARKROOM_WORKFLOWS=str(tmp_path / "workflows"), **more):
            operator = Conversation(api, api.group(-100_777), 900)
            await operator.write("/moderate spending 500")
            await operator.answer("for at most 500 credits per day")
            await operator.write("/help")
            await operator.answer(f"/{PARTNER} Partner · {PRICE}")
            await operator.write(f"/{PARTNER}")
            question = await operator.answer(f"Partner · {PRICE}: ", button="All fields")
            await operator.press(question, "All fields")
            overview = await operator.answer(f"Partner · {PRICE}", button="Run")
            await operator.press(overview, "Size")
            await operator.press(await operator.answer("Size", button="large"), "large")
            await operator.answer(f"Partner · {LARGE}", button="Run")
            await operator.write(f"/{PARTNER} a fox")
            await operator.answer(PRICE, "a fox")
            await api.until(lambda: partner.charged == ["a fox"])


@pytest.mark.long
async def test_on_the_page_in_the_form_and_in_the_run(tmp_path: Path) -> None:
    write_partner(tmp_path)
    async with page(tmp_path, nodes=Partner().nodes()) as web, Visitor(web.url) as ann:
        assert PARTNER not in [each["name"] for each in await _offers(ann)]
        await ann.call("POST", "moderate", data={"act": "spend", "place": "web:", "most": "500"})
        await ann.call("POST", "moderate", data={"act": "allow", "place": "web:", "workflow": PARTNER})

        async def is_offered() -> bool:
            return PARTNER in [each["name"] for each in await _offers(ann)]

        await until(is_offered)
        prices = {each["name"]: each["price"] for each in await _offers(ann)}
        assert (prices[PARTNER], prices["plain"]) == (f"A run costs {PRICE}.", "")
        status, taken = await ann.ask(PARTNER, text="a fox", size="large")
        assert status == 201
        run = await web.services.runs.get(taken["id"])
        assert run is not None
        assert run_view(run, web.services.runs.summary(run), web.services.runs.details(run), None)["said"].startswith(
            f"{LARGE} · "
        )


async def _offers(visitor: Visitor) -> list[dict[str, str]]:
    async with visitor.session.get(f"{visitor.url}/workflows") as answer:
        offers: list[dict[str, str]] = await answer.json()
        return offers


@pytest.mark.long
async def test_at_the_terminal_before_it_runs(tmp_path: Path) -> None:
    write_partner(tmp_path)
    partner = Partner()
    async with EmbeddedServer(nodes=partner.nodes()) as server:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "DARKROOM_DATA_DIR": str(tmp_path / "data")}
        words = ("run", PARTNER, "--text", "a fox", "--server", server.url)
        code, said = await _darkroom(tmp_path, environ, *words)
        assert code != 0
        assert "its server has no account key" in said
        _code, checked = await _darkroom(tmp_path, {**environ, "COMFYUI_URLS": server.url}, "check")
        assert "partner costs money, and there is no account key: set COMFYUI_ACCOUNT_KEY" in checked
        _code, listed = await _darkroom(tmp_path, environ, "workflows", "--server", server.url)
        assert "can run here\n    It costs money: people in chats and on the page can run it where you permit" in listed
        environ["COMFYUI_ACCOUNT_KEY"] = KEY
        code, said = await _darkroom(tmp_path, environ, *words)
        assert (code, partner.charged) == (0, ["a fox"])
        assert f"Price: {PRICE}" in said
        for command in (("check",), ("settings",), ("--debug", "workflows", "list")):
            assert KEY not in (await _darkroom(tmp_path, {**environ, "COMFYUI_URLS": server.url}, *command))[1]


async def _darkroom(folder: Path, environ: dict[str, str], *words: str) -> tuple[int, str]:
    """A command in a process of its own; its exit status, and all that it said."""
    kept = {name: value for name, value in os.environ.items() if name not in names()}
    command = await asyncio.create_subprocess_exec(
        *stand_in("bot.__main__"),
        *words,
        env={**kept, **environ},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _nothing = await command.communicate()
    return command.returncode or 0, said.decode()
