"""The bodies of requests and answers: files as streams, with a length going out and a limit coming in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from aiohttp import payload

from comfy.errors import AnswerTooLarge

MB = 1_000_000
_CHUNK = 256 * 1024  # bytes of an upload that are read at a time
_BLOCK = 2 * 2**20  # bytes of a download that are written at a time; a thread for each chunk would cost more
_LONGEST_TITLE = 60  # characters
_PAGE = re.compile(rb"\s*(?><!--.*?-->\s*)*+<(?:!doctype\s+html|html|head)\b", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(rb"<title[^<>]*>([^<]*)", re.IGNORECASE)


class FileBody(payload.AsyncIterablePayload):
    """The content of a file. Its length is known, because some proxies refuse a request without one (411)."""

    def __init__(self, chunks: AsyncIterable[bytes], size: int) -> None:
        super().__init__(chunks, content_type="application/octet-stream")
        self._size = size

    @classmethod
    async def of(cls, path: Path) -> FileBody:
        """Read the first chunk at once, so that an unreadable file fails before the request."""
        first, size = await asyncio.to_thread(lambda: (_read(path, 0), path.stat().st_size))
        return cls(_chunks(path, first), size)


@asynccontextmanager
async def as_file(source: Path | AsyncIterable[bytes]) -> AsyncIterator[Path]:
    """Give chunks a file for the time of an upload; only then their length is known, and they can be sent again."""
    if isinstance(source, Path):
        yield source
        return
    with TemporaryDirectory(prefix="darkroom-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "upload"
        await asyncio.to_thread(path.touch)
        async for chunk in source:
            await asyncio.to_thread(_put, path, "ab", [chunk])
        yield path


async def read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return a body of at most `most` bytes, counted after unpacking. Raises `AnswerTooLarge`."""
    held = bytearray()
    async for chunk in answer.content.iter_any():
        held += chunk
        if len(held) > most:
            raise AnswerTooLarge(f"{answer.url.path} answers with more than {most // MB} MB", most)
    return bytes(held)


async def write(answer: aiohttp.ClientResponse, path: Path, most: int) -> int:
    """Write a body to a file as it arrives, in a thread. Raises `AnswerTooLarge`, and leaves no file then.
    aiohttp raises an error if the body is too short.
    """
    size, held, mode = 0, list[bytes](), "wb"
    try:
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            _check(size, most)
            held.append(chunk)
            if sum(map(len, held)) >= _BLOCK:
                await asyncio.to_thread(_put, path, mode, held)
                held, mode = [], "ab"
        await asyncio.to_thread(_put, path, mode, held)
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    return size


def page_title(body: bytes) -> str | None:
    """Return the title of a web page, which may be empty; None if the body is not a web page."""
    head = body[:65_536]
    if _PAGE.match(head) is None:
        return None
    found = _TITLE.search(head)
    words = found[1].decode("utf-8", "replace").split() if found else []
    title = "".join(letter for letter in " ".join(words) if letter.isprintable())
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1].rstrip() + "…"


def _check(size: int, most: int) -> None:
    if size > most:
        raise AnswerTooLarge(f"a file is larger than {most / MB:g} MB", most, is_file=True)


async def _chunks(path: Path, first: bytes) -> AsyncIterator[bytes]:
    chunk, offset = first, 0
    while chunk:
        yield chunk
        offset += len(chunk)
        chunk = await asyncio.to_thread(_read, path, offset)


def _read(path: Path, offset: int) -> bytes:
    """Open, read and close in one call, so that no file stays open if the caller is cancelled."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_CHUNK)


def _put(path: Path, mode: str, chunks: list[bytes]) -> None:
    with path.open(mode) as file:
        file.writelines(chunks)
