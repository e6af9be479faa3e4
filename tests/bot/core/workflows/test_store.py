"""The workflows of several processes on one database, and every version that a run may still use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from bot.core.background import TaskHealth
from bot.core.errors import UnknownWorkflow
from bot.core.storage.database import Database
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.identity.versions import WorkflowVersions
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.source import Layer
from comfy.object_info import ObjectInfo
from tests.bot.databases import new_postgres
from tests.comfy.saved.graphs import DEFINITIONS, graph, node

DAY = 86_400.0


def write(folder: Path, name: str, color: int = 1) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (folder / f"{name}.json").write_text(json.dumps(graph))


@asynccontextmanager
async def catalog(store: WorkflowStore, *folders: Path | tuple[Layer, Path]) -> AsyncIterator[LiveCatalog]:
    async with LiveCatalog(*folders, tasks=TaskHealth(), step=0.2) as live, live.recorded_in(store):
        yield live


def colors(live: LiveCatalog) -> dict[str, int]:
    return {each.name: each.prompt["1"].inputs["color"] for each in live.workflows.values()}


async def until(live: LiveCatalog, wanted: dict[str, int]) -> None:
    """Wait until a catalog has these workflows, by name with their colors."""
    news = asyncio.Event()
    live.on_change(news.set)
    while colors(live) != wanted:
        news.clear()
        await news.wait()


@pytest.mark.long
async def test_a_run_uses_the_version_it_was_asked_for_after_its_file_has_changed_and_gone(tmp_path: Path) -> None:
    own = tmp_path / "own"
    write(own, "a sheet", 1)
    async with Database.in_folder(tmp_path) as database:
        store = WorkflowStore(database)
        async with catalog(store, own) as live:
            versions, first = WorkflowVersions(live, store), live.find("a_sheet")
            write(own, "a sheet", 2)
            await live.refresh()
            assert live.find("A sheet").version != first.version
            assert (await versions.get(first.id, first.version)).prompt["1"].inputs["color"] == 1
            assert (await versions.get(first.id, "")).prompt["1"].inputs["color"] == 2
            (own / "a sheet.json").unlink()
            await live.refresh()
            with pytest.raises(UnknownWorkflow, match="There is no workflow"):
                live.find("a_sheet")
            assert live.title(first.id) == "a sheet"
            assert (await versions.get(first.id, first.version)).prompt["1"].inputs["color"] == 1
            with pytest.raises(UnknownWorkflow):
                await versions.get(first.id, "")
        async with catalog(store, own) as live:
            versions = WorkflowVersions(live, store)
            assert versions.at_hand(first.id, first.version) is None
            assert await versions.fetch()
            found = versions.at_hand(first.id, first.version)
            assert found is not None
            assert (found.title, found.prompt["1"].inputs["color"]) == ("a sheet", 1)


async def test_what_stands_in_for_a_version_that_is_not_kept_is_always_the_newest(tmp_path: Path) -> None:
    own = tmp_path / "own"
    write(own, "sheet", 1)
    async with Database.in_folder(tmp_path) as database:
        store = WorkflowStore(database)
        async with catalog(store, own) as live:
            versions = WorkflowVersions(live, store)
            for color in (2, 3):
                write(own, "sheet", color)
                await live.refresh()
                found = await versions.get("sheet", "of long ago")
                assert found.prompt["1"].inputs["color"] == color


@pytest.mark.long
async def test_a_saved_version_waits_for_the_first_server_and_is_not_replaced(tmp_path: Path) -> None:
    own, servers = tmp_path / "own", dict[str, ObjectInfo]()
    own.mkdir()
    (own / "sheet.json").write_text(json.dumps(graph(node(1, "Blank", (64, 64)))))
    async with Database.in_folder(tmp_path) as database:
        store = WorkflowStore(database)
        async with catalog(store, own) as live:
            (saved,) = await store.all()
            write(own, "sheet", 2)
            await live.refresh()
            versions = WorkflowVersions(live, store)
            assert versions.at_hand(saved.id, saved.version) is None
            assert not await versions.fetch()
            servers["one"] = ObjectInfo(DEFINITIONS)
            async with live.following(lambda: servers):
                found = await versions.get(saved.id, saved.version)
                assert found.prompt["1"].inputs == {"width": 64, "height": 64}


@pytest.mark.long
async def test_versions_are_kept_for_ninety_days_and_as_long_as_a_run_uses_them(tmp_path: Path) -> None:
    now, own = 0.0, tmp_path / "own"
    async with Database.in_folder(tmp_path) as database:
        store = WorkflowStore(database, lambda: now)
        async with catalog(store, own) as live:
            kept = []
            for color in (1, 2, 3):
                write(own, "sheet", color)
                await live.refresh()
                kept.append(live.find("sheet").version)
            assert set(await store.versions(kept)) == set(kept)
            now = 91 * DAY
            await store.sweep({kept[0]})
            assert set(await store.versions(kept)) == {kept[0], kept[2]}


async def test_a_process_without_the_files_has_the_workflows_of_the_others(tmp_path: Path, postgres: str) -> None:
    own, nothing = tmp_path / "own", tmp_path / "nothing"
    nothing.mkdir()
    write(own, "sheet", 1)
    write(own, "portraits/Ann", 5)
    async with Database(new_postgres(postgres)) as database:
        store = WorkflowStore(database)
        async with catalog(store, own) as worker, catalog(store, nothing) as chat:
            await until(chat, {"sheet": 1, "ann": 5})
            assert chat.find("ann").group == "portraits"
            assert {each.id: each.version for each in chat.workflows.values()} == {
                each.id: each.version for each in worker.workflows.values()
            }
            write(own, "sheet", 2)
            await until(chat, {"sheet": 2, "ann": 5})
            (own / "sheet.json").unlink()
            await until(chat, {"ann": 5})
        async with catalog(store, nothing) as chat:
            assert colors(chat) == {"ann": 5}  # also while no worker is up
        (own / "portraits" / "Ann.json").unlink()
        write(own, "other", 7)
        async with catalog(store, own), catalog(store, nothing) as chat:
            await until(chat, {"other": 7})  # what went while its worker was down is gone


@pytest.mark.long
async def test_a_file_saved_under_a_name_does_not_get_the_id_of_the_one_that_it_replaces(tmp_path: Path) -> None:
    bundled, added, own = tmp_path / "bundled", tmp_path / "added", tmp_path / "own"
    write(bundled, "sheet", 1)
    own.mkdir()
    async with Database.in_folder(tmp_path) as database:
        store = WorkflowStore(database)
        folders = ((Layer.BUNDLED, bundled), (Layer.ADDED, added), (Layer.FOLDER, own))
        async with catalog(store, *folders) as live:
            first = live.find("sheet")
            write(added, "sheet", 2)
            await live.refresh()
            second = live.find("sheet")
            assert (second.prompt["1"].inputs["color"], second.id != first.id) == (2, True)
            write(own, "sheet", 3)
            await live.refresh()
            third = live.find("sheet")
            assert (third.prompt["1"].inputs["color"], third.id) == (3, first.id)  # the operator's own, of the bundled
            (own / "sheet.json").unlink()
            await live.refresh()
            assert live.find("sheet").id == second.id
            (added / "sheet.json").unlink()
            await live.refresh()
            assert (live.find("sheet").id, colors(live)) == (first.id, {"sheet": 1})


@pytest.mark.long
async def test_a_reading_asks_the_database_only_for_what_has_changed(tmp_path: Path) -> None:
    own = tmp_path / "own"
    for number in range(100):
        write(own, f"sheet {number}")
    async with Database.in_folder(tmp_path) as database:
        store, asked = WorkflowStore(database), list[tuple[str, object]]()
        async with catalog(store, own) as live:
            event.listen(
                database._engine.sync_engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3]))
            )
            await live.refresh()
            assert asked == []
            write(own, "sheet 7", 2)
            await live.refresh()
            assert colors(live)["sheet_7"] == 2
            written = [given for text, given in asked if text.startswith(("INSERT", "UPDATE"))]
            assert len(written) == 2  # its identity, and its content
            read = [text for text, _given in asked if text.startswith("SELECT") and "workflows.id" in text]
            assert all("edition >" in text for text in read)
            asked.clear()
            await live.refresh()
            assert asked == []
            (own / "sheet 8.json").unlink()
            await live.refresh()
            assert "sheet_8" not in colors(live)
            assert len([text for text, _given in asked if text.startswith("UPDATE")]) == 1
        async with catalog(WorkflowStore(database), own) as live:
            assert len(colors(live)) == 99
