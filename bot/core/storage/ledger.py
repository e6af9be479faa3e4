"""The ledger of erasures: which runs and people were deleted, and which accounts were parted, in a file that no backup
contains.

A backup still has what was deleted after it was made. Whoever restores it deletes that again, as the ledger says.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import time

import msgspec

from bot.core import events_log
from bot.core.errors import ConfigError
from bot.core.storage import private
from bot.i18n import _

NAME = "erased.jsonl"


@dataclass(frozen=True)
class Erasure:
    """Deleted at a moment: a run by its id, or all that a person, given as "platform:id", had asked for until then. Or
    an account, given likewise, was `parted` from the others of its person; or an invitation to the page, its link (a
    digest), or an account that was signed in there, was `revoked`.
    """

    at: float
    run: str = ""
    person: str = ""
    parted: str = ""
    revoked: str = ""


class ErasureLedger:
    """It only grows. A line is on disk before anything is deleted; one that cannot be written stops no deletion."""

    def __init__(self, path: Path, clock: Callable[[], float] = time) -> None:
        self.path, self._clock = path, clock

    async def note_runs(self, run_ids: Sequence[str]) -> None:
        now = self._clock()
        await self.add([Erasure(now, run=run_id) for run_id in run_ids])

    async def note_person(self, person: str) -> None:
        await self.add([Erasure(self._clock(), person=person)])

    async def note_parting(self, account: str) -> None:
        await self.add([Erasure(self._clock(), parted=account)])

    async def note_revoked(self, invitation: str) -> None:
        await self.add([Erasure(self._clock(), revoked=invitation)])

    async def add_missing(self, erasures: Iterable[Erasure]) -> None:
        """Add what another ledger says and this one does not."""
        known = await asyncio.to_thread(lambda: set(read(self.path)) if self.path.exists() else set())
        await self.add([each for each in erasures if each not in known])

    async def add(self, erasures: Iterable[Erasure]) -> None:
        """Add lines; a ledger is there from now on, also without any."""
        told = [{name: value for name, value in asdict(each).items() if value} for each in erasures]
        try:
            await asyncio.to_thread(_append, self.path, "".join(f"{json.dumps(each)}\n" for each in told).encode())
        except OSError as fault:
            events_log.erasure_not_noted(str(self.path), str(fault.strerror))


def read(path: Path) -> list[Erasure]:
    """Read a ledger. A line that a killed process did not write whole is left out. Raises `ConfigError`."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as fault:
        words = _("{file} cannot be read: {reason}")
        raise ConfigError(words.format(file=path, reason=fault.strerror)) from fault
    found = [each for line in lines if (each := _erasure(line)) is not None]
    if lines and not found:
        raise ConfigError(_("{file} is not a ledger of erasures.").format(file=path))
    return found


def _erasure(line: bytes) -> Erasure | None:
    try:
        return msgspec.json.decode(line, type=Erasure)
    except msgspec.MsgspecError:
        return None


def _append(path: Path, lines: bytes) -> None:
    private.make_folder(path.parent)
    file = private.opener(str(path), os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
    try:
        size = os.fstat(file).st_size
        os.lseek(file, max(0, size - 1), os.SEEK_SET)
        torn = os.read(file, 1) not in (b"", b"\n")  # a process was killed while it wrote
        os.write(file, b"\n" + lines if torn else lines)
        os.fsync(file)
    finally:
        os.close(file)
