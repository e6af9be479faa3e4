"""The room that is left on the disk of the data folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.core.watching.trouble import Trouble, Weight
from bot.i18n import _

_FULL, _LEAST = 0.9, 500_000_000  # of the disk, and bytes: below that, pictures of a busy minute may not fit
_SMALL = 0.05  # of a disk that is small itself


@dataclass(frozen=True)
class Room:
    """Bytes of a disk."""

    total: int
    free: int

    @classmethod
    def at(cls, folder: Path) -> Room:
        """Measure the disk with a folder. Raises `OSError`."""
        measured = shutil.disk_usage(folder)
        return cls(measured.used + measured.free, measured.free)  # without what only root may use

    @property
    def used(self) -> float:
        """The used part, from 0 to 1."""
        return 1 - self.free / self.total if self.total else 1.0

    def trouble(self) -> Trouble | None:
        if self.free < min(_LEAST, _SMALL * self.total):
            words = _("the disk with the data folder is full but for {free:.0f} MB: make room on it")
            return Trouble("disk", "", words.format(free=self.free / 1e6))
        if self.used >= _FULL:
            words = _("the disk with the data folder is {percent} % full: {free:.1f} GB are left")
            words = words.format(percent=int(100 * self.used), free=self.free / 1e9)
            return Trouble("disk", "", words, Weight.REMARK, advice=_("Make room on it."))
        return None
