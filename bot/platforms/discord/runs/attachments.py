"""Pieces: the files of a result, each as Discord takes it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import discord

from bot.core.model import Result, ResultFile, RunSummary
from bot.core.platform import fit, missing, moves, to_play
from bot.i18n import _, ngettext
from bot.platforms.discord.runs.text import alt_text, long_texts

FILES = 10  # attachments of a message
_PLAYS = (".mp4", ".m4v", ".mov", ".gif")  # on every device
REQUEST_BYTES = 25 * 2**20  # of all files of a message together, unless a single file may have more


@dataclass(frozen=True)
class DiscordAttachment:
    """A file to be attached: where it lies, or what is in it."""

    source: Path | bytes = field(repr=False)
    filename: str
    description: str = ""
    spoiler: bool = False

    def open(self) -> discord.File:
        """A fresh `File`: the library closes each after one attempt to send it."""
        source = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source
        return discord.File(source, self.filename, spoiler=self.spoiler, description=self.description or None)


@dataclass(frozen=True)
class PackedResult:
    """The files that go into the message; `notes` say what had to be changed, `reduced` that there are more."""

    pieces: tuple[DiscordAttachment, ...] = ()
    notes: tuple[str, ...] = ()
    reduced: bool = False


async def pack(result: Result, brief: RunSummary, most: int, *, spoiler: bool = False) -> PackedResult:
    """The files of a result within a limit of bytes a file, and of a request."""
    packed = PackedResult()
    room = FILES - (1 if long_texts(result) else 0)
    files = result.files[:room]
    share = await asyncio.to_thread(_share, files, most)
    for number, file in enumerate(files):
        limit = share
        if share < most and file.kind != "image":  # it can be made no smaller
            kept = share * sum(later.kind == "image" for later in files[number:])
            limit = min(most, max(most, REQUEST_BYTES) - kept - await total(packed.pieces))
        packed = await _add(packed, file, limit)
    if left := len(result.files) - room:
        packed = _left_over(packed, left)
    pieces = [replace(each, description=alt_text(brief), spoiler=spoiler) for each in packed.pieces]
    if long_texts(result):
        pieces.append(DiscordAttachment("\n\n".join(result.texts).encode(), f"{brief.workflow}.txt"))
    return replace(packed, pieces=tuple(pieces))


def _share(files: Sequence[ResultFile], most: int) -> int:
    """The bytes that each file may have so that all of them fit into one request."""
    together = max(most, REQUEST_BYTES)
    needed = sum(min(file.path.stat().st_size, most) for file in files)
    return most if needed <= together else together // len(files)


async def _add(packed: PackedResult, file: ResultFile, most: int) -> PackedResult:
    if await moves(file):
        return await _add_film(packed, file, most)
    size = await asyncio.to_thread(_size, file.path)
    if size <= most:
        return replace(packed, pieces=(*packed.pieces, DiscordAttachment(file.path, file.filename)))
    fitted = await fit(file.path, file.path.parent, most) if file.kind == "image" else None
    if fitted is None:
        return _left_out(packed, too_large(file.filename, size, file.link))
    return _with_smaller(packed, DiscordAttachment(fitted, Path(file.filename).stem + fitted.suffix), most)


async def _add_film(packed: PackedResult, file: ResultFile, most: int) -> PackedResult:
    play = await to_play(file, file.path.parent, most, _PLAYS)
    if play is None:
        size = await asyncio.to_thread(_size, file.path)
        return _left_out(packed, " ".join(filter(None, (too_large(file.filename, size, file.link), missing()))))
    piece = DiscordAttachment(play.file.path, play.file.filename)
    if play.smaller:
        return _with_smaller(packed, piece, most)
    return replace(packed, pieces=(*packed.pieces, piece), reduced=packed.reduced or play.made)


def _left_out(packed: PackedResult, note: str) -> PackedResult:
    return PackedResult(packed.pieces, (*packed.notes, note), True)


def _with_smaller(packed: PackedResult, piece: DiscordAttachment, most: int) -> PackedResult:
    words = _("{name} is smaller than it was made, to fit into Discord's {most} MB.")
    note = words.format(name=piece.filename, most=f"{most / 2**20:.2g}")
    return PackedResult((*packed.pieces, piece), (*packed.notes, note), True)


async def largest(pieces: Sequence[DiscordAttachment]) -> int:
    """The bytes of the largest of some pieces."""
    return max([await asyncio.to_thread(_size, piece.source) for piece in pieces], default=0)


async def total(pieces: Sequence[DiscordAttachment]) -> int:
    """The bytes of some pieces together."""
    return sum([await asyncio.to_thread(_size, piece.source) for piece in pieces])


def _size(source: Path | bytes) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def too_large(filename: str, size: int, link: str) -> str:
    """A file that can only be named, or linked to."""
    words = (
        _("{name} has {size:.1f} MB, more than Discord takes here. Open it at")
        if link
        else _("{name} has {size:.1f} MB, more than Discord takes here.")
    )
    return f"{words.format(name=filename, size=size / 2**20)} {link}".strip()


def _left_over(packed: PackedResult, count: int) -> PackedResult:
    if count <= 0:
        return packed
    words = ngettext("{count} more file did not fit here.", "{count} more files did not fit here.", count)
    return PackedResult(packed.pieces, (*packed.notes, words.format(count=count)), True)
