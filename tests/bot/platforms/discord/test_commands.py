"""Commands follow what there is: models of a server, and what is decided; nobody is told what has not changed."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.platforms.discord.commands.pace import SyncPace
from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.config import PageConfig
from comfy.embedded import EmbeddedServer
from tests.bot.harness import PLAIN, painter, port_of, until, write_workflows
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, MO, house, results
from tests.ports import free_port

_MANAGE_SERVER = str(1 << 5)


def told(fake: FakeDiscord, guild: int | None = None) -> int:
    """Count the registrations of commands: of a server, or of all and everywhere."""
    where = f"/guilds/{guild}/commands" if guild else "/commands"
    return sum(method == "PUT" and path.endswith(where) for method, path, _status in fake.requests)


def models(fake: FakeDiscord, guild: int) -> list[str]:
    """The models that a server's command offers."""
    paint = next(each for each in fake.commands[str(guild)] if each["name"] == "paint")
    option = next(each for each in paint["options"] if each["name"] == "model")
    return [choice["value"] for choice in option.get("choices", [])]


def names(fake: FakeDiscord, guild: int) -> list[str]:
    return [each["name"] for each in fake.commands[str(guild)]]


async def noted(fake: FakeDiscord, folder: Path, guild: int) -> None:
    """Wait until it is on disk what a server was told."""
    ledger = folder / "data" / "discord-commands.json"
    await fake.until(lambda: ledger.exists() and str(guild) in ledger.read_text())


async def decide(fake: FakeDiscord, channel: int, act: str) -> None:
    options: list[dict[str, Any]] = [{"name": "workflow", "type": 3, "value": "poster"}]
    data = {"id": "9", "name": "moderate", "type": 1, "options": [{"name": act, "type": 1, "options": options}]}
    await (await fake.ask(2, data, MO, channel, own_permissions=_MANAGE_SERVER)).answer


@pytest.mark.long
async def test_a_model_that_comes_to_a_server_is_a_choice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def is_away() -> bool:
        return "server_down" in caplog.text

    painted = painter(["a.ckpt"], lambda _model, _color: None)
    async with FakeDiscord() as fake:
        guild = fake.add_guild(ALICE)
        channel = fake.add_channel(guild)
        async with EmbeddedServer(port=free_port(), nodes=painted) as server:
            settings = {"COMFYUI_URLS": server.url}
            async with house(fake, tmp_path, workflows=write_workflows(tmp_path), settings=settings):
                assert models(fake, guild) == ["a.ckpt"]
                before = told(fake)
                await server.stop()
                await fake.slash(
                    ALICE, channel, "paint", {"color": 7}
                )  # it finds out that the server is away, or waits
                await until(is_away)
                more = painter(["a.ckpt", "b.ckpt"], lambda _model, _color: None)
                async with EmbeddedServer(port=port_of(server), nodes=more):
                    await fake.until(lambda: models(fake, guild) == ["a.ckpt", "b.ckpt"])
                    await results(fake, channel)
                assert told(fake) == before + 1  # not for a server that went and came back


@pytest.mark.long
async def test_what_is_decided_is_told_to_its_server_alone(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        guild, other = fake.add_guild(MO), fake.add_guild(MO)
        channel = fake.add_channel(guild)
        async with house(fake, tmp_path, workflows=write_workflows(tmp_path)):
            before = told(fake)
            await decide(fake, channel, "deny")
            await fake.until(lambda: "poster" not in names(fake, guild))
            await decide(fake, channel, "allow")
            await fake.until(lambda: "poster" in names(fake, guild))
            assert "poster" in names(fake, other)
        assert (told(fake, guild), told(fake, other), told(fake)) == (3, 1, before + 2)


@pytest.mark.long
async def test_a_workflow_that_no_server_can_run_is_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfy.fleet._CALM", 0.5)  # seconds, so that its server is soon seen with other nodes
    monkeypatch.setattr("comfy.fleet._STALE", 0.0)
    async with FakeDiscord() as fake:
        guild = fake.add_guild(ALICE)
        async with EmbeddedServer(port=free_port()) as server:
            settings = {"COMFYUI_URLS": server.url}
            async with house(fake, tmp_path, workflows=write_workflows(tmp_path), settings=settings):
                assert "poster" in names(fake, guild)
                assert not {"paint", "imagine"} & set(names(fake, guild))
                await server.stop()
                painted = painter(["a.ckpt"], lambda _model, _color: None)
                async with EmbeddedServer(port=port_of(server), nodes=painted):
                    await fake.until(lambda: "paint" in names(fake, guild))


@pytest.mark.long
async def test_many_changes_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("bot.platforms.discord.client.SyncPace", lambda: SyncPace(lambda: now))
    own = write_workflows(tmp_path)
    opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    page = WebPlatform(PageConfig(ports=(0,)), opened.set_result)
    jar = aiohttp.CookieJar(unsafe=True)
    async with FakeDiscord() as fake, aiohttp.ClientSession(cookie_jar=jar) as visitor:
        guild = fake.add_guild(ALICE)

        async def is_offered(title: str) -> bool:
            async with visitor.get(f"{await opened}/workflows") as answer:
                return title in await answer.text()

        async with house(fake, tmp_path, workflows=own, beside=[page]):
            async with visitor.get(await opened):  # it makes a visitor of us
                before = told(fake)
            for number in range(5):
                sidecar = (own / "plain.toml").read_text().partition("\n")[2]
                (own / "plain.toml").write_text(f'title = "Plain {number}"\n{sidecar}')
                await until(partial(is_offered, f"Plain {number}"))
            (own / "Fresh.json").write_text((own / "plain.json").read_text())
            await until(partial(is_offered, "Fresh"))
            now = 100.0
            await fake.until(lambda: "fresh" in names(fake, guild))
            assert "Plain 4" in str(fake.commands[str(guild)])
            assert told(fake) == before + 1


@pytest.mark.long
async def test_moderators_commands_are_offered_only_in_servers(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.add_guild(MO)
        async with house(fake, tmp_path):
            offered = {each["name"]: (each["contexts"], each["integration_types"]) for each in fake.commands["global"]}
    assert offered.pop("moderate") == ([0], [0])  # no direct message, and no installation of one person
    assert set(map(str, offered.values())) == {"([0, 1, 2], [0, 1])"}


def options(fake: FakeDiscord, command: str, *path: str) -> list[str]:
    """The options of a command, or of a subcommand."""
    part = next(each for every in fake.commands.values() for each in every if each["name"] == command)
    for name in path:
        part = next(each for each in part["options"] if each["name"] == name)
    return [each["name"] for each in part["options"]]


@pytest.mark.long
async def test_an_option_that_is_refused_takes_nothing_else_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord() as fake, aiohttp.ClientSession() as visitor:
        fake.add_guild(MO)
        fake.refused_options = {"together", "colors", "file"}
        opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        page = WebPlatform(PageConfig(ports=(0,)), opened.set_result)
        async with house(fake, tmp_path, beside=[page]):
            assert {"run", "moderate", "about"} <= {each["name"] for each in fake.commands["global"]}
            assert options(fake, "moderate", "limit") == ["measure", "most", "workflow", "channel", "role"]
            assert "import" not in options(fake, "moderate")  # without its file it is nothing
            assert {"export", "undo", "workflow"} <= set(options(fake, "moderate"))
            assert options(fake, "poster") == ["photo", "contrast", "spoiler"]
            async with visitor.get(f"{await opened}/readyz") as answer:
                said = await answer.text()
                assert answer.status == 200
    assert "/moderate limit together: This name is not valid" in said
    assert "/poster colors: This name is not valid" in said
    assert "/moderate limit together: This name is not valid" in caplog.text


@pytest.mark.long
async def test_commands_are_sent_singly_where_discord_does_not_say_which_it_refuses(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.add_guild(MO)
        fake.fail("PUT", "/applications/4242/commands", 400, {"code": 50035, "message": "Invalid Form Body"}, times=99)
        fake.refused_options = {"workflow"}  # which /run and /moderate need
        async with house(fake, tmp_path):
            assert {each["name"] for each in fake.commands["global"]} >= {"queue", "mine", "Use this picture"}
            assert {each["name"] for each in fake.commands["global"]}.isdisjoint({"run", "moderate"})


@pytest.mark.long
async def test_a_start_tells_nothing_that_is_known(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        guild = fake.add_guild(MO)
        own = write_workflows(tmp_path)
        for _start in range(2):
            async with house(fake, tmp_path, workflows=own):
                await noted(fake, tmp_path, guild)
        (own / f"{PLAIN}.toml").write_text('title = "A plain sheet"')
        async with house(fake, tmp_path, workflows=own):
            await fake.until(lambda: told(fake, guild) == 2)
        assert told(fake) == 3  # the guild twice, and once what is everywhere


@pytest.mark.long
async def test_a_start_without_servers_takes_no_choices_away(tmp_path: Path) -> None:
    own = write_workflows(tmp_path)
    async with FakeDiscord() as fake:
        guild = fake.add_guild(ALICE)
        few = painter(["a.ckpt"], lambda _model, _color: None)
        async with EmbeddedServer(port=free_port(), nodes=few) as server:
            settings = {"COMFYUI_URLS": server.url}
            async with house(fake, tmp_path, workflows=own, settings=settings):
                await noted(fake, tmp_path, guild)
        fake.add_guild(ALICE)  # whose commands must be told
        async with house(fake, tmp_path, workflows=own, settings=settings):
            assert models(fake, guild) == ["a.ckpt"]
            more = painter(["a.ckpt", "b.ckpt"], lambda _model, _color: None)
            async with EmbeddedServer(port=port_of(server), nodes=more):
                await fake.until(lambda: models(fake, guild) == ["a.ckpt", "b.ckpt"])
        assert told(fake, guild) == 2
