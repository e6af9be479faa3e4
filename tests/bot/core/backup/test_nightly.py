"""A backup is made once a night, on a clock that the test sets, and only so many are kept."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import pytest

from bot.core.background import Remark, TaskHealth
from bot.core.backup.nightly import NightlyBackups
from bot.core.errors import ConfigError, StorageAway


class Night:
    """A clock, and a maker of backups that can fail."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.tasks, self.now = folder, TaskHealth(), datetime(2026, 11, 1)  # noqa: DTZ001 - of this machine
        self.fault: Exception | None = None
        self.backups = NightlyBackups(folder, keep, self.make, self.tasks, lambda: self.now)

    async def make(self, path: Path) -> None:
        if self.fault is not None:
            raise self.fault
        self.folder.mkdir(exist_ok=True)
        assert not path.exists()
        path.write_text("a backup")

    async def at(self, *moment: int) -> list[str]:
        """Look at a moment of November 2026; the backups that there are then."""
        self.now = datetime(2026, 11, *moment)  # noqa: DTZ001 - of this machine
        await self.backups.look()
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


async def test_once_a_night_and_so_many_are_kept(tmp_path: Path) -> None:
    night = Night(tmp_path / "backups")
    first = ["darkroom-2026-11-01-2200.tar"]  # the first one at once
    assert await night.at(1, 22, 0) == first
    assert await night.at(2, 3, 29) == first
    second = [*first, "darkroom-2026-11-02-0333.tar"]
    assert await night.at(2, 3, 33) == second
    assert await night.at(2, 23, 59) == second
    (night.folder / "darkroom-by-hand.tar").write_text("another")
    (night.folder / "erased.jsonl").touch()
    found = await night.at(5, 12, 0)  # the machine was off in two nights
    kept = ["darkroom-2026-11-02-0333.tar", "darkroom-2026-11-05-1200.tar", "darkroom-by-hand.tar", "erased.jsonl"]
    assert found == kept


@pytest.mark.parametrize("fault", [ConfigError("there is no room"), StorageAway("the database is away")])
async def test_one_that_fails_is_told_counted_and_made_an_hour_later(
    tmp_path: Path, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    night = Night(tmp_path / "backups")
    night.fault = fault
    with caplog.at_level(logging.ERROR, "darkroom"):
        assert await night.at(1, 3, 30) == []
    (record,) = caplog.records
    assert (record.message, record.__dict__["reason"]) == ("backup_failed", str(fault))
    assert night.tasks.failures["nightly backup"] == 1
    assert night.tasks.failing == {}  # requests are taken
    remark = night.tasks.remarks["nightly backup"]
    assert remark == Remark("it failed, and is tried again an hour later.", str(fault))
    night.fault = None
    assert await night.at(1, 4, 29) == []
    assert await night.at(1, 4, 30) == ["darkroom-2026-11-01-0430.tar"]
    assert night.tasks.remarks == {}
