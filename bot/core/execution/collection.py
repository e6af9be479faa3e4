"""Fetch what a run made: the files of the nodes that count, each checked and without metadata; and keep the pictures
that a server sends and does not save.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.media.metadata.cleaned import cleaned
from bot.core.model import ResultFile
from bot.core.storage.temporary import room
from bot.core.workflows.form import listed
from bot.i18n import ngettext
from comfy.client import ComfyClient
from comfy.errors import AnswerTooLarge
from comfy.messages.events import PictureSent
from comfy.messages.files import MEDIA, Kind
from comfy.messages.history import FileOutput, Record

if TYPE_CHECKING:
    from bot.core.runs.validation import ValidatedRequest

_LEAST = 4096  # bytes that a picture counts at least: so much the smallest file takes


class SentFiles:
    """The pictures of one prompt, with the ids of the nodes that sent them. All together have at most `most` bytes."""

    def __init__(self, folder: Path, most: int) -> None:
        self.files: list[tuple[str, Path]] = []
        self._folder, self._most, self.size = folder, most, 0

    async def keep(self, picture: PictureSent) -> None:
        """Raises `AnswerTooLarge` and `DiskFull`."""
        self.size += max(len(picture.data), _LEAST)
        if self.size > self._most:
            raise AnswerTooLarge("the pictures that were sent are too large", self._most, is_file=True)
        path = self._folder / f"sent-{len(self.files) + 1}.png"
        with room():
            await asyncio.to_thread(path.write_bytes, picture.data)
        self.files.append((picture.node, path))

    def forget(self) -> None:
        """Forget them all, because they are sent again."""
        self.files, self.size = [], 0


@dataclass(frozen=True)
class Usable:
    """The files that can be delivered, and a sentence for each reason why others cannot: in `faults` for those that are
    not what their names say, and in `left_out` for those from which the workflow cannot be removed.
    """

    files: list[ResultFile]
    faults: list[str]
    left_out: list[str]


@dataclass(frozen=True)
class ResultFetcher:
    """Puts the files of a run into `folder`."""

    client: ComfyClient
    run: ValidatedRequest
    folder: Path
    keep_metadata: bool

    async def fetch(self, record: Record, sent: SentFiles) -> list[ResultFile]:
        """Download the outputs that count, and add those that were sent. All together they may have as many bytes as
        the operator allows.
        """
        named = self.run.workflow.outputs
        added = [path for node_id, path in sent.files if not named or node_id in named]
        chosen, fetched = self._chosen(record, bool(added)), list[ResultFile]()
        count, most = len(chosen) + len(added), self.client.server.largest_file
        left = most - sent.size
        for number, output in enumerate(chosen, 1):
            path, name = self._place(output, number, count)
            try:
                left -= (await self.client.download(output.file, path, left)).size
            except AnswerTooLarge as fault:
                raise AnswerTooLarge(str(fault), most, is_file=True) from fault
            fetched.append(ResultFile(path, name, str(output.kind)))
        for number, path in enumerate(added, len(chosen) + 1):
            fetched.append(ResultFile(path, self._name(number, count) + path.suffix, str(Kind.IMAGE)))
        return fetched

    async def usable(self, files: list[ResultFile]) -> Usable:
        """Check files, and remove the workflow from them."""
        faults, kept, showing = defaultdict[str, list[str]](list), list[ResultFile](), list[str]()
        for file in files:
            found = await cleaned(
                file.path,
                is_media=file.kind in MEDIA,
                is_picture=file.kind == Kind.IMAGE,
                keep=self.keep_metadata or file.kind == Kind.TEXT,
            )
            if found.fault is not None:
                faults[found.fault].append(file.filename)
            elif not found.shows_workflow:
                kept.append(replace(file, is_blank=found.is_blank))
            else:
                showing.append(file.filename)
        return Usable(kept, [_unsent(names, fault) for fault, names in faults.items()], _unsent_workflows(showing))

    def saved(self, record: Record) -> list[FileOutput]:
        """Return the files that count and were saved, not only previewed."""
        named = self._named(record) if self.run.workflow.outputs else record.files
        return [output for output in named if output.file.type == "output"]

    def _named(self, record: Record) -> list[FileOutput]:
        return [output for output in record.files if output.node_id in self.run.workflow.outputs]

    def _chosen(self, record: Record, sent: bool) -> list[FileOutput]:
        """The outputs that the workflow names; else what was saved; else, if nothing was `sent`, what was only
        previewed.
        """
        if self.run.workflow.outputs:
            return self._named(record)
        saved = self.saved(record)
        return saved if saved or sent else [output for output in record.files if output.file.type == "temp"]

    def _place(self, output: FileOutput, number: int, count: int) -> tuple[Path, str]:
        """Return where a file is stored, and its name for people. Both are ours: the server's may be anything."""
        suffix = _suffix(output.file.filename)
        return self.folder / f"output-{number}{suffix}", self._name(number, count) + suffix

    def _name(self, number: int, count: int) -> str:
        return f"{self.run.stem}-{number}" if count > 1 else self.run.stem


def _unsent(names: list[str], reason: str) -> str:
    words = ngettext(
        "{names} is not sent: {reason}.", "{names} are not sent. The reason for each: {reason}.", len(names)
    )
    return words.format(names=listed(names), reason=reason)


def _unsent_workflows(names: list[str]) -> list[str]:
    if not names:
        return []
    words = ngettext(
        "{names} is not sent: it contains the workflow. The operator can allow that with {setting}.",
        "{names} are not sent: they contain the workflow. The operator can allow that with {setting}.",
        len(names),
    )
    return [words.format(names=listed(names), setting="DARKROOM_KEEP_METADATA=yes")]


def _suffix(filename: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,16}$", filename)
    return found[0].lower() if found else ""
