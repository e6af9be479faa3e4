"""Backups in the terminal: make one, restore one, and let what was restored go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import ConfigError
from bot.i18n import _, ngettext
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from bot.core.backup.maker import BackupMade
    from bot.core.backup.restorer import Restored


def backup(app: Application, path: Path, media: bool | None) -> int:
    """Make a backup, and print what is in it."""

    async def work() -> int:
        for line in _of_backup(await app.backup(path, media=media)):
            say(line)
        return 0

    return attend(work())


def _of_backup(made: BackupMade) -> Iterator[str]:
    words = _("Backed up {runs} and {files} to {file} ({size:.1f} MB).")
    yield words.format(runs=_runs(made.runs), files=_files(made.files), file=made.path, size=made.size / 1e6)
    if made.paused:
        yield _("Writing stood still for {milliseconds:.0f} ms.").format(milliseconds=made.paused * 1000)
    if made.missing:
        words = _("{files} were deleted meanwhile, or were missing before.")
        yield words.format(files=_files(made.missing))
    for name in made.left_out:
        yield _("{file} is not in it, because of its name.").format(file=name)
    if made.media != "included":
        yield _("The files of runs are not in it.")
    yield _("Keep the ledger of erasures (erased.jsonl) beside it, and your settings: neither is in it.")


def export(app: Application, person: str, path: Path) -> int:
    """Write a person's data to a file, and print what is in it."""

    async def work() -> int:
        try:
            packed = await app.export(person, path)
        except OSError as fault:
            words = _("{file} cannot be written: {reason}")
            raise ConfigError(words.format(file=path, reason=fault.strerror or fault)) from fault
        say(packed.words)
        say(_("Give {file} to {person} alone: it has their words and pictures.").format(file=path, person=person))
        return 0

    return attend(work())


def restore(app: Application, path: Path, ledgers: Sequence[Path], *, without_erasures: bool) -> int:
    """Restore a backup, and print what is to be done next."""

    async def work() -> int:
        for line in _of_restored(await app.restore(path, ledgers, without_erasures=without_erasures)):
            say(line)
        return 0

    return attend(work())


def _of_restored(done: Restored) -> Iterator[str]:
    made = datetime.fromtimestamp(done.made_at).astimezone()
    words = _("Restored {runs} and {files}, as they were on {date:%Y-%m-%d at %H:%M}.")
    yield words.format(runs=_runs(done.runs), files=_files(done.files), date=made)
    if done.erased:
        yield _("Deleted again, because people had deleted them since: {runs}.").format(runs=_runs(done.erased))
    if done.media == "elsewhere":
        yield _("The files of runs are not in it: DARKROOM_MEDIA_URL has to name the store that has them.")
    if done.media == "left out":
        yield _("The files of runs are not in it: their messages stay, and Original says that they are gone.")
    for file in done.kept:
        yield _("{file} was here already, and is different: it stays as it is.").format(file=file)
    if done.unfinished:
        yield _("Not ended yet: {runs}. They go on once you say so.").format(runs=_runs(done.unfinished))
    yield _("Everything is paused. Once the original is gone for good, run: darkroom resume")


def move_to(app: Application, url: str) -> int:
    """Move the records to another database, and print what is to be done next."""

    async def work() -> int:
        runs = await app.move_to(url)
        say(_("Moved {runs}. Set DARKROOM_DATABASE_URL to the new database, and start again.").format(runs=_runs(runs)))
        say(_("The files of runs stay where they are."))
        words = _("Delete {files} once all is well: they still have what people wrote.")
        say(words.format(files="darkroom.db, discord.db, telegram.db, engine.db"))
        return 0

    return attend(work())


def resume(app: Application) -> int:
    """Let what was restored go on."""

    async def work() -> int:
        waited = await app.resume()
        say(_("It goes on from now.") if waited else _("Nothing is paused here."))
        return 0

    return attend(work())


def _runs(count: int) -> str:
    return ngettext("{count} run", "{count} runs", count).format(count=count)


def _files(count: int) -> str:
    return ngettext("{count} file", "{count} files", count).format(count=count)
