"""What people save at servers is found, once, and is taken for gone only if the server says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from bot.core.background import TaskHealth
from bot.core.errors import StorageAway
from bot.core.model import Publish
from bot.core.sources.found import SavedFault, SavedListing, SavingServer
from bot.core.sources.watcher import SavedFilesWatcher
from comfy.embedded import EmbeddedServer
from comfy.fleet import Fleet, Member
from comfy.library.userdata import LARGEST_FILE
from comfy.server import Server
from tests.bot.core.sources.saving import add_user, delete, save
from tests.bot.harness import WatchedServer, until
from tests.patience import PATIENCE


class Shelf:
    """Keeps what the watcher finds, and tells what it was told."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.taken: list[SavedListing] = []
        self.publish: dict[str, Publish] = {}
        self.faults: dict[str, list[SavedFault]] = {}
        self.users: dict[str, Sequence[str] | None] = {}
        self.fails = False

    async def take(self, listing: SavedListing, publish: Publish) -> None:
        if self.fails:
            raise StorageAway("The database is away.")
        self.taken.append(listing)
        self.publish[listing.server] = publish
        mine = (listing.server, listing.user)
        self.files = {key: body for key, body in self.files.items() if key[:2] != mine or key[2] in listing.paths}
        self.files |= {(*mine, file.path): file.content for file in listing.changed}

    async def looked(self, server: str, users: Sequence[str] | None, faults: Sequence[SavedFault]) -> None:
        self.faults[server], self.users[server] = list(faults), users


class Odd(EmbeddedServer):
    """Answers lists of saved files, or another path, as a test says."""

    answer: Callable[[], web.StreamResponse] | None = None
    path = "/userdata"

    def _app(self, features: dict[str, object]) -> web.Application:
        @web.middleware
        async def odd(request: web.Request, handler: object) -> web.StreamResponse:
            if self.answer is not None and self.path in (request.path, request.raw_path):
                return self.answer()
            return await handler(request)  # type: ignore[no-any-return, operator]

        app = super()._app(features)
        app.middlewares.append(odd)
        return app


@asynccontextmanager
async def watching(
    *servers: EmbeddedServer, local: bool = True, publish: Publish | None = None, users: Sequence[str] = ()
) -> AsyncIterator[tuple[Shelf, SavedFilesWatcher, list[SavingServer]]]:
    """A watcher that looks when the test says so."""
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        names = [f"s{number}" for number in range(1, len(servers) + 1)]
        members = [Member(name, Server(server.url)) for name, server in zip(names, servers, strict=True)]
        fleet, shelf = await stack.enter_async_context(Fleet(members)), Shelf()
        await fleet.looked()
        sources = [SavingServer(name, name, local, publish, tuple(users)) for name in names]
        yield shelf, SavedFilesWatcher(fleet, sources, "darkroom", shelf, TaskHealth(), lambda _source: True), sources


async def test_what_is_saved_edited_and_deleted_is_found() -> None:
    async with watching(server := EmbeddedServer()) as (shelf, watcher, (source,)):
        await watcher.look(source)
        assert (shelf.files, shelf.publish, shelf.faults) == ({}, {"s1": Publish.OPEN}, {"s1": []})
        await save(server.url, "a.json", b"1")
        await save(server.url, "deep/b.app.json", b"2")
        await save(server.url, "notes.txt", b"no workflow")
        await save(server.url, "outside.json", b"3", folder="workflows")
        await watcher.look(source)
        assert shelf.files == {("s1", "", "a.json"): b"1", ("s1", "", "deep/b.app.json"): b"2"}
        await save(server.url, "a.json", b"11")
        await watcher.look(source)
        assert [file.content for file in shelf.taken[-1].changed] == [b"11"]
        await delete(server.url, "a.json")
        await watcher.look(source)
        assert shelf.files == {("s1", "", "deep/b.app.json"): b"2"}


async def test_what_has_not_changed_is_fetched_once_and_told_once() -> None:
    server = WatchedServer()
    async with watching(server) as (shelf, watcher, (source,)):
        await save(server.url, "a.json", b"1")
        for _round in range(3):
            await watcher.look(source)
        assert server.calls["GET /userdata/workflows/darkroom/a.json"] == 1
        assert len(shelf.taken) == 1


PAGE = "<!doctype html><title>Sign in</title>"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: web.Response(status=500), "cannot be read"),
        (lambda: web.Response(text=PAGE, content_type="text/html"), "a web page answers"),
        (lambda: web.Response(status=302, headers={"Location": "/login"}), "a web page answers"),
        (lambda: web.Response(status=403), "check the server's token"),
        (lambda: web.Response(status=404, text="404: Not Found"), "update ComfyUI"),
        (lambda: web.Response(text="{}"), "cannot be read"),
        (lambda: web.Response(status=503), None),
    ],
)
async def test_an_answer_that_is_no_list_removes_nothing(
    answer: Callable[[], web.StreamResponse], told: str | None
) -> None:
    async with watching(server := Odd()) as (shelf, watcher, (source,)):
        await save(server.url, "a.json", b"1")
        await watcher.look(source)
        server.answer = answer
        await watcher.look(source)
        assert list(shelf.files) == [("s1", "", "a.json")]
        assert (told or "") in "".join(fault.reason for fault in shelf.faults["s1"])
        assert bool(shelf.faults["s1"]) is (told is not None)
        server.answer = None
        await watcher.look(source)
        assert shelf.faults["s1"] == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(text=PAGE),
        lambda: web.Response(body=b"1" * (LARGEST_FILE + 1)),
    ],
)
async def test_a_file_that_cannot_be_read_keeps_no_other_from_being_read(
    answer: Callable[[], web.StreamResponse],
) -> None:
    async with watching(server := Odd()) as (shelf, watcher, (source,)):
        await save(server.url, "a.json", b"1")
        await watcher.look(source)
        server.path, server.answer = "/userdata/workflows%2Fdarkroom%2Fa.json", answer
        await save(server.url, "a.json", b"11")
        await save(server.url, "b.json", b"2")
        await watcher.look(source)
        assert shelf.files == {("s1", "", "a.json"): b"1", ("s1", "", "b.json"): b"2"}
        (fault,) = shelf.faults["s1"]
        assert fault.path == "a.json"
        assert "the file cannot be read" in fault.reason


@pytest.mark.long
async def test_many_large_files_are_read_at_several_looks() -> None:
    async with watching(server := EmbeddedServer()) as (shelf, watcher, (source,)):
        bodies = {f"{number:02}.json": bytes([number]) * (3 << 20) for number in range(15)}
        for name, body in bodies.items():
            await save(server.url, name, body)
        await save(server.url, "large.json", b"x" * ((4 << 20) + 1))
        for _look in range(3):
            await watcher.look(source)
        assert [len(listing.changed) for listing in shelf.taken] == [11, 4]
        assert {key[2]: body for key, body in shelf.files.items()} == bodies
        assert [(each.path, each.reason) for each in shelf.faults["s1"]] == [
            ("large.json", "the file is too large for a workflow")
        ]


async def test_many_large_files_that_change_at_once_are_all_read() -> None:
    async with watching(server := EmbeddedServer()) as (shelf, watcher, (source,)):
        for value in (b"a", b"b"):
            for number in range(12):
                await save(server.url, f"{number:02}.json", value * ((3 << 20) + value[0]))
            for _look in range(3):
                await watcher.look(source)
            assert len(shelf.files) == 12
            assert {body[:1] for body in shelf.files.values()} == {value}


async def test_a_server_that_is_away_removes_nothing() -> None:
    async with watching(server := EmbeddedServer()) as (shelf, watcher, (source,)):
        await save(server.url, "a.json", b"1")
        await watcher.look(source)
        await server.stop()
        await watcher.look(source)
        assert list(shelf.files) == [("s1", "", "a.json")]


async def test_two_servers_and_two_users_are_kept_apart() -> None:
    one, two = EmbeddedServer(), EmbeddedServer(multi_user=True)
    async with watching(one, two, users=("ann", "bob", "cy")) as (shelf, watcher, sources):
        ann, bob, dee = [await add_user(two.url, name) for name in ("ann", "bob", "dee")]
        await save(one.url, "a.json", b"one")
        for user in (ann, bob, dee):
            await save(two.url, "a.json", user.encode(), user)
        for source in sources:
            await watcher.look(source)
        assert shelf.files == {
            ("s1", "", "a.json"): b"one",
            ("s2", "ann", "a.json"): ann.encode(),
            ("s2", "bob", "a.json"): bob.encode(),
        }
        assert shelf.faults == {"s1": [], "s2": [SavedFault("", "the server has no user “cy”")]}
        assert shelf.users == {"s1": ("",), "s2": ("ann", "bob")}


async def test_a_server_that_comes_back_is_asked_who_its_users_are() -> None:
    """With a single user it ignores whose files are asked for, so those would be taken for somebody else's."""
    server = EmbeddedServer(multi_user=True)
    async with watching(server, users=("ann",)) as (shelf, watcher, (source,)):
        await watcher.look(source)
        await server.stop()
        watcher._fleet.doubt("s1")
        await watcher.look(source)
        async with EmbeddedServer(port=int(server.url.rpartition(":")[2])) as single:
            await save(single.url, "a.json", b"1")

            async def is_up() -> bool:
                return "s1" in watcher._fleet.up

            await until(is_up)
            await watcher.look(source)
    assert list(shelf.files) == [("s1", "", "a.json")]
    assert shelf.users == {"s1": ("",)}


async def test_a_server_with_several_users_wants_to_know_whose_files_count() -> None:
    async with watching(EmbeddedServer(multi_user=True)) as (shelf, watcher, (source,)):
        await watcher.look(source)
        assert "name the users with DARKROOM_SAVED_USERS" in shelf.faults["s1"][0].reason


@pytest.mark.parametrize(
    ("argv", "local", "says", "publish"),
    [
        ((), True, None, Publish.OPEN),
        (("--listen", "127.0.0.1", "--port", "1"), True, None, Publish.OPEN),
        (("--listen",), True, None, Publish.TRIAL),
        (("--listen", "--cpu"), True, None, Publish.TRIAL),
        (("--listen=0.0.0.0",), True, None, Publish.TRIAL),
        (("--listen", "127.0.0.1,10.0.0.1"), True, None, Publish.TRIAL),
        (("--listen",), True, Publish.OPEN, Publish.OPEN),
        ((), False, None, Publish.TRIAL),
        ((), False, Publish.OPEN, Publish.OPEN),
    ],
)
async def test_without_a_setting_only_a_server_that_others_cannot_reach_publishes_at_once(
    argv: tuple[str, ...], local: bool, says: Publish | None, publish: Publish
) -> None:
    server = EmbeddedServer()
    server.argv = argv
    async with watching(server, local=local, publish=says) as (shelf, watcher, (source,)):
        await watcher.look(source)
        assert shelf.publish == {"s1": publish}


async def test_where_publishing_is_off_nothing_is_read_and_nothing_is_kept() -> None:
    server = WatchedServer()
    async with watching(server, publish=Publish.OFF) as (shelf, watcher, (source,)):
        await watcher.look(source)
        await watcher.look(source)
        assert (shelf.taken, shelf.users) == ([], {"s1": ()})
        assert not [call for call in server.calls if "userdata" in call]


async def test_what_could_not_be_stored_comes_again() -> None:
    async with watching(server := EmbeddedServer()) as (shelf, watcher, (source,)):
        await save(server.url, "a.json", b"1")
        shelf.fails = True
        with pytest.raises(StorageAway):
            await watcher.look(source)
        shelf.fails = False
        await watcher.look(source)
        assert list(shelf.files) == [("s1", "", "a.json")]


async def test_a_server_that_another_process_looks_after_is_left_alone_until_that_one_is_gone() -> None:
    ours: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(WatchedServer())
        fleet, shelf = await stack.enter_async_context(Fleet([Member("s1", Server(server.url))])), Shelf()
        await fleet.looked()
        source = SavingServer("s1", "s1")
        watcher = SavedFilesWatcher(
            fleet, [source], "darkroom", shelf, TaskHealth(), lambda each: bool(ours[each.name])
        )
        await save(server.url, "a.json", b"1")
        await watcher.look(source)
        assert shelf.taken == []
        ours["s1"] = 1
        await watcher.look(source)
        assert list(shelf.files) == [("s1", "", "a.json")]


async def test_it_looks_again_and_again_by_itself() -> None:
    async with watching(server := EmbeddedServer()) as (shelf, watcher, _sources):
        watcher._every = 0.01
        async with watcher, asyncio.timeout(PATIENCE):
            await save(server.url, "a.json", b"1")
            while not shelf.files:  # noqa: ASYNC110 - what servers have rings no bell
                await asyncio.sleep(0.01)


async def test_while_nothing_changes_only_the_list_is_asked_for() -> None:
    server = WatchedServer()
    async with watching(server) as (shelf, watcher, _sources):
        watcher._every = 0.01
        await save(server.url, "a.json", b"1")
        async with watcher, asyncio.timeout(PATIENCE):
            await until_shelf(lambda: server.calls["GET /userdata"] > 20)
            assert (server.calls["GET /users"], len(shelf.taken)) == (1, 1)
            await save(server.url, "b.json", b"2")
            await until_shelf(lambda: len(shelf.files) == 2)
            await server.restart()  # it has other files now, and is asked again
            await save(server.url, "c.json", b"3")
            await until_shelf(lambda: ("s1", "", "c.json") in shelf.files)
            assert server.calls["GET /users"] > 1  # they may be others since it began again


@pytest.mark.parametrize("case", ["others", "late"])
async def test_nothing_is_waited_for_where_the_next_look_may_find_more(case: str) -> None:
    async with watching(EmbeddedServer()) as (_shelf, watcher, (source,)):
        await watcher.look(source)
        seen = watcher._seen[source]
        if case == "others":  # the list that was read whole is that of another user
            seen.users = {"ann": "ann"}, []
            await watcher._fleet.client("s1").saved(watcher._folder, "ann")
        else:  # it is time to ask who the users are
            seen.asked -= 1000.0
        waiting = asyncio.create_task(watcher._until_saved(source))
        for _turn in range(20):
            await asyncio.sleep(0)
        assert waiting.done()


async def until_shelf(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what servers have rings no bell
        await asyncio.sleep(0.01)
