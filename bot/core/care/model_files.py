"""Fetches the files of models into the models' folder of a ComfyUI on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from bot.core.errors import UserError
from bot.i18n import _
from comfy.saved.needs import ModelLink

_PART = re.compile(r"[\w+-][\w .+()-]{0,199}")  # of a path: none begins with a dot
_REDIRECTS = 5
_CHUNK = 1 << 20
_SPARE = 500_000_000  # bytes that stay free on the disk
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)


@dataclass(frozen=True)
class FetchedModel:
    """A model that is in place; `checked` against the checksum that its workflow names."""

    path: Path
    size: int
    checked: bool


class ModelFetcher:
    """Fetches from these hosts alone: `example.org`, or `*.example.org` for all below it."""

    def __init__(self, folder: Path, hosts: Sequence[str], tell: Callable[[int, int], None]) -> None:
        """`tell` hears how many bytes are there, and of how many; 0 if that is not known."""
        self._folder, self._hosts, self._tell = folder, hosts, tell

    async def fetch(self, link: ModelLink) -> FetchedModel:
        """Fetch a model, and go on where an earlier try ended if its host says that the file is still the same. It
        appears under its name once it is whole. Raises `UserError` and `OSError`.
        """
        target = self._target(link)
        if target.exists():
            raise UserError(_("{file} is there already.").format(file=target))
        part = target.with_name(f".{target.name}.part")
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
            try:
                await self._download(session, URL(link.url), part)
            except aiohttp.ClientError as fault:
                raise ConnectionError(str(fault)) from fault
        if link.sha256 and await asyncio.to_thread(_digest, part) != link.sha256:
            await asyncio.to_thread(part.unlink)
            await asyncio.to_thread(part.with_suffix(".mark").unlink, missing_ok=True)
            words = _(
                "{name} is not the file that the workflow names: its checksum differs. It was deleted. "
                "Try again, or tell the workflow's author."
            )
            raise UserError(words.format(name=link.name))
        await asyncio.to_thread(os.replace, part, target)
        await asyncio.to_thread(part.with_suffix(".mark").unlink, missing_ok=True)
        return FetchedModel(target, await asyncio.to_thread(_size, target), bool(link.sha256))

    def _target(self, link: ModelLink) -> Path:
        parts = [*link.folder.split("/"), link.name]
        if not link.url or not link.folder:
            words = _("The workflow does not say where {name} can be had, or in which folder it belongs.")
            raise UserError(words.format(name=link.name))
        if not all(_PART.fullmatch(each) for each in parts):
            raise UserError(_("“{path}” cannot be the place of a model.").format(path="/".join(parts)))
        return self._folder.joinpath(*parts)

    async def _download(self, session: aiohttp.ClientSession, url: URL, part: Path) -> None:
        mark = part.with_suffix(".mark")
        begun, known = await asyncio.to_thread(_size, part), await asyncio.to_thread(_read, mark)
        begun = begun if known else 0  # without a mark nobody can say that the rest is of the same file
        headers = {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={begun}-", "If-Range": known} if begun else {}
        async with self._opened(session, url, headers) as response:
            if response.status == 416 and response.headers.get("Content-Range", "") == f"bytes */{begun}":
                return
            if response.status not in (200, 206):
                words = _("{host} answered with status {status}.")
                raise UserError(words.format(host=response.url.host, status=response.status))
            goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {begun}-")
            begun = begun if goes_on else 0
            if not goes_on:
                await asyncio.to_thread(mark.write_text, _validator(response.headers), encoding="utf-8")
            left = response.content_length or 0
            self._check_room(part.parent, left)
            with await asyncio.to_thread(part.open, "ab" if goes_on else "wb") as file:
                size = begun
                async for chunk in response.content.iter_chunked(_CHUNK):
                    await asyncio.to_thread(file.write, chunk)
                    size += len(chunk)
                    self._tell(size, begun + left if left else 0)

    @asynccontextmanager
    async def _opened(
        self, session: aiohttp.ClientSession, url: URL, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for an address, and for those to which it redirects, as long as their hosts are listed."""
        for _hop in range(_REDIRECTS):
            self._check_host(url)
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status not in (301, 302, 303, 307, 308) or "Location" not in response.headers:
                    yield response
                    return
                url = url.join(URL(response.headers["Location"]))
        raise UserError(_("{host} redirects too often.").format(host=url.host))

    def _check_host(self, url: URL) -> None:
        host = (url.host or "").lower()
        if url.scheme not in ("http", "https") or not any(_is_of(host, each.lower()) for each in self._hosts):
            words = _("{host} is not among the hosts in {setting}, so nothing is fetched from there.")
            raise UserError(words.format(host=host or url, setting="DARKROOM_MODEL_HOSTS"))

    def _check_room(self, folder: Path, size: int) -> None:
        free = shutil.disk_usage(folder).free
        if size + _SPARE > free:
            words = _("There is no room for it in {folder}: it needs {size:.1f} GB more, and {free:.1f} GB are free.")
            raise UserError(words.format(folder=folder, size=(size + _SPARE) / 1e9, free=free / 1e9))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _validator(headers: Mapping[str, str]) -> str:
    """Return what says that a file is still the same: its tag, if that is a strong one, or else when it was changed."""
    tag = headers.get("ETag", "").strip()
    return tag if tag.startswith('"') else headers.get("Last-Modified", "").strip()


def _is_of(host: str, listed: str) -> bool:
    return host.endswith(listed[1:]) if listed.startswith("*.") else host == listed


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
