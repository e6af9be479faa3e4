"""Original: the files of a run as they were made, to the one who asks alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import discord

from bot.core.model import StoredFile
from bot.core.platform import lossless, work_folder
from bot.i18n import _
from bot.platforms.discord.runs.attachments import FILES, REQUEST_BYTES, DiscordAttachment, too_large
from bot.platforms.discord.runs.submit import Click, DiscordContext, tell
from bot.platforms.discord.runs.text import fitting

_TOO_LARGE = 413
_ROOM = 1900  # characters for links


@dataclass(frozen=True)
class _WholeFile:
    """A file with its link on the page. `attachment` is None if Discord says that it is too large."""

    filename: str
    size: int
    link: str
    attachment: DiscordAttachment | None
    bytes: int = 0

    @property
    def note(self) -> str:
        return too_large(self.filename, self.size, self.link)


async def hand_over(
    context: DiscordContext, click: Click, run_id: str, files: Sequence[StoredFile], first: int = 1
) -> None:
    """Send files of a run from the `first` on to the one who clicked; those that Discord does not take, as links."""
    with work_folder() as folder:
        every = [await _whole(context, click, run_id, number, file, folder) for number, file in enumerate(files, first)]
        refused = [each for each in every if each.attachment is None]
        await tell(click, _named(refused) or _("As it was made:"))
        count = len(refused)
        for batch in _batches([each for each in every if each.attachment is not None]):
            refused += await _sent(click, batch)
        if len(refused) > count:
            await tell(click, _named(refused))


def _named(refused: Iterable[_WholeFile]) -> str:
    return fitting([each.note for each in refused], _ROOM).strip()


async def _whole(
    context: DiscordContext, click: Click, run_id: str, number: int, file: StoredFile, folder: Path
) -> _WholeFile:
    """A file with nothing lost: as it is, or the same pixels in less room."""
    path = await context.services.files.fetch(file, folder / f"{number}{Path(file.key).suffix}")
    link = await context.services.runs.link(run_id, number, file.filename)
    size = await asyncio.to_thread(_size, path)
    if size <= click.filesize_limit:
        return _WholeFile(file.filename, size, link, DiscordAttachment(path, file.filename), size)
    packed = await lossless(path, path.parent, click.filesize_limit) if file.kind == "image" else None
    if packed is None:
        return _WholeFile(file.filename, size, link, None)
    attachment = DiscordAttachment(packed, Path(file.filename).stem + packed.suffix)
    return _WholeFile(file.filename, size, link, attachment, await asyncio.to_thread(_size, packed))


def _batches(files: Sequence[_WholeFile]) -> list[list[_WholeFile]]:
    """The files by messages: as many as a message and a request take."""
    batches: list[list[_WholeFile]] = []
    for each in files:
        last = batches[-1] if batches else []
        if not last or len(last) == FILES or sum(one.bytes for one in last) + each.bytes > REQUEST_BYTES:
            batches.append([])
        batches[-1].append(each)
    return batches


async def _sent(click: Click, files: Sequence[_WholeFile]) -> list[_WholeFile]:
    """Send files in one message, or singly if they are too large together. Return those that Discord does not take."""
    try:
        attachments = [each.attachment.open() for each in files if each.attachment is not None]
        await click.followup.send(files=attachments, ephemeral=True)
    except discord.HTTPException as fault:
        if fault.status != _TOO_LARGE:
            raise
        if len(files) == 1:
            return list(files)
        return [refused for each in files for refused in await _sent(click, [each])]
    return []


def _size(path: Path) -> int:
    return path.stat().st_size
