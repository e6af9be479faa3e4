"""A person's own data as a file: all that is kept of them, nothing of others, and no more than fits."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import randbytes
from typing import Any
from zipfile import ZipFile

import pytest

from bot.core.errors import NotAllowed, UserError
from bot.core.media.blob_folder import BlobFolder
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Person, StoredFile
from bot.core.people.accounts import LinkedAccounts
from bot.core.policy.audit import Audit
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.presets.store import PresetStore
from bot.core.run import State
from bot.core.runs.history.own_data import OwnDataService
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.studio.drafts import DraftStore
from bot.core.studio.forgetting import AuthorTraces
from bot.core.workflows.identity.authors import VersionAuthors
from bot.stores import export
from comfy.embedded import EmbeddedServer
from tests.bot.core.runs.counting import Clock, new
from tests.bot.harness import ANN, BEN, HERE, MOD, House, QuickSettings, house, picture
from tests.bot.turns import Turns

MUCH = 10**9


def read(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the data of such a file, and its other files with their sizes."""
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {each.filename: each.file_size for each in archive.infolist() if each.filename != "data.json"}
        return json.loads(archive.read("data.json")), files


async def handed(home: House, most: int = MUCH) -> tuple[dict[str, Any], dict[str, int], int]:
    async with home.services.data.handed_over(ANN, most) as packed:
        assert packed.path.stat().st_mode & 0o077 == 0
        data, files = read(packed.path)
        path = packed.path
    assert not path.exists()
    return data, files, packed.left_out


async def in_least_room(home: House) -> tuple[dict[str, Any], dict[str, int], int]:
    """Ask with a little more room each time, until there is enough for what is told; no file has room yet."""
    for most in range(0, 100_000, 50):
        with suppress(UserError):
            return await handed(home, most)
    raise AssertionError


@pytest.mark.long
async def test_a_file_has_all_of_a_person_and_nothing_of_others(tmp_path: Path) -> None:
    async with house(tmp_path / "data", servers=[EmbeddedServer()]) as home:
        photo = picture(tmp_path / "given", "My cat.png")
        first, _shown = await home.ask("poster", photo=photo, colors="3")
        theirs, _shown = await home.ask("negative", BEN, photo=picture(tmp_path / "given", "Ben's.png", (32, 16)))
        runs = await home.ended(first, theirs)
        await home.services.presets.keep(ANN, runs[0], "Mine")
        await home.services.gallery.mark(ANN, [first], on=True)
        await home.services.pings.choose(ANN, "5", direct=True)
        await home.services.moderation.block(MOD, HERE, ANN, "spam")
        with pytest.raises(NotAllowed):
            await home.ask("plain")
        data, files, left_out = await handed(home)
        assert data["person"] == ANN.key
        (run,) = data["runs"]
        assert (run["id"], run["state"], run["place_name"]) == (first, State.DONE, "Here")
        assert {each["path"] for each in (*run["given"], *run["results"])} == set(files)
        assert (run["given"][0]["name"], left_out) == ("My cat.png", 0)
        assert [each["name"] for each in data["presets"]] == ["Mine"]
        assert (data["favourites"], data["notify"]) == ([first], {ANN.key: {"after": 5, "direct": True}})
        assert [(line["act"], line["own"]) for line in data["log"]] == [("block", False), ("refused", True)]
        assert BEN.name not in json.dumps(data)
        assert MOD.name not in json.dumps(data)

        with pytest.raises(UserError, match="a moment ago"):
            await handed(home)
        home.services.data._made.clear()
        data, files, left_out = await in_least_room(home)
        assert (files, left_out) == ({}, 2)
        assert [each["name"] for each in data["runs"][0]["given"]] == ["My cat.png"]

    settings = QuickSettings(data_dir=tmp_path / "data")
    packed = await export(settings, BEN.key, tmp_path / "ben.zip")
    data, files = read(tmp_path / "ben.zip")
    assert ([run["id"] for run in data["runs"]], len(files), packed.files) == ([theirs], 2, 2)
    with pytest.raises(FileExistsError):
        await export(settings, BEN.key, tmp_path / "ben.zip")


def service(folder: Path, database: Database, media: BlobStore, accounts: LinkedAccounts) -> OwnDataService:
    links = SignedLinks("https://example.org", KeyValueStore(database))
    traces = AuthorTraces(DraftStore(folder / "studio"), VersionAuthors(KeyValueStore(database)))
    return OwnDataService(database, media, links, PresetStore(database), Audit(database), accounts, traces)


class PipeStore(BlobFolder):
    """Gives a pipe instead of a file: who reads it waits for the test."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pipes = asyncio.Queue[Path]()

    async def fetch(self, key: str, path: Path) -> Path:
        os.mkfifo(path)
        self.pipes.put_nowait(path)
        return path


async def test_who_cancels_it_waits_for_the_thread_that_writes_the_file(
    tmp_path: Path, database: Database, clock: Clock
) -> None:
    media, accounts = PipeStore(tmp_path / "media"), LinkedAccounts(database, clock)
    (tmp_path / "file.bin").write_bytes(b"x")
    file = StoredFile(await media.keep(tmp_path / "file.bin"), "file.bin", "file")
    await RunQueue(database, ConcurrencyLimits(1, 9), clock, accounts).enqueue(replace(new(), inputs={"file": file}))
    packing = asyncio.create_task(service(tmp_path, database, media, accounts).pack("test:ann", tmp_path / "x.zip"))
    path = await media.pipes.get()
    with await asyncio.to_thread(path.open, "wb", 0) as pipe:
        await asyncio.to_thread(pipe.write, bytes(1_000_000))  # more than a pipe holds: the thread is at work on it
        packing.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await packing
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.long
async def test_a_file_is_never_larger_than_a_chat_takes(
    tmp_path: Path, database: Database, clock: Clock, records: RunRepository
) -> None:
    media, accounts = BlobStore.open(tmp_path / "media"), LinkedAccounts(database, clock)
    queue = RunQueue(database, ConcurrencyLimits(1, 1000), clock, accounts)
    own_data = service(tmp_path, database, media, accounts)
    ann, anna = Person("test", "ann"), Person("other", "7")
    assert await accounts.join(anna, await accounts.code(ann)) is not None
    for number in range(300):
        (tmp_path / "file.bin").write_bytes(randbytes(500))
        file = StoredFile(await media.keep(tmp_path / "file.bin"), "file.bin", "file")
        given = {"text": randbytes(1000).hex()}
        await queue.enqueue(replace(new(), person=(ann, anna)[number % 2], values=given, inputs={"file": file}))
        clock.now += 1
    path = tmp_path / "data.zip"
    packing = Turns(own_data.pack(anna.key, path, 600_000))
    packed = await packing
    assert packing.given >= 3  # others have a turn, even where no file is waited for
    assert path.stat().st_size <= 600_000
    data, files = read(path)
    path.unlink()
    asked = [run["asked_at"] for run in data["runs"]]
    assert asked == sorted(asked, reverse=True)
    assert len(asked) == len({run["id"] for run in data["runs"]}) == 300
    assert 0 < len(files) == packed.files == 300 - packed.left_out < 300
    with pytest.raises(UserError, match="even without the files"):
        await own_data.pack(anna.key, path, 300_000)
    assert not path.exists()
