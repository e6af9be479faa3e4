"""The data folder is for the user of the program alone: from the moment that it is made, or from the next start."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.media.blob_store import BlobStore
from bot.core.run import State
from bot.core.storage import private
from bot.settings import Settings
from bot.stores import opened
from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, RecordingPlatform, house, picture, running

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """Return the rights of other users, by path."""
    return [str(path.relative_to(folder)) for path in [folder, *sorted(folder.rglob("*"))] if mode(path) & 0o077]


async def test_nothing_that_is_kept_can_be_read_by_others(tmp_path: Path) -> None:
    data = tmp_path / "data"
    photo = picture(tmp_path / "given", size=(64, 48))
    async with house(data, servers=()) as home:
        run_id, _shown = await home.ask("negative", photo=photo)
        (run,) = await home.ended(run_id)
        assert run.state is State.DONE
        kept = {path.name for path in data.rglob("*")}
        assert {"darkroom.db", "darkroom.db-wal", "darkroom.lock", "output"} <= kept
        assert [path for path in open_to_others(data) if not path.startswith("workflows/")] == []
        assert mode(data / "workflows") == 0o700


async def test_nothing_that_the_engine_keeps_can_be_read_by_others(tmp_path: Path) -> None:
    """It has tables of its own once a run goes on after a restart."""
    platform, gates = RecordingPlatform(), Gates()
    async with EmbeddedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path / "data", platform, [server]) as home:
            run_id, shown = await home.ask("gated")
            await platform.until(running(shown))
        (tmp_path / "data" / "engine.db").unlink(missing_ok=True)
        async with house(tmp_path / "data", platform, [server]) as home:
            gates.open()
            await home.ended(run_id)
            assert {"engine.db", "engine.db-wal"} <= {path.name for path in (tmp_path / "data").iterdir()}
            assert [path for path in open_to_others(tmp_path / "data") if not path.startswith("workflows/")] == []


@pytest.mark.long
async def test_a_data_folder_of_an_older_version_is_narrowed(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (data / "media" / "ab").mkdir(parents=True)
    elsewhere.mkdir()
    for path in ("darkroom.db-wal", "media/ab/abc.png", "darkroom.lock"):
        (data / path).touch()
    (elsewhere / "text").touch()
    (data / "media" / "cd").symlink_to(elsewhere)
    async with opened(Settings(data_dir=data)):
        (data / "media" / "cd").unlink()
        assert open_to_others(data) == []
    assert (mode(elsewhere), mode(elsewhere / "text")) == (0o755, 0o644)


@pytest.mark.long
async def test_what_others_keep_in_the_same_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "media" / "films").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    tmp_path.chmod(0o755)
    (tmp_path / "darkroom.db").touch()
    async with opened(Settings(data_dir=tmp_path)):
        assert open_to_others(tmp_path) == [".", "media", "media/films", "notes.txt"]


async def test_a_media_folder_may_be_shared_with_its_group(tmp_path: Path) -> None:
    given = tmp_path / "cat.png"
    given.write_bytes(b"cat")
    data = tmp_path / "data"
    for _time in range(2):
        async with opened(Settings(data_dir=data, shared_media=True)) as store:
            key = await store.media.keep(given)
        file = data / "media" / key
        assert [mode(each) for each in (data, data / "media", file.parent, file)] == [0o750, 0o750, 0o750, 0o640]
        assert mode(data / "darkroom.db") == 0o600
    async with opened(Settings(data_dir=data)):
        assert open_to_others(data) == []


async def test_files_in_a_folder_of_the_operators_are_for_whom_it_is(tmp_path: Path) -> None:
    given = tmp_path / "cat.png"
    given.write_bytes(b"cat")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o770)
    key = await BlobStore.open(shared).keep(given)
    assert (mode(shared), mode(shared / key)) == (0o770, 0o660)


async def test_what_cannot_be_narrowed_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_file: int, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "darkroom.db").touch()
    monkeypatch.setattr(os, "fchmod", refuse)
    with caplog.at_level(logging.WARNING):
        async with opened(Settings(data_dir=tmp_path / "data")):
            pass
    (told,) = [each.getMessage() for each in caplog.records if "other users" in each.getMessage()]
    assert "data/darkroom.db (Operation not permitted, and 1 more)" in told


def test_a_file_that_vanishes_meanwhile_is_no_fault(tmp_path: Path) -> None:
    assert private.narrow(tmp_path / "nothing") == []
