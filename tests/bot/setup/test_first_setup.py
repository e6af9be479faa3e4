"""The first setup without a browser: what is kept, what is written, and what never replaces anything."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.errors import BadValue, ConfigError, UserError
from bot.core.port import BotAccount
from bot.core.together import together
from bot.core.workflows.catalog import Catalog
from bot.settings import Secret, Settings
from bot.setup.checks import is_same
from bot.setup.draft import DraftFile, PickedWorkflow
from bot.setup.env_file import is_unset, write_new
from bot.setup.service import BundledWorkflow, SetupService
from bot.setup.workflows import put
from comfy.embedded.routes_info import VERSION
from tests.bot.core.sources.saving import LibraryServer, save, saved_graph
from tests.comfy.test_server import Proxy
from tests.ports import free_port

BUNDLED_FOLDER = Path(__file__).parents[3] / "workflows"
BUNDLED = tuple(BundledWorkflow(name, name.title(), "") for name in ("negative", "sketch"))


async def good(settings: Settings) -> BotAccount:
    return BotAccount("Robot", "https://example.org/invite")


async def bad(settings: Settings) -> BotAccount:
    raise ConfigError("DISCORD_TOKEN: Discord does not know this token.")


async def ready(settings: Settings) -> list[str]:
    return []


def service(
    folder: Path,
    *,
    refuses: bool = False,
    ports: tuple[int, ...] = (),
    bundled: Sequence[BundledWorkflow] = BUNDLED,
) -> SetupService:
    platforms = {"discord": bad if refuses else good, "telegram": good}
    given = {"DARKROOM_DATA_DIR": str(folder / "data")}
    return SetupService(folder / ".env", DraftFile(folder / "data"), platforms, bundled, ready, given, ports=ports)


@pytest.mark.parametrize(
    ("environ", "unset"),
    [
        ({}, True),
        ({"PATH": "/bin", "DISCORD_API_BASE": "http://127.0.0.1:1", "DARKROOM_LOG_LEVEL": "debug"}, True),
        ({"DARKROOM_WEB": ""}, True),
        ({"DARKROOM_DATA_DIR": "/data"}, False),
        ({"DISCORD_TOKEN": "token"}, False),
    ],
)
def test_a_house_is_unset_without_a_file_and_settings(tmp_path: Path, environ: dict[str, str], unset: bool) -> None:
    assert is_unset(tmp_path / ".env", environ) == unset
    (tmp_path / ".env").touch()
    assert not is_unset(tmp_path / ".env", environ)


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    (tmp_path / ".env.part").write_text("of a process that was killed")
    write_new(path, {"DARKROOM_WEB": "on"})
    before = path.read_text()
    with pytest.raises(ConfigError, match="There is a file"):
        write_new(path, {"DARKROOM_WEB": "off"})
    assert path.read_text() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


@pytest.mark.long
async def test_what_was_checked_outlives_the_process_in_a_private_file(tmp_path: Path) -> None:
    async with LibraryServer() as comfy:
        await save(comfy.url, "sea.json", saved_graph(5), folder="workflows")
        await save(comfy.url, "deep/sand.json", saved_graph(6), folder="workflows")
        await save(comfy.url, "lake.json", saved_graph(7), folder="workflows/darkroom")
        await save(comfy.url, "broken.json", b"{}", folder="workflows")
        first = service(tmp_path)
        await first.open()
        await first.add_server(comfy.url)
        await first.connect("telegram", "12:token", "@ann")
        offers = {each.title: each.key for each in await first.saved()}
        assert sorted(offers) == ["broken", "deep/sand", "sea"]  # the folder darkroom is offered without a pick
        await first.pick(offers["sea"])
        await first.pick(offers["deep/sand"])
        with pytest.raises(UserError, match="cannot be used"):
            await first.pick(offers["broken"])
        with pytest.raises(UserError, match="no longer among yours"):
            await first.pick(offers["sea"].replace(comfy.url, "http://127.0.0.1:1"))
    file = tmp_path / "data" / "setup.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = service(tmp_path)
    await second.open()
    assert second.draft == first.draft
    assert "12:token" not in repr(second.draft)
    await second.choose(["sketch"])
    await second.finish("web:me", 8421)  # the server is away by now; what it gave is there
    made = Settings.read({}, tmp_path / ".env")
    assert (made.web_port, made.telegram_allowed, made.operators) == (8421, ("@ann",), ())
    assert made.default_workflows == "sketch,sea,sand"
    assert {path.name for path in (tmp_path / "data" / "workflows").iterdir()} == {"sea.json", "sand.json"}
    assert not file.exists()


async def test_a_server_of_this_machine_is_there_at_once(tmp_path: Path) -> None:
    async with LibraryServer() as comfy:
        port = int(comfy.url.rpartition(":")[2])
        setup = service(tmp_path, ports=(port, free_port()))
        await setup.open()
        (found,) = setup.draft.servers
        assert (found.address, found.about) == (comfy.url, f"ComfyUI {VERSION}, cpu")
        assert await setup.look_around() == "There is no other ComfyUI on this machine."
        await setup.drop_server(found.label)
        again = service(tmp_path, ports=(port,))
        await again.open()  # what was removed does not come back by itself
        assert not again.draft.servers


async def test_another_spelling_of_an_address_is_no_other_server(tmp_path: Path) -> None:
    async with LibraryServer() as comfy:
        port = int(comfy.url.rpartition(":")[2])
        setup = service(tmp_path, ports=(port,))
        await setup.add_server(f"localhost:{port}/")
        for spelling in (f"http://127.0.0.1:{port}", f"http://LOCALHOST:{port}", f"127.0.0.1:{port}/"):
            with pytest.raises(BadValue, match="on the list already"):
                await setup.add_server(spelling)
        assert await setup.look_around() == "There is no other ComfyUI on this machine."
        assert len(setup.draft.servers) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://127.0.0.1:8188", "http://127.0.0.1:8188/", True),
        ("http://127.0.0.1:8188", "http://127.0.0.2:8188", False),
        ("http://127.0.0.1:8188", "http://127.0.0.1:8189", False),
        ("http://127.0.0.1:8188/one", "http://127.0.0.1:8188/two", False),
        ("http://one.invalid:8188", "http://ONE.invalid:8188", True),
        ("http://127.0.0.1", "http://localhost", False),  # a proxy may tell servers apart by these names
    ],
)
async def test_the_same_port_of_the_same_computer_is_the_same_server(one: str, other: str, same: bool) -> None:
    assert await is_same(one, other) is same


async def test_what_answers_in_place_of_a_comfyui_is_told_with_what_to_do(tmp_path: Path) -> None:
    setup = service(tmp_path)
    async with LibraryServer() as comfy, answering(404) as other, answering(302, comfy.url) as leading:
        for address, words in {
            comfy.url.replace("http", "https"): "speaks http: begin the address with http://",
            other: "but another program. The usual port of ComfyUI is 8188",
            leading: f"leads on to {comfy.url}",
            f"http://127.0.0.1:{free_port()}": "Is it running, with --listen",
        }.items():
            with pytest.raises(BadValue, match=words) as fault:
                await setup.add_server(address)
            assert fault.value.field == "address"


async def test_a_bundled_workflow_says_what_the_servers_lack(tmp_path: Path) -> None:
    found = Catalog.read(BUNDLED_FOLDER).workflows
    chosen = [BundledWorkflow(name, name, "", found[name]) for name in ("imagine", "negative")]
    setup = service(tmp_path, bundled=chosen)
    assert await setup.lacking() == {"imagine": "It needs a ComfyUI with a model for it."}
    async with LibraryServer() as comfy:
        await setup.add_server(comfy.url)
        lacks = await setup.lacking()
        assert lacks.keys() == {"imagine"}
        assert "CheckpointLoaderSimple" in lacks["imagine"]
    assert await setup.lacking() == {}  # it does not answer


@asynccontextmanager
async def answering(status: int, location: str = "") -> AsyncIterator[str]:
    """Serve one answer to everything; the address."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": f"{location}/system_stats"} if location else None)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def test_what_is_wrong_is_told_at_its_field_and_not_kept(tmp_path: Path) -> None:
    setup = service(tmp_path, refuses=True)
    for field, attempt in {
        "discord": setup.connect("discord", "token"),
        "telegram": setup.connect("telegram", "nonsense", "*"),
        "allowed": setup.connect("telegram", "12:token"),
        "address": setup.add_server(f"127.0.0.1:{free_port()}"),
        "token": setup.protect("short"),
    }.items():
        with pytest.raises(BadValue) as fault:
            await attempt
        assert fault.value.field == field
        assert "TOKEN:" not in fault.value.reason
    assert setup.draft == DraftFile(tmp_path / "data").read()


async def test_a_page_for_others_makes_the_browser_of_the_setup_its_operator(tmp_path: Path) -> None:
    setup = service(tmp_path)
    await setup.protect("a-long-enough-token")
    await setup.finish("web:me", 8420)
    made = Settings.read({}, tmp_path / ".env")
    assert (made.web_host, made.operators, made.default_workflows) == ("0.0.0.0", ("web:me",), "all")  # noqa: S104


async def test_a_server_that_asks_who_we_are_gets_a_token_which_is_its_setting(tmp_path: Path) -> None:
    async with LibraryServer() as comfy, Proxy(comfy.url, "Bearer sesame").serve() as behind:
        await save(comfy.url, "sea.json", saved_graph(5), folder="workflows")
        setup = service(tmp_path)
        for token, words in {"": "asks for a token", "guess": "does not take", "two words": "without spaces"}.items():
            with pytest.raises(BadValue, match=words) as fault:
                await setup.add_server(behind, token)
            assert fault.value.field == "server_token"
        await setup.add_server(behind, "sesame")
        with pytest.raises(BadValue, match="on the list already"):
            await setup.add_server(f"{behind}?again=1", "sesame")
        assert "sesame" not in repr(setup.draft)
        (offer,) = await setup.saved()
        assert [each.title for each in await setup.search("blank")] == ["A blank sheet"]
        await setup.pick(offer.key)
        await setup.finish("web:me", 8420)
        made = Settings.read({}, tmp_path / ".env")
        assert (made.urls, made.token) == ((behind,), Secret("sesame"))
        await setup.drop_server(setup.draft.servers[0].label)
        assert (setup.draft.servers, setup.draft.server_token) == ((), "")


@pytest.mark.parametrize(
    "address",
    [
        *("file:///etc/passwd", "servers.toml", "one=http://127.0.0.1:1", "http://127.0.0.1:1*3", "http://a,http://b"),
        *(
            "http://" + "a" * 64,
            "http://a..b",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:1/\nDARKROOM_OPERATORS=web:me",
        ),
        "http://127.0.0.1:1;publish=all",
    ],
)
async def test_what_is_more_or_less_than_an_address_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(BadValue, match="write an address such as") as fault:
        await service(tmp_path).add_server(address)
    assert fault.value.field == "address"


async def test_two_windows_lose_nothing_of_each_other(tmp_path: Path) -> None:
    setup = service(tmp_path)
    await together(setup.connect("discord", "token"), setup.connect("telegram", "12:token", "*"), setup.choose([]))
    assert setup.draft == DraftFile(tmp_path / "data").read()
    assert (sorted(setup.draft.bots), setup.draft.bundled) == (["discord", "telegram"], ())


def test_a_value_is_no_place_for_another_setting(tmp_path: Path) -> None:
    values = {"TELEGRAM_ALLOWED": "@ann\n# DARKROOM_WEB_TOKEN=", "DARKROOM_WEB_TOKEN": "a-long-enough-token"}
    write_new(tmp_path / ".env", values)
    made = Settings.read({}, tmp_path / ".env")
    assert (made.telegram_allowed, made.web_token) == (("@ann\n# DARKROOM_WEB_TOKEN=",), Secret("a-long-enough-token"))


def test_picked_workflows_take_no_name_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    picked = [
        PickedWorkflow(str(number), title, str(number)) for number, title in enumerate(("Mine", "Sketch", "a/b: c"))
    ]
    assert put(picked, tmp_path, ["sketch"]) == ["mine_2", "sketch_2", "a_b_c"]
    assert put(picked, tmp_path, ["sketch"]) == ["mine_2", "sketch_2", "a_b_c"]  # once more, after a kill
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a-b- c.json",
        "mine.json",
        "mine_2.json",
        "sketch_2.json",
    ]
