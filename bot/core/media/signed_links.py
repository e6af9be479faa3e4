"""Signed links to the files of runs, for chats that cannot take a file. Anyone with the link can open it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from urllib.parse import quote

from bot.core.storage.key_value import KeyValueStore

SHARED_PATH = "/shared/"
_SECRET = "links:secret"  # noqa: S105 - the name of a note


class SignedLinks:
    """A link works as long as its run is kept. It cannot be guessed, because it is signed with a secret that all
    processes share. Without `base`, the page's public address, there are no links. Methods raise `StorageFailed`.
    """

    def __init__(self, base: str, notes: KeyValueStore) -> None:
        self._base, self._notes = base.rstrip("/"), notes
        self._key = b""
        self._reading = asyncio.Lock()

    @property
    def base(self) -> str:
        """The page's public address; empty if it has none."""
        return self._base

    async def url(self, run_id: str, number: int, filename: str) -> str:
        """Return the link to a run's file, counted from 1; empty if the page has no public address."""
        if not self._base:
            return ""
        return f"{self._base}{SHARED_PATH}{run_id}/{number}/{await self.mark(_file(run_id, number))}/{quote(filename)}"

    async def is_genuine(self, run_id: str, number: int, mark: str) -> bool:
        """True if a link with this mark was made here."""
        return await self.is_marked(_file(run_id, number), mark)

    async def mark(self, subject: str) -> str:
        """Sign what a link is about."""
        return hmac.new(await self._secret(), subject.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:40]

    async def is_marked(self, subject: str, mark: str) -> bool:
        """True if this mark was made here for this subject."""
        given = mark.encode("utf-8", "surrogatepass")
        return bool(self._base) and hmac.compare_digest(given, (await self.mark(subject)).encode())

    async def _secret(self) -> bytes:
        """Return the shared secret. The first process creates it."""
        async with self._reading:
            if not self._key:
                await self._notes.add(_SECRET, secrets.token_hex(32))
                self._key = bytes.fromhex(await self._notes.get(_SECRET))
            return self._key


def _file(run_id: str, number: int) -> str:
    return f"{run_id}/{number}"
