"""A change in a watched folder is told, wherever in it, and however it came about."""

from __future__ import annotations

import asyncio
import errno
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.core.workflows.live import folder_watch
from bot.core.workflows.live.folder_watch import FolderWatch, watching
from tests.patience import PATIENCE

if sys.platform != "linux":
    pytest.skip("elsewhere the folders are looked at", allow_module_level=True)
import asyncinotify


async def told(watch: FolderWatch, name: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(Path(path).name == name for path in await watch.take()):
            pass


@pytest.mark.parametrize(
    ("act", "name"),
    [
        (lambda folder: (folder / "new.json").write_text("{}"), "new.json"),
        (lambda folder: (folder / "a.json").write_text("[]"), "a.json"),
        (lambda folder: (folder / "in" / "b.json").write_text("[]"), "b.json"),
        (lambda folder: (folder / "a.json").replace(folder / "in" / "c.json"), "c.json"),
        (lambda folder: (folder / "in" / "b.json").unlink(), "b.json"),
        (lambda folder: shutil.rmtree(folder / "in"), "in"),
        (lambda folder: (folder / "in").rename(folder / "out"), "out"),
        (lambda folder: shutil.copytree(folder / "in", folder / "copied"), "copied"),
        (lambda folder: (folder / "in").rename(folder.parent / "away"), "in"),
        (lambda folder: (folder.parent / "other").rename(folder / "brought"), "brought"),
    ],
)
async def test_every_change_is_told(tmp_path: Path, act: Callable[[Path], object], name: str) -> None:
    folder = tmp_path / "workflows"
    for path in (folder / "a.json", folder / "in" / "b.json", tmp_path / "other" / "d.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    async with watching([folder], 0.0) as watch:
        await asyncio.to_thread(act, folder)
        await told(watch, name)


async def test_a_folder_that_is_a_link_is_watched_and_one_that_is_away_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there", target_is_directory=True)
    async with watching([tmp_path / "link", tmp_path / "away"], 0.0) as watch:
        (tmp_path / "there" / "a.json").write_text("{}")
        await told(watch, "a.json")


async def test_to_read_a_file_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    async with watching([tmp_path], 0.0) as watch:
        (tmp_path / "a.json").read_text()
        (tmp_path / "b.json").write_text("{}")
        async with asyncio.timeout(PATIENCE):
            assert {Path(path).name for path in await watch.take()} == {"b.json"}


async def test_where_the_system_watches_no_more_folders_they_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def add_watch(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(asyncinotify.Inotify, "add_watch", add_watch)
    monkeypatch.setattr(folder_watch, "_POLLED", 0.01)
    before = inotifies()
    async with watching([tmp_path], 0.0) as watch, asyncio.timeout(PATIENCE):
        assert inotifies() == before
        assert await watch.take() == set()
        assert watch.is_whole
    assert "so they are looked at: No space left" in caplog.text


@pytest.mark.parametrize(
    "act",
    [
        lambda folder: shutil.rmtree(folder),
        lambda folder: folder.rename(folder.with_name("old")),
        lambda folder: (folder.parent / "new").rename(folder.parent / "made"),
        lambda folder: (folder.parent / "new").rename(folder / "brought"),
        lambda folder: (folder / "in").mkdir(),
    ],
)
async def test_it_is_known_that_other_folders_are_to_be_watched(tmp_path: Path, act: Callable[[Path], object]) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (tmp_path / "new").mkdir()
    async with watching([folder, tmp_path / "made"], 0.0) as watch, asyncio.timeout(PATIENCE):
        (tmp_path / "beside").mkdir()
        (folder / "a.json").write_text("{}")
        await told(watch, "a.json")
        assert watch.is_whole
        await asyncio.to_thread(act, folder)
        while watch.is_whole:
            await watch.take()


async def test_a_watch_that_is_cancelled_as_it_begins_ends(tmp_path: Path) -> None:
    before = inotifies()

    async def watch() -> None:
        async with watching([tmp_path], 0.0):
            pass

    for turns in range(5):
        task = asyncio.create_task(watch())
        for _turn in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    assert inotifies() == before


async def test_many_changes_at_once_are_all_told(tmp_path: Path) -> None:
    seen = set[str]()
    async with watching([tmp_path], 0.0) as watch, asyncio.timeout(PATIENCE):
        for number in range(3000):
            (tmp_path / f"{number}.json").touch()
        while len(seen) < 3000:
            seen |= await watch.take()
        assert watch.is_whole


async def test_a_folder_that_can_be_read_only_later_is_watched_then(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir(mode=0o000)
    async with watching([tmp_path], 0.0) as watch, asyncio.timeout(PATIENCE):
        (tmp_path / "in").chmod(0o700)
        while watch.is_whole:
            await watch.take()


def inotifies() -> int:
    """Return how many watches of the system this process has."""
    links = Path("/proc/self/fd").iterdir()
    return sum("inotify" in str(each.readlink()) for each in links if each.is_symlink())


async def test_where_nothing_changes_it_is_told_that_nothing_did(tmp_path: Path) -> None:
    async with watching([tmp_path], 0.0, net=0.01) as watch, asyncio.timeout(PATIENCE):
        assert await watch.take() == set()
