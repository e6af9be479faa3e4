"""The operator reads in the log which files are faulty: a line for each mistake, once."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.errors import StorageAway
from bot.core.retry import Pauses
from bot.core.workflows.live.live_catalog import LiveCatalog
from tests.patience import PATIENCE

GRAPH = """{
    "1": {"class_type": "EmptyImage", "inputs": {}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}
}"""


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the files whose mistakes the log has told, in order."""
    return [str(record.__dict__["file"]) for record in caplog.records if record.message == "workflow_faulty"]


async def test_each_mistake_is_logged_once_at_the_start_and_when_its_file_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "first.json").write_text("{")
    (tmp_path / "second.json").write_text("")
    async with LiveCatalog(tmp_path, tasks=TaskHealth(), step=0.2) as catalog:
        assert sorted(told(caplog)) == ["first.json", "second.json"]
        assert all(record.levelname == "WARNING" and record.__dict__["reason"] for record in caplog.records)

        await catalog.refresh()
        assert len(told(caplog)) == 2

        changed = asyncio.Event()
        catalog.on_change(changed.set)
        (tmp_path / "third.json").write_text("[]")
        while "third.json" not in told(caplog):
            await changed.wait()
            changed.clear()
    assert sorted(told(caplog)) == ["first.json", "second.json", "third.json"]


@pytest.mark.parametrize("way", ["away for a while", "another one in its place", "renamed", "brought", "made within"])
async def test_a_folder_that_takes_the_place_of_another_is_watched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    folder, other = tmp_path / "workflows", tmp_path / "other"
    folder.mkdir()
    other.mkdir()

    async def until_told(file: str) -> None:
        while file not in told(caplog):  # noqa: ASYNC110 - the log rings no bell
            await asyncio.sleep(0.01)

    async with LiveCatalog(folder, tasks=TaskHealth(), step=0.0), asyncio.timeout(PATIENCE):
        (folder / "a.json").write_text("{")
        await until_told("a.json")
        within = ""
        if way == "brought":
            within = "in/"
            other.rename(folder / "in")
        elif way == "made within":
            within = "in/deeper/"
            (folder / within).mkdir(parents=True)
        elif way == "renamed":
            folder.rename(tmp_path / "old")
            other.rename(folder)
        else:
            shutil.rmtree(folder)
            if way == "away for a while":
                await until_told(str(folder))
            folder.mkdir()
        (folder / within / "b.json").write_text("{")
        await until_told(f"{within}b.json")
        (folder / within / "c.json").write_text("{")
        await until_told(f"{within}c.json")


async def test_a_file_is_offered_though_the_database_failed_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.background._PAUSES", Pauses(0.01, 0.01))
    failed, changed = list[str](), asyncio.Event()

    async def fail(_ask: object = None, **_more: object) -> None:
        failed.append("once")
        monkeypatch.setattr(catalog, "_renew", renew)
        raise StorageAway("the database is away")

    async with LiveCatalog(tmp_path, tasks=TaskHealth(), step=0.0) as catalog, asyncio.timeout(PATIENCE):
        catalog.on_change(changed.set)
        renew = catalog._renew
        (tmp_path / "a.json").write_text(GRAPH)
        await changed.wait()
        changed.clear()
        monkeypatch.setattr(catalog, "_renew", fail)
        (tmp_path / "b.json").write_text(GRAPH)
        await changed.wait()
        assert len(catalog.workflows) == 2
    assert failed
