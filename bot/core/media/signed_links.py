"""Links: addresses at which a file of a run can be fetched by whoever has them, for chats that cannot take the file."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from urllib.parse import quote

from bot.core.model import StoredFile
from bot.core.runs.repository import RunRepository
from bot.core.storage.key_value import KeyValueStore

PATH = "/shared/"
_SECRET = "links:secret"  # noqa: S105 - the name of a note


class SignedLinks:
    """A link holds for as long as its run is kept, and cannot be guessed: it is signed with a secret that all processes
    share. Without `base`, the page's address for the world, there are none. Methods raise `StorageFailed`.
    """

    def __init__(self, base: str, notes: KeyValueStore, records: RunRepository) -> None:
        self._base, self._notes, self._records = base.rstrip("/"), notes, records
        self._key = b""
        self._reading = asyncio.Lock()

    async def to(self, run_id: str, number: int, filename: str) -> str:
        """The address of a run's file, counted from 1; empty where the page has no address for the world."""
        if not self._base:
            return ""
        return f"{self._base}{PATH}{run_id}/{number}/{await self._mark(run_id, number)}/{quote(filename)}"

    async def file(self, run_id: str, number: int, mark: str) -> StoredFile | None:
        """What a link is to; None where it is forged, or its run is gone."""
        if not self._base or not hmac.compare_digest(mark.encode(), (await self._mark(run_id, number)).encode()):
            return None
        run = await self._records.get(run_id)
        files = run.shown.files if run is not None else ()
        return files[number - 1] if 0 < number <= len(files) else None

    async def _mark(self, run_id: str, number: int) -> str:
        message = f"{run_id}/{number}".encode()
        return hmac.new(await self._secret(), message, hashlib.sha256).hexdigest()[:40]

    async def _secret(self) -> bytes:
        """Drawn once by whoever comes first."""
        async with self._reading:
            if not self._key:
                await self._notes.add(_SECRET, secrets.token_hex(32))
                self._key = bytes.fromhex(await self._notes.get(_SECRET))
            return self._key
