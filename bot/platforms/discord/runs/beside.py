"""The message of a run that its person asked for on the page, in the channel of another one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import discord

from bot.core.errors import DeliveryFailed
from bot.core.model import Address, Received, RunSummary
from bot.i18n import _
from bot.platforms.discord.components import WAITING, ComponentAction, row
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.rest import AWAY, DiscordRest, MessageDraft
from bot.platforms.discord.runs.text import status_text


@dataclass(frozen=True)
class BesideOpening:
    """See `bot.core.port.MessageOpening`. `beside` is the message of the other run."""

    rest: DiscordRest
    brief: RunSummary
    beside: MessageRef

    @property
    def draft(self) -> Address:
        return MessageRef(self.beside.channel, 0, bytes=self.beside.bytes, spoiler=self.beside.spoiler).address

    async def post(self, run_id: str, cells: int = 1) -> Address:
        buttons = row(run_id, WAITING if cells == 1 else (ComponentAction.CANCEL_ALL,))
        draft = MessageDraft(status_text(replace(self.brief, run_id=run_id), Received()), row=buttons)
        try:
            sent = await self.rest.send(self.beside.channel, draft, run_id.replace("-", "")[:25])
        except discord.HTTPException as fault:
            raise DeliveryFailed(_("Discord did not let me write there: {reason}").format(reason=fault.text)) from fault
        except AWAY as fault:
            raise DeliveryFailed(_("Discord cannot be reached.")) from fault
        return MessageRef.at(self.draft).found(sent).address
