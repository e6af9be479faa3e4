"""The commands /link and /unlink, which make one person of accounts on several platforms. Only the person reads the
answers.
"""

from __future__ import annotations

from bot.i18n import _
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.request import asker, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import plain


async def link(context: DiscordContext, click: Click, code: str, *, sure: bool) -> None:
    """Return a code, or join the person with the account that one is of."""
    await click.response.defer(ephemeral=True, thinking=True)
    links, person, here = context.services.links, asker(click), place_of(click)
    if not code.strip():
        await _say(click, await links.start(person, here, unseen=True))
        return
    told = await links.join(person, here, code, sure=sure, unseen=True)
    await _say(click, told if sure else f"{told}\n{_('To go on, send the command again with “sure”.')}")


async def unlink(context: DiscordContext, click: Click) -> None:
    """Part the person's account here from their others."""
    await click.response.defer(ephemeral=True, thinking=True)
    await _say(click, await context.services.links.end(asker(click)))


async def _say(click: Click, text: str) -> None:
    await click.edit_original_response(content=plain(text), allowed_mentions=NO_MENTIONS)
