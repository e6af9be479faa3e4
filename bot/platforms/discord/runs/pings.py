"""Pings: a person whose request has ended is mentioned, because an edit of its message notifies nobody."""

from __future__ import annotations

import discord

from bot.core.errors import DeliveryFailed, PlatformAway
from bot.core.model import RunSummary
from bot.core.port import Ping
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.rest import AWAY, DiscordRest, MessageDraft
from bot.platforms.discord.runs.text import plain


async def send_ping(rest: DiscordRest, spot: MessageRef, brief: RunSummary, ping: Ping) -> None:
    """Mention a person below the message of their run, or send them a direct message. Where the bot is not in the
    channel itself, the result came by direct message, or the person sees it at once. Raises `DeliveryFailed`.
    """
    person, nonce = int(brief.person.id), f"p{brief.run_id.replace('-', '')[:24]}"
    if not spot.member:
        return
    try:
        if ping.direct:
            try:
                draft = MessageDraft(f"{plain(ping.text)} {spot.link(brief.place.community, private=brief.private)}")
                await rest.send_to(person, draft, nonce)
                return
            except (discord.Forbidden, discord.NotFound):  # the person accepts no direct messages
                pass
        await rest.mention(spot, person, f"<@{person}> {plain(ping.text)}", nonce)
    except discord.HTTPException as fault:
        is_passing = fault.status == 429 or isinstance(fault, AWAY)
        raise (PlatformAway if is_passing else DeliveryFailed)(str(fault)) from fault
    except AWAY as fault:
        raise PlatformAway(str(fault)) from fault
