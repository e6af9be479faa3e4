"""Temporary files: where they are, what is left of them after a kill, and what is said if there is no room."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import STDOUT

import pytest

from bot.core.errors import DiskFull, StorageFailed
from bot.core.media.blob_store import BlobStore
from bot.core.storage import temporary
from bot.core.storage.temporary import locked_folder, process_folder, sweep, work_folder
from tests.bot.forks import Forked, fork
from tests.bot.harness import picture

ROOT = Path(__file__).parents[4]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may have any content."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def program(folder: Path, *words: str, line: str, **settings: str) -> AsyncIterator[Forked]:
    """A command with its temporary files in `folder`, after it has said a line."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("DARKROOM_", "COMFYUI_"))}
    environ |= {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **settings}
    process = await fork("bot.__main__", *words, env=environ, folder=folder, log=STDOUT)
    try:
        said = []
        while each := await process.said.readline():
            said.append(each.decode())
            if line in said[-1]:
                break
        else:
            raise AssertionError("".join(said))
        yield process
    finally:
        process.kill()
        await process.wait()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("darkroom-*"))


DEMO = ("demo", "--no-browser")
START = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": "0"}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")
@pytest.mark.long
async def test_what_a_killed_command_left_is_deleted_by_the_next_and_what_a_living_one_has_stays(
    tmp_path: Path,
) -> None:
    async with program(tmp_path, *DEMO, line="http"):
        (living,) = left(tmp_path)
        async with program(tmp_path, *DEMO, line="http") as killed:
            assert len(left(tmp_path)) == 2
            killed.kill()
            await killed.wait()
        assert len(left(tmp_path)) == 2
        async with program(tmp_path, "workflows", line="poster") as next_one:
            await next_one.wait()
        assert left(tmp_path) == [living]
        assert (tmp_path / living / "data").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")
async def test_a_program_with_a_data_folder_has_its_temporary_files_in_it(tmp_path: Path) -> None:
    data, system = tmp_path / "data", tmp_path / "system"
    system.mkdir()
    settings = {**START, "DARKROOM_DATA_DIR": str(data)}
    async with program(system, "start", line="the page is at", **settings) as killed:
        assert left(system) == []
        killed.kill()
        await killed.wait()
    first = set(left(data / "tmp"))
    assert first
    async with program(system, "start", line="the page is at", **settings) as process:
        assert first.isdisjoint(left(data / "tmp"))
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert (left(data / "tmp"), left(system)) == ([], [])


def test_children_and_libraries_use_the_folder_too(tmp_path: Path) -> None:
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with process_folder(tmp_path / "tmp") as folder:
        program = "import tempfile; print(tempfile.gettempdir())"
        child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        with work_folder() as work:
            assert work.parent == folder == Path(tempfile.gettempdir()) == Path(child.stdout.strip())
            (work / "file").touch()
        _tidied()
        assert list(work.iterdir()) == []
    assert not folder.exists()
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before


def test_folders_without_a_lock_are_deleted_when_they_are_old(tmp_path: Path) -> None:
    for name in ("darkroom-old", "darkroom-new", "darkroom-used", "other-old"):
        (tmp_path / name / "within").mkdir(parents=True)
    for path in (*tmp_path.glob("*-old/within"), *tmp_path.glob("*-old"), tmp_path / "darkroom-used"):
        os.utime(path, (0, time.time() - 100_000))
    (tmp_path / "darkroom-link").symlink_to(tmp_path / "other-old")
    sweep(tmp_path)
    assert left(tmp_path) == ["darkroom-link", "darkroom-new", "darkroom-used"]
    assert (tmp_path / "other-old" / "within").is_dir()


async def test_a_full_disk_is_said_wherever_a_file_is_on_its_way(tmp_path: Path) -> None:
    store = BlobStore.open(tmp_path / "media")
    key = await store.keep(picture(tmp_path / "given").path)
    with full_disk(), pytest.raises(DiskFull, match="The disk may be full"):
        await store.fetch(key, tmp_path / "copy.png")
    with pytest.raises(DiskFull, match="The disk may be full"), work_folder() as folder, full_disk():
        (folder / "file").write_bytes(b"content")
    with pytest.raises(StorageFailed, match="is gone"):
        await store.fetch("ab/" + "ab" * 32, tmp_path / "copy.png")


@pytest.mark.long
def test_a_command_says_that_the_disk_is_full(tmp_path: Path) -> None:
    photo = picture(tmp_path / "given").path
    command = [sys.executable, "-m", "bot", "run", "negative", "--photo", str(photo)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with full_disk():
        process = subprocess.run(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True, check=False)
    assert process.returncode == 1
    assert "There is no room for temporary files" in process.stderr


def test_a_disk_without_locks_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: object, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError, match="No locks available"), locked_folder(tmp_path):
        pass


def _tidied() -> None:
    """Wait until the folders that were given back are tidy."""
    assert temporary._spares is not None
    temporary._spares._thread.submit(str).result()


def test_an_empty_folder_is_used_again_and_one_with_files_is_emptied_first(tmp_path: Path) -> None:
    with process_folder(tmp_path / "tmp") as folder:
        with work_folder() as first:
            pass
        with work_folder() as again, work_folder() as other:
            assert again == first != other
            (again / "file").touch()
        _tidied()
        with work_folder() as new, work_folder() as newer:
            assert {new, newer} == {first, other}
            assert list(new.iterdir()) == list(newer.iterdir()) == []
    assert not folder.exists()


def test_a_folder_with_a_folder_in_it_or_beside_many_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary, "_SPARE", 1)
    with process_folder(tmp_path / "tmp"):
        with work_folder() as deep:
            (deep / "a" / "b").mkdir(parents=True)
            (deep / "a" / "b" / "file").touch()
        _tidied()
        assert not deep.exists()
        with work_folder() as one, work_folder() as two:
            for each in (one, two):
                (each / "file").touch()
        _tidied()
        assert [one.exists(), two.exists()].count(True) == 1


def test_what_is_given_back_at_the_last_moment_is_deleted(tmp_path: Path) -> None:
    with ExitStack() as late, process_folder(tmp_path / "tmp") as folder:
        work = late.enter_context(work_folder())
        (work / "file").touch()
    assert not folder.exists()
    assert not work.exists()
