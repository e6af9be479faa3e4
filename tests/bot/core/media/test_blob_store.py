from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import DiskFull, StorageFailed
from bot.core.media.blob_store import BlobStore
from bot.core.storage.temporary import process_folder
from tests.bot.core.storage.test_temporary import full_disk


async def test_any_part_of_a_file_can_be_read(tmp_path: Path) -> None:
    media, given = BlobStore.open(tmp_path / "media"), tmp_path / "clip.mp4"
    content = bytes(range(256)) * 4096
    given.write_bytes(content)
    key = await media.keep(given)
    assert await media.size(key) == len(content)
    for start, end in ((0, len(content)), (0, 1), (300_000, 700_001), (len(content) - 1, len(content))):
        assert b"".join([piece async for piece in media.stream(key, start, end)]) == content[start:end]


async def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    media = BlobStore.open(tmp_path / "media")
    with pytest.raises(StorageFailed, match="gone"):
        await media.size("ab/nothing.png")
    with pytest.raises(StorageFailed, match="gone"):
        async for _piece in media.stream("ab/nothing.png", 0, 1):
            pass


async def test_what_is_no_key_names_no_file(tmp_path: Path) -> None:
    media, secret = BlobStore.open(tmp_path / "media"), tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    for key in ("../secret.png", str(secret), "ab/../../secret.png", ""):
        with pytest.raises(StorageFailed, match="gone"):
            await media.fetch(key, tmp_path / "copy.png")
        await media.forget([key])
        assert not await media.has(key)
    assert secret.read_bytes() == b"secret"


async def test_a_file_that_found_no_room_leaves_nothing(tmp_path: Path) -> None:
    media, given = BlobStore.open(tmp_path / "media"), tmp_path / "cat.png"
    given.write_bytes(b"cat" * 100_000)
    with full_disk(), pytest.raises(DiskFull):
        await media.keep(given)
    assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []


async def test_an_object_store_keeps_files_alike() -> None:
    media = BlobStore.open("memory:///")
    with process_folder() as folder:
        (folder / "cat.PNG").write_bytes(b"cat")
        key = await media.keep(folder / "cat.PNG")
        assert key.endswith(".png")
        assert (await media.fetch(key, folder / "copy.png")).read_bytes() == b"cat"
    assert (await media.size(key), await media.has(key)) == (3, True)
    assert b"".join([piece async for piece in media.stream(key, 1, 3)]) == b"at"
    assert [keys async for keys in media.older_than(-10.0)] == [[key]]
    await media.forget([key, key])
    assert not await media.has(key)
    with pytest.raises(StorageFailed, match="gone"):
        await media.size(key)
