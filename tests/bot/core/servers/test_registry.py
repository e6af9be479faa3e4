"""Workers write their servers to the database, and a process without servers reads them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from time import time

import pytest
from sqlalchemy import delete, insert, select, update

from bot.core.background import TaskHealth
from bot.core.errors import CannotRun, StorageAway
from bot.core.execution.worker_lock import OwnName
from bot.core.model import Done, Queued
from bot.core.servers.condition import Condition
from bot.core.servers.definitions import KeptDefinitions, PackedInfo
from bot.core.servers.registry import ServerRegistry, remove_worker
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.herald import Herald
from bot.core.storage.schema import servers
from bot.server_settings import NamedServer
from bot.settings import Role, Secret
from comfy.fleet import Fleet, Member
from comfy.object_info import ObjectInfo
from comfy.server import Server
from tests.bot.databases import new_postgres
from tests.bot.harness import ANN, BEN, HERE, Gates, RecordingPlatform, WatchedServer, house, painter, running, until
from tests.patience import PATIENCE


@pytest.mark.long
async def test_a_process_that_only_chats_needs_no_server_of_its_own(tmp_path: Path, postgres: str) -> None:
    shared, platform, gates = Secret(new_postgres(postgres)), RecordingPlatform(), Gates()
    server = WatchedServer(nodes={**gates.nodes(), **painter(["red.ckpt", "blue.ckpt"], lambda _model, _color: None)})
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(house(tmp_path, platform, [], Role(worker=None), database=shared))
        assert chat.services.health.servers() == {}
        early, shown = await chat.ask("paint", model="blue.ckpt")
        role = Role(chat=False, worker="far")
        await stack.enter_async_context(house(tmp_path, platform, [server], role, database=shared))

        async def knows() -> bool:
            return chat.services.health.servers() == {"one": True}

        await until(knows)
        await chat.ended(early)
        assert shown.last == Done()
        assert (await chat.services.workflows.form("paint", ANN, HERE))["model"].choices == ("red.ckpt", "blue.ckpt")
        with pytest.raises(CannotRun, match="CheckpointLoaderSimple"):
            await chat.ask("imagine", text="a cat")

        gates.open("quick")
        await chat.ended((await chat.ask("gated", gate="quick"))[0])
        first, at_work = await chat.ask("gated", gate="first")
        await platform.until(running(at_work))
        second, waiting = await chat.ask("gated", BEN, gate="second")
        await platform.until(lambda: isinstance(waiting.last, Queued) and waiting.last.eta is not None)
        gates.open()
        await chat.ended(first, second)


async def test_servers_are_listed_while_they_are_up_and_until_their_worker_is_struck_off(postgres: str) -> None:
    async with (
        Database(new_postgres(postgres)) as database,
        WatchedServer() as server,
        Fleet([Member("one", Server(server.url))]) as fleet,
        Fleet([]) as nothing,
    ):
        await fleet.looked()
        worker, chat = (
            ServerRegistry(database, "far", fleet, TaskHealth(), OwnName(database)),
            ServerRegistry(database, None, nothing, TaskHealth(), OwnName(database)),
        )
        await worker.write()
        await chat.read()
        assert chat.servers["one"].up
        assert "LoadImage" in chat.known["one"]
        version = chat.version
        await chat.read()
        assert chat.version == version
        fleet.doubt("one")
        await worker.write()
        await chat.read()
        assert not chat.servers["one"].up
        assert chat.version > version
        assert "LoadImage" in chat.known["one"]
        await remove_worker(database, "far")
        await chat.read()
        assert chat.servers == {}


async def test_servers_of_one_name_at_two_workers_are_told_apart(postgres: str) -> None:
    async with (
        Database(new_postgres(postgres)) as database,
        WatchedServer() as server,
        Fleet([Member("one", Server(server.url))]) as fleet,
    ):
        await fleet.looked()
        left, right = (
            ServerRegistry(database, "left", fleet, TaskHealth(), OwnName(database)),
            ServerRegistry(database, "right", fleet, TaskHealth(), OwnName(database)),
        )
        await left.write()
        await right.write()
        await right.read()
        assert set(right.servers) == {"left/one", "right/one"}
        assert right.label("left", "one") == "left/one"


async def test_a_worker_is_lost_once_it_was_seen_to_be_silent(postgres: str) -> None:
    now = 0.0
    async with (
        Database(new_postgres(postgres)) as database,
        Fleet([Member("one", Server("http://127.0.0.1:9"))]) as fleet,
    ):
        worker = ServerRegistry(database, "far", fleet, TaskHealth(), OwnName(database))
        other = ServerRegistry(database, "near", fleet, TaskHealth(), OwnName(database), clock=lambda: now)

        async def watch(seconds: int) -> bool:
            nonlocal now
            for _second in range(seconds):
                now += 1.0
                await other.read()
            return set(other.lost) == {"far"}

        await worker.write()
        assert not await watch(10)
        await worker.write()
        assert not await watch(10)
        now += 60.0  # this process stood still, or could not ask the database: that tells nothing of the other
        assert not await watch(10)
        assert await watch(2)
        await worker.write()
        assert not await watch(1)


async def test_a_heartbeat_writes_the_time_alone_until_something_has_changed(postgres: str) -> None:
    rung = list[str]()
    async with (
        Database(new_postgres(postgres)) as database,
        Fleet([Member("one", Server("http://127.0.0.1:9")), Member("two", Server("http://127.0.0.1:9"))]) as fleet,
    ):
        database.bells.on(Topic.WORKERS, lambda: rung.append("a change"))
        worker = ServerRegistry(database, "far", fleet, TaskHealth(), OwnName(database))

        async def written() -> list[tuple[str, float, int]]:
            async with database.read() as connection:
                rows = await connection.execute(select(servers.c.name, servers.c.at, servers.c.up))
                return sorted((row.name, row.at, row.up) for row in rows)

        await worker.write()
        before = await written()
        await worker.write()
        after = await written()
        assert rung == ["a change"]
        assert [name for name, _at, _up in after] == ["one", "two"]
        assert all(now > then for (_, now, _), (_, then, _) in zip(after, before, strict=True))
        async with database.change() as connection:
            await connection.execute(delete(servers).where(servers.c.name == "two"))  # as `workers remove` does
        await worker.write()
        assert [name for name, _at, _up in await written()] == ["one", "two"]
        assert rung == ["a change"] * 2


async def test_what_another_process_wrote_over_a_heartbeat_is_put_right(postgres: str) -> None:
    """A worker that stood still said goodbye for the one that had taken its name."""
    lost = False

    class LostName(OwnName):
        async def confirm(self) -> None:
            if lost:
                raise StorageAway("the name is another process's")

    async with (
        Database(new_postgres(postgres)) as database,
        WatchedServer() as server,
        Fleet([Member("one", Server(server.url))]) as fleet,
        Fleet([]) as nothing,
    ):
        await fleet.looked()
        old = ServerRegistry(database, "far", fleet, TaskHealth(), LostName(database))
        new = ServerRegistry(database, "far", fleet, TaskHealth(), OwnName(database))
        chat = ServerRegistry(database, None, nothing, TaskHealth(), OwnName(database))
        await old.write()
        await new.write()
        lost = True
        with pytest.raises(StorageAway):
            await old._say_goodbye()
        await chat.read()
        assert chat.servers["one"].up
        more = {"worker": "far", "name": "more", "at_once": 1, "up": 1, "at": time()}
        for change in (
            update(servers).values(up=0),
            update(servers).values(condition=None),
            update(servers).values(at_once=7),
            delete(servers),
            insert(servers).values(more),
        ):
            async with database.change() as connection:
                await connection.execute(change)
            await new.write()
            await chat.read()
            assert set(chat.servers) == {"one"}
            assert (chat.servers["one"].condition, chat.servers["one"].at_once) == (Condition.UP, 1)


async def test_a_worker_that_comes_is_seen_by_others_at_once(postgres: str) -> None:
    """Nobody looks for workers again and again where there are none."""
    url = new_postgres(postgres)
    async with (
        Database(url) as here,
        Database(url) as there,
        Herald(here, TaskHealth()),
        Herald(there, TaskHealth()),
        Fleet([Member("one", Server("http://127.0.0.1:9"))]) as fleet,
        Fleet([]) as nothing,
        ServerRegistry(here, None, nothing, TaskHealth(), OwnName(here)) as chat,
    ):
        changed = asyncio.Event()
        chat.on_change.add(changed.set)
        assert not chat.has_others
        async with ServerRegistry(there, "far", fleet, TaskHealth(), OwnName(there)), asyncio.timeout(PATIENCE):
            await changed.wait()
            assert chat.has_others


@pytest.mark.long
async def test_what_servers_had_is_known_at_a_start_without_them(tmp_path: Path) -> None:
    server = WatchedServer(nodes=painter(["red.ckpt"], lambda _model, _color: None))
    async with house(tmp_path, servers=[server]) as home:
        assert (await home.services.workflows.form("paint", ANN, HERE))["model"].choices == ("red.ckpt",)
        async with Database.in_folder(tmp_path) as database:

            async def is_kept() -> bool:
                return bool(await KeptDefinitions(database).read())

            await until(is_kept)
    async with house(tmp_path, servers=[NamedServer("one", server.url)]) as home:
        assert home.services.health.servers() == {"one": False}
        assert (await home.services.workflows.form("paint", ANN, HERE))["model"].choices == ("red.ckpt",)
        with pytest.raises(CannotRun, match="CheckpointLoaderSimple"):
            await home.ask("imagine", text="a cat")


@pytest.mark.long
async def test_servers_that_were_removed_are_forgotten_and_equal_ones_are_read_once(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        kept, info = KeptDefinitions(database), ObjectInfo({"A": {"input": {}}})
        packed = PackedInfo.of(info)
        await kept.keep("near", {"one": packed, "two": packed}, ["one", "two"])
        await kept.keep("far", {"one": PackedInfo.of(ObjectInfo({}))}, ["one"])
        read = await kept.read()
        assert read["near", "one"] is read["near", "two"]
        assert read["near", "one"].data == info.data
        await kept.keep("near", {}, ["two"])
        assert set(await kept.read()) == {("near", "two"), ("far", "one")}
        await kept.forget("far")
        assert set(await kept.read()) == {("near", "two")}


async def test_another_process_remembers_the_servers_of_a_lost_worker(postgres: str) -> None:
    hours = [0.0]
    async with (
        Database(new_postgres(postgres)) as database,
        WatchedServer() as server,
        Fleet([Member("one", Server(server.url))]) as fleet,
        Fleet([]) as nothing,
    ):
        await fleet.looked()
        worker = ServerRegistry(database, "far", fleet, TaskHealth(), OwnName(database))
        chat = ServerRegistry(database, None, nothing, TaskHealth(), OwnName(database), lambda: hours[0] * 3600)
        await worker.write()
        await KeptDefinitions(database).keep("far", {"one": PackedInfo.of(fleet.known["one"])}, ["one"])
        await chat.read()
        hours[0] = 1
        await chat.read()
        assert chat.servers == {}
        assert "LoadImage" in chat.known["one"]
        version = chat.version
        await chat.read()
        assert (chat.version, set(chat.known)) == (version, {"one"})
        later = ServerRegistry(database, None, nothing, TaskHealth(), OwnName(database))
        async with later:
            assert "LoadImage" in later.known["one"]
        await worker.write()
        await chat.read()
        await remove_worker(database, "far")
        await chat.read()
        assert chat.known == {}
