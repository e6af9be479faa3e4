"""A group's message on Discord: its files grow as runs end, each edit sends the new ones and keeps the others.

The message itself says which are there: each file's name begins with the number of its run. What has no room there, or
comes when the message is an hour old, goes into a second one, which answers it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import discord
from discord.utils import snowflake_time

from bot.core.errors import DeliveryFailed, MessageGone, PlatformAway
from bot.core.model import Cell, GroupSummary, Result, Running, Status
from bot.core.platform import Pauses, retry
from bot.core.port import CellResults
from bot.i18n import _
from bot.platforms.discord.components import choice_row, group_row
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.rest import AWAY, DiscordRest, MessageDraft
from bot.platforms.discord.runs.attachments import (
    FILES,
    REQUEST_BYTES,
    DiscordAttachment,
    largest,
    pack,
    total,
)
from bot.platforms.discord.runs.reply import GONE, DiscordReply, OutOfReach, less, wish
from bot.platforms.discord.runs.text import group_result_text, group_text, long_texts

_log = logging.getLogger(__name__)
_PAUSES = Pauses(0.5, 8.0, times=3)  # before it is tried again while Discord is away; then the group waits
_HOUR = 3600.0  # seconds after which Discord allows few edits of a message
_TOO_OLD = 30046  # there were too many edits of an old message
_INLINE = 600  # characters of texts that are still read in the message
_REMEMBERED = 1000  # messages of which the files are remembered


@dataclass(frozen=True)
class _Packed:
    """The files of one run, under names with its number, and what had to be changed."""

    number: int
    pieces: tuple[DiscordAttachment, ...]
    notes: tuple[str, ...]


class DiscordGroup(DiscordReply):
    """See `bot.core.port.GroupMessage`."""

    def __init__(self, rest: DiscordRest, spot: MessageRef, group: GroupSummary, *, previews: bool = True) -> None:
        super().__init__(rest, spot, replace(group.brief, run_id=group.id), previews=previews)
        self._group, self._texts, self._notes = group, list[str](), list[str]()

    async def progress(self, group: GroupSummary) -> None:
        """Show how far it is. A preview would take the place of results, so there is none after the first."""
        self._group, lead = group, group.lead
        if lead is None:
            return
        status = lead.status
        if isinstance(status, Running) and group.results:
            status = replace(status, preview=None)
        await self._pass(status)

    async def fill(self, group: GroupSummary, results: CellResults) -> None:
        """See `GroupMessage.fill`."""
        self._group = group
        if group.has_ended:
            self._rest.end(self._spot.message)
        async with self._rest.lock(self._spot.message):
            what = f"the results of group {group.id} wait until Discord takes them"
            try:
                await retry(partial(self._fill, results), (*AWAY, discord.HTTPException), _PAUSES, what, wish)
            except (*AWAY, discord.HTTPException) as fault:
                raise PlatformAway(_("Discord could not be reached.")) from fault

    async def _fill(self, results: CellResults) -> None:
        self._texts, self._notes = [], []
        try:
            await self._put(results)
        except (discord.NotFound, discord.Forbidden, OutOfReach) as fault:
            if isinstance(fault, discord.NotFound) and fault.code == GONE:
                raise MessageGone from fault
            _log.info("group %s: its message cannot be edited: %s", self._group.id, fault)
            if self._group.has_ended:
                await self._send_to_person(results, fault)

    async def _put(self, results: CellResults) -> None:
        """Send what the message does not show yet, as much as a request takes at a time; then the words and buttons."""
        kept = await self._attached()
        known = self._rest.attached.get(self._spot.message, kept)
        shown = {number for each in kept if (number := number_of(each.filename)) is not None}
        left = await self._packed(results, shown, self._spot.bytes)
        if left and (self._is_old or len(kept) + sum(len(each.pieces) for each in left) > FILES):
            there = {number_of(each.filename) for each in await self._rest.beside(self._spot)}
            left = [each for each in left if each.number not in there]
        while left:
            batch = await _batch(left, 0 if self._is_old else FILES - len(kept))
            if not batch:
                await self._add_beside(left)
                break
            kept = await self._grow(kept, batch)
            left = left[len(batch) :]
        if self._group.has_ended or self._group.choices or len(known) > len(kept):
            await self._finish(kept)

    async def _attached(self) -> tuple[discord.Attachment, ...]:
        """The files of results that the message shows. An edit tells; this process remembers what its own have told."""
        known = self._rest.attached.get(self._spot.message)
        if known is None:
            try:
                message = await self._edit_anywhere(MessageDraft(self._text))
            except discord.HTTPException as fault:
                if fault.code != _TOO_OLD:
                    raise
                return ()
            self._remember(message)
            known = tuple(message.attachments)
        numbers = {cell.number for cell in self._group.cells}
        return tuple(each for each in known if number_of(each.filename) in numbers)

    async def _packed(self, results: CellResults, shown: set[int], most: int) -> list[_Packed]:
        """The files of the results that are not shown yet; and the short texts of all."""
        packed = []
        for cell in self._group.results:
            if cell.texts and self._group.has_ended:
                self._texts += [f"{cell.name}: {text}" for text in cell.texts]
            if cell.number in shown or not (cell.files or cell.texts):
                continue
            result = await results(cell)
            found = await self._pack(cell, result, most)
            self._notes += found.notes
            packed += [found] if found.pieces else []
        return packed

    async def _pack(self, cell: Cell, result: Result, most: int) -> _Packed:
        if not long_texts(result):
            result = replace(result, texts=())
        spoiler = self._spot.spoiler or self._brief.spoiler
        found = await pack(result, self._brief, most, spoiler=spoiler)
        pieces = [
            replace(each, filename=f"{cell.number}-{each.filename}", description=_alt(cell, each))
            for each in found.pieces
        ]
        return _Packed(cell.number, tuple(pieces), found.notes)

    async def _grow(
        self, kept: tuple[discord.Attachment, ...], batch: Sequence[_Packed]
    ) -> tuple[discord.Attachment, ...]:
        """Add files to the message; where they are too large together, one run's at a time, and smaller in the end."""
        pieces = tuple(piece for each in batch for piece in each.pieces)
        try:
            message = await self._edit_anywhere(MessageDraft(self._text, pieces, kept=kept))
        except discord.HTTPException as fault:
            if fault.status != 413:
                raise
            if len(batch) > 1:
                for each in batch:
                    kept = await self._grow(kept, [each])
                return kept
            return await self._grow_smaller(kept, batch[0])
        self._remember(message)
        return tuple(message.attachments)

    async def _grow_smaller(
        self, kept: tuple[discord.Attachment, ...], each: _Packed
    ) -> tuple[discord.Attachment, ...]:
        """Leave out what Discord does not take, and say so: its number has the original."""
        most = less(await largest(each.pieces))
        fitting = tuple([piece for piece in each.pieces if await largest([piece]) <= most])
        self._notes.append(_("Number {number} is too large for Discord here.").format(number=each.number))
        return await self._grow(kept, [replace(each, pieces=fitting)]) if fitting else kept

    async def _add_beside(self, left: Sequence[_Packed]) -> None:
        """Send the rest in messages of their own, which answer this one."""
        rest = list(left)
        number = 0
        while rest:
            batch = await _batch(rest, FILES) or rest[:1]
            pieces = tuple(piece for each in batch for piece in each.pieces)[:FILES]
            nonce = f"{number}{self._group.id.replace('-', '')}"[:25]
            await self._rest.add_beside(self._spot, MessageDraft(_("The rest of the results:"), pieces), nonce)
            rest, number = rest[len(batch) :], number + 1

    async def _finish(self, kept: tuple[discord.Attachment, ...]) -> None:
        """Set the words and buttons, and take away the files of runs that were deleted."""
        known = self._rest.attached.get(self._spot.message, kept)
        pieces = () if len(known) != len(kept) or not self._group.results else None
        try:
            message = await self._edit_anywhere(
                MessageDraft(self._text, pieces, self._view, kept if pieces is not None else ())
            )
        except discord.HTTPException as fault:
            if fault.code != _TOO_OLD:
                raise
            draft = MessageDraft(self._text, (), self._view)
            await self._rest.add_beside(self._spot, draft, f"w{self._group.id.replace('-', '')}"[:25])
            return
        self._remember(message)

    async def _send_to_person(self, results: CellResults, fault: Exception) -> None:
        """Send what the message did not come to show as a direct message."""
        if self._brief.restored:
            raise DeliveryFailed(_("I can no longer reach the message. /mine has the files.")) from fault
        known = self._rest.attached.get(self._spot.message, ())
        shown = {number for each in known if (number := number_of(each.filename)) is not None}
        left = await self._packed(results, shown, self._spot.bytes)
        person, number = int(self._brief.person.id), 0
        while left or number == 0:
            batch = await _batch(left, FILES) or left[:1]
            pieces = tuple(piece for each in batch for piece in each.pieces)[:FILES]
            left = left[len(batch) :]
            view = None if left else self._view
            nonce = f"{number}{self._group.id.replace('-', '')}"[:25]
            await self._rest.send_to(person, MessageDraft(self._text, pieces, view), nonce)
            number += 1

    def _remember(self, message: discord.Message) -> None:
        self._rest.attached[self._spot.message] = tuple(message.attachments)
        if len(self._rest.attached) > _REMEMBERED:
            self._rest.attached.popitem(last=False)

    @property
    def _view(self) -> discord.ui.View | None:
        """The buttons of a group that has ended, or that waits for a choice."""
        if self._group.has_ended:
            return group_row(self._group.id, self._group.cells, resumable=self._group.resumable)
        return choice_row(self._group.id, self._group.choices) if self._group.choices else None

    @property
    def _text(self) -> str:
        if self._group.has_ended:
            texts = self._texts if sum(map(len, self._texts)) <= _INLINE else []
            return group_result_text(self._group, texts, self._notes)
        return group_text(self._group, self._spot.closes)

    def _status_text(self, status: Status) -> str:
        return self._text

    @property
    def _is_old(self) -> bool:
        """True if Discord allows only few edits of the message."""
        return time.time() - snowflake_time(self._spot.message).timestamp() > _HOUR


async def _batch(left: Sequence[_Packed], room: int) -> list[_Packed]:
    """The first of these that one request takes: so many files, and so many bytes."""
    batch, size = list[_Packed](), 0
    for each in left:
        room -= len(each.pieces)
        size += await total(each.pieces)
        if room < 0 or (batch and size > REQUEST_BYTES):
            break
        batch.append(each)
    return batch


def number_of(filename: str) -> int | None:
    """The number of the run that a file is of; None if it is of none."""
    found = re.match(r"(?:SPOILER_)?(\d{1,2})-", filename)
    return int(found[1]) if found else None


def _alt(cell: Cell, piece: DiscordAttachment) -> str:
    words = _("Number {number}: {text}").format(number=cell.name, text=piece.description)
    return words[:1024] if piece.description else ""
