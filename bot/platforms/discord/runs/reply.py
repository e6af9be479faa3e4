"""A run's message on Discord, rebuilt from data alone: statuses while it runs, then the result, whatever happened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

import discord

from bot.core.errors import DeliveryFailed, MessageGone, NotNow, PlatformAway
from bot.core.model import Cancelled, Delivering, Done, Failed, Paused, Result, Running, RunSummary, Status
from bot.core.platform import Pauses, missing, retry
from bot.core.port import Limits
from bot.i18n import _
from bot.platforms.discord.components import delivered, ended, result_row, row
from bot.platforms.discord.message_ref import FILE_BYTES, MessageRef
from bot.platforms.discord.rest import AWAY, DiscordRest, MessageDraft
from bot.platforms.discord.runs.attachments import FILES, DiscordAttachment, largest, pack
from bot.platforms.discord.runs.text import TEXT, result_text, status_text

_log = logging.getLogger(__name__)
_INTERVAL = 2.1  # seconds between two edits
_PATIENCE = 2.0  # seconds that a status may take: afterwards it is stale
_PAUSES = Pauses(0.5, 30.0, times=7)  # before a result is tried again while Discord is away
_TOKEN_DEAD = (50027, 10015)  # an interaction's token has expired, or is not known
_SMALLEST = 16 * 2**10  # bytes of a file that is worth a try
GONE = 10008  # a message was deleted
_ARCHIVED = 50083  # a thread was put away
_CLOSED = 50007  # the person accepts no direct messages


class DiscordReply:
    """Edits go through the interaction's token while it is fresh, then through the channel."""

    def __init__(
        self,
        rest: DiscordRest,
        spot: MessageRef,
        brief: RunSummary,
        *,
        previews: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rest, self._spot, self._brief = rest, spot, brief
        self._previews, self._clock = previews, clock
        self._by_token = bool(spot.token)
        self._lost = False

    @property
    def limits(self) -> Limits:
        return Limits(self._spot.bytes, FILES, TEXT, _INTERVAL, self._previews)

    async def show(self, status: Status) -> None:
        match status:
            case Done() | Delivering():
                return  # the result says so: nothing shall stand in front of it
            case Failed() | Cancelled():
                buttons = row(self._brief.run_id, ended(masks=self._brief.masks))
                await self._end(MessageDraft(status_text(self._brief, status), (), buttons))
            case _:
                await self._pass(status)

    async def deliver(self, result: Result) -> None:
        """Send the largest files that Discord takes, if it takes less than it said; in the end none."""
        most = self._spot.bytes
        while True:
            draft = await self._drawn(result, most)
            try:
                await self._end(draft)
                return
            except TooLargeHere:
                if not draft.pieces:
                    raise
                most = less(await largest(draft.pieces))

    async def _drawn(self, result: Result, most: int) -> MessageDraft:
        packed = await pack(result, self._brief, most, spoiler=self._spot.spoiler or self._brief.spoiler)
        picture = any(file.kind == "image" for file in result.files)
        film = not picture and not missing() and any(file.kind == "video" for file in result.files)
        brief, reduced = self._brief, packed.reduced
        verbs = delivered(varies=brief.varies, picture=picture or film, reduced=reduced, masks=brief.masks)
        count = len(result.files) if picture or film else 0
        buttons = result_row(brief.run_id, verbs, count, film=film)
        return MessageDraft(result_text(self._brief, result, packed.notes), packed.pieces, buttons)

    async def _pass(self, status: Status) -> None:
        """Show a status that others follow; none that comes late or waits for long."""
        lock = self._rest.lock(self._spot.message)
        busy = lock.locked() and not isinstance(status, Paused)
        if self._lost or self._rest.has_ended(self._spot.message):
            return
        if busy or not self._is_due():
            raise NotNow
        draft = MessageDraft(self._status_text(status), self._preview(status))
        try:
            async with asyncio.timeout(_PATIENCE), lock:
                if not self._rest.has_ended(self._spot.message):
                    await self._edit(draft)
        except discord.HTTPException as fault:
            if fault.code == GONE:
                raise MessageGone from fault
            self._lost = fault.code == _ARCHIVED or isinstance(fault, discord.Forbidden)
            raise DeliveryFailed(str(fault)) from fault
        except AWAY as fault:
            raise NotNow(_("Discord cannot be reached.")) from fault

    async def _end(self, draft: MessageDraft) -> None:
        """Show the final content, and retry for a while if Discord is away. If the message is out of reach, its person
        gets a direct message. Raises `MessageGone` if the message was deleted: nothing is posted in its place.
        """
        self._rest.end(self._spot.message)
        async with self._rest.lock(self._spot.message):
            what = f"the end of run {self._brief.run_id} waits until Discord takes it"
            try:
                await retry(partial(self._land, draft), (*AWAY, discord.HTTPException), _PAUSES, what, wish)
            except (*AWAY, discord.HTTPException) as fault:
                raise PlatformAway(_("Discord could not be reached.")) from fault

    async def _land(self, draft: MessageDraft) -> None:
        try:
            await self._edit_anywhere(draft)
        except (discord.NotFound, discord.Forbidden, OutOfReach) as fault:
            if isinstance(fault, discord.NotFound) and fault.code == GONE:
                raise MessageGone from fault
            _log.info("run %s: its message cannot be edited: %s", self._brief.run_id, fault)
            if self._brief.restored:
                raise DeliveryFailed(_("I can no longer reach the message. /mine has the files.")) from fault
            nonce = self._brief.run_id.replace("-", "")[:25]
            await self._rest.send_to(int(self._brief.person.id), draft, nonce)

    async def _edit_anywhere(self, draft: MessageDraft) -> discord.Message:
        """Also in a thread that was put away."""
        try:
            return await self._edit(draft)
        except discord.HTTPException as fault:
            if fault.code != _ARCHIVED:
                raise
            await self._rest.bring_back(self._spot.channel)
            return await self._edit(draft)

    async def _edit(self, draft: MessageDraft) -> discord.Message:
        if self._is_fresh:
            try:
                return await self._rest.edit_by_token(self._spot, draft)
            except discord.HTTPException as fault:
                if fault.code not in _TOKEN_DEAD and fault.status != 401:
                    raise
                self._by_token = False
        if not self._spot.member:
            raise OutOfReach(_("I can no longer reach the message."))
        return await self._rest.edit_in_channel(self._spot, draft)

    def _status_text(self, status: Status) -> str:
        return status_text(self._brief, status, self._spot.closes)

    @property
    def _is_fresh(self) -> bool:
        """True while the interaction's token is valid."""
        return self._by_token and self._clock() < self._spot.until

    def _preview(self, status: Status) -> tuple[DiscordAttachment, ...] | None:
        if not self._previews or not isinstance(status, Running) or not status.preview:
            return None
        suffix = "png" if status.preview.startswith(b"\x89PNG") else "jpg"
        return (
            DiscordAttachment(status.preview, f"preview.{suffix}", spoiler=self._spot.spoiler or self._brief.spoiler),
        )

    def _is_due(self) -> bool:
        """All messages of a channel share its edits: statuses there keep a second apart."""
        if self._is_fresh:
            return True
        now, paces = asyncio.get_running_loop().time(), self._rest.paces
        if now < paces.get(self._spot.channel, 0.0):
            return False
        paces[self._spot.channel] = now + 1.0
        return True


def less(refused: int) -> int:
    """The next limit after files of a size were refused: first what Discord takes everywhere, then ever half of it."""
    if refused > FILE_BYTES:
        return FILE_BYTES
    return refused // 2 if refused // 2 >= _SMALLEST else 0


class OutOfReach(DeliveryFailed):
    """The interaction's token has expired where there was no other way."""


class TooLargeHere(DeliveryFailed):
    """Discord takes less here than it told."""


def refusal(fault: discord.HTTPException) -> DeliveryFailed:
    if fault.status == 413:
        return TooLargeHere(_("The result is too large for Discord."))
    if fault.code == _CLOSED:
        return DeliveryFailed(_("I can no longer show the result here, and you do not accept direct messages from me."))
    if isinstance(fault, discord.Forbidden | discord.NotFound):
        return DeliveryFailed(_("Discord no longer lets me show the result here. /mine has its files."))
    return DeliveryFailed(_("Discord did not take the result: {reason}").format(reason=fault.text or fault.status))


def wish(fault: Exception) -> float:
    """The pause that Discord asks for. Raises `DeliveryFailed` for what it refuses."""
    if isinstance(fault, AWAY) or not isinstance(fault, discord.HTTPException):
        return 0.0
    if fault.status != 429:
        raise refusal(fault) from fault
    return _told_to_wait(fault)


def _told_to_wait(fault: discord.HTTPException) -> float:
    try:
        return min(60.0, float(fault.response.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0
