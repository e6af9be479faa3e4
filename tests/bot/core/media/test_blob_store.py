from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import StorageFailed
from bot.core.media.blob_store import BlobStore


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
