"""Details: everything that is known of a run, to the one who asks alone, in blocks that can be copied."""

from __future__ import annotations

import io
from typing import Any

import discord

from bot.core.platform import RunDetails, RunRecord, State
from bot.i18n import _
from bot.platforms.discord.components import ComponentAction, row
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.request import asker
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import TEXT, cut, plain, quoted

_FRAME = "```"


async def show_details(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """Answer a click that has been deferred. What a message cannot show as it is comes as a file too."""
    details = context.services.runs.details(run)
    text = _text(details)
    files = []
    if len(text) > TEXT or any(_FRAME in words for _name, words in details.words):
        files.append(discord.File(io.BytesIO(details.text.encode()), "details.txt"))
        text = cut(f"**{plain(details.title)}**\n{_('Everything is in the file.')}")
    own = context.services.runs.is_of(run, asker(click))
    more: dict[str, Any] = (
        {} if own or run.state is not State.DONE else {"view": row(run.id, (ComponentAction.REPORT,))}
    )
    await click.edit_original_response(content=text, attachments=files, allowed_mentions=NO_MENTIONS, **more)


def _text(details: RunDetails) -> str:
    """The words as people copy them, and the rest below."""
    words = [f"{plain(name)}:\n{quoted(words)}" for name, words in details.words]
    return "\n".join([f"**{plain(details.title)}**", *words, *map(plain, details.lines)])
