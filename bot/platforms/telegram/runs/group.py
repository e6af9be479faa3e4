"""A group's message: how many are done and the newest of them, then one album of all, with the words and buttons below.

What was sent is noted under the group's id, as that of a run is under the run's. An album that was being sent when the
program ended is sent again, and the words below say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from telegram import InlineKeyboardMarkup

from bot.core.errors import DeliveryFailed, MessageGone
from bot.core.model import Address, Cell, GroupSummary, Queued, Result, ResultFile, Running, Status
from bot.core.platform import sheet_of, work_folder
from bot.core.port import CellResults
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Gone, Unchanged, Unsuitable
from bot.platforms.telegram.runs import callback_data, captions
from bot.platforms.telegram.runs.media import OutgoingMedia, Way, contents
from bot.platforms.telegram.runs.packing import Packed, packed, text_file
from bot.platforms.telegram.runs.reply import ReplyContext, TelegramReply


class TelegramGroup(TelegramReply):
    """See `bot.core.port.GroupMessage`."""

    def __init__(self, context: ReplyContext, address: Address, group: GroupSummary) -> None:
        super().__init__(context, address, replace(group.brief, run_id=group.id))
        self._group = group
        self._parts: list[tuple[str, int]] = []  # of each file of the album: its run, and its number there
        self._repeated, self._album = False, 0
        self._warnings: tuple[str, ...] = ()

    async def progress(self, group: GroupSummary) -> None:
        """Show how far it is. A result that is there already stays, instead of previews of the next."""
        self._group = group
        status = group.lead.status if group.lead is not None else Queued()
        if isinstance(status, Running) and (group.results or not self._previews):
            status = replace(status, preview=None)
        await super().show(status)

    async def fill(self, group: GroupSummary, results: CellResults) -> None:
        """See `GroupMessage.fill`."""
        self._group = group
        if group.has_ended:
            await self._finish_all(results)
        else:
            await self._show_newest(group.results[-1], results)

    async def _show_newest(self, cell: Cell, results: CellResults) -> None:
        """Put the newest picture into the message that says how many are done."""
        if self._state.is_final or self._state.newest == cell.run_id or await self._is_moved():
            return
        result = await results(cell)
        with work_folder() as folder:
            files = await self._to_show(result, folder)
            found = await packed(files, self.limits.file_bytes, folder)
            if not found.shown or found.shown[0].way is Way.DOCUMENT:
                return
            number = self._supersede()
            async with self._state.lock:
                await self._put_newest(found.shown[0], number)
        self._state.newest = cell.run_id

    async def _to_show(self, result: Result, folder: Path) -> tuple[ResultFile, ...]:
        """The first file of a result; where its person has to choose, all of its pictures as one."""
        pictures = [file.path for file in result.files if file.kind == "image"]
        if self._group.choices and len(pictures) > 1:
            sheet = await sheet_of(pictures, folder / "choices.jpg")
            if sheet is not None:
                return (ResultFile(sheet, sheet.name, "image"),)
        return result.files[:1]

    async def _put_newest(self, only: OutgoingMedia, number: int) -> None:
        spoiler = await self._is_hidden()

        async def edit(chat: int) -> None:
            if self._state.edit_number != number:
                return
            async with contents([only], local=self._api.local) as (content,):
                media = only.media(content, captions.of_group(self._group, captions.CAPTION), spoiler=spoiler)
                keyboard = self._waiting_keyboard
                await self._api.bot.edit_message_media(media, chat, self._target, reply_markup=keyboard)

        try:
            await self._api.ask(self._chat, edit, message=self._target)
        except Unchanged:
            return
        except Gone as fault:
            if not await self._look_for_it() and not self._api.has_migrated(self._chat):
                raise MessageGone from fault
        except Unsuitable as fault:
            raise DeliveryFailed(str(fault)) from fault

    @property
    def _may_be_picture(self) -> bool:
        return True

    async def _is_moved(self) -> bool:
        """True if the words stand below the album already."""
        await self._look_for_it()
        return self._state.moved_to is not None

    async def _finish_all(self, results: CellResults) -> None:
        """Send the album and the words below it, or put the only picture in the message's own place."""
        self._supersede(final=True)
        every = [(cell, await results(cell)) for cell in self._group.results]
        self._parts = [(cell.run_id, number) for cell, result in every for number in range(len(result.files))]
        texts = tuple(_numbered(cell, text, len(every)) for cell, result in every for text in result.texts)
        files = tuple(_named(cell, file) for cell, result in every for file in result.files)
        whole = Result(self._group.id, self._brief.workflow, self._group.brief.values, files, texts)
        with work_folder() as folder:
            async with self._state.lock:
                packing = await packed(files, self.limits.file_bytes, folder)
                if texts and captions.units(self._result_text(whole, captions.TEXT * 8, *texts)) > captions.TEXT:
                    file = await text_file("\n\n".join(texts), f"{self._brief.workflow}.txt", folder)
                    packing = replace(packing, beside=(*packing.beside, file))
                    whole = replace(whole, texts=())
                self._warnings = packing.warnings
                await self._deliver(packing, whole)

    @property
    def _waiting_keyboard(self) -> InlineKeyboardMarkup:
        return callback_data.group_waiting(self._group.id, self._group.choices)

    def _status_text(self, status: Status) -> str:
        return captions.of_group(self._group, captions.CAPTION)

    def _result_text(self, result: Result, most: int, *more: str) -> str:
        return captions.of_group_result(self._group, most, *self._warnings, *more)

    def _result_keyboard(self, result: Result, packing: Packed, *, original: bool) -> InlineKeyboardMarkup:
        whole = {each.number for each in packing.beside}
        original = original or any(each.way is Way.PHOTO and each.number not in whole for each in packing.shown)
        resumable = self._group.resumable
        return callback_data.group_ended(self._group.id, self._group.cells, original=original, resumable=resumable)

    def _part(self, number: int | None) -> list[Any]:
        if number is None or number >= len(self._parts):
            return [self._group.cells[0].run_id, None]
        return list(self._parts[number])

    async def _about_to_send(self, album: int) -> None:
        self._album = album
        self._repeated |= not await self._notes.add(storage_keys.sending(self._group.id, album), True)

    async def _send_group(self, group: Sequence[OutgoingMedia], *, spoiler: bool, below: int | None) -> list[int]:
        try:
            return await super()._send_group(group, spoiler=spoiler, below=below)
        except DeliveryFailed:  # for certain
            await self._notes.drop(storage_keys.sending(self._group.id, self._album))
            raise

    @property
    def _doubts(self) -> list[str]:
        words = _("Some may be here twice, because I was stopped while I sent them.")
        return [words] if self._repeated else []


def _named(cell: Cell, file: ResultFile) -> ResultFile:
    """A file under a name with the number of its run."""
    return replace(file, filename=f"{cell.number}-{file.filename}")


def _numbered(cell: Cell, text: str, count: int) -> str:
    return text if count == 1 else _("{number}: {text}").format(number=cell.name, text=text)
