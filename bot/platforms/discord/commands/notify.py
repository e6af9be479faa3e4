"""The command /notify: when a person is told that a request has ended, and how."""

from __future__ import annotations

from discord import app_commands

from bot.i18n import _
from bot.platforms.discord.runs.request import asker
from bot.platforms.discord.runs.submit import Click, DiscordContext


def suggestions() -> list[app_commands.Choice[str]]:
    """The choices that are offered; other numbers of minutes can be typed."""
    offered = {
        "always": _("always"),
        "1": _("after 1 minute"),
        "5": _("after 5 minutes"),
        "15": _("after 15 minutes"),
        "never": _("never"),
        "default": _("as the moderators of each place say"),
    }
    return [app_commands.Choice(name=words, value=value) for value, words in offered.items()]


async def notify(context: DiscordContext, click: Click, when: str, direct: bool | None) -> None:
    """Note the choice of a person, and say what holds now."""
    told = await context.services.pings.choose(asker(click), when, direct=direct)
    await click.response.send_message(told, ephemeral=True)
