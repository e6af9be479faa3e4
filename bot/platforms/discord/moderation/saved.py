"""Questions to operators about workflows that people save at servers, and what becomes of the answers."""

from __future__ import annotations

import discord

from bot.core.errors import UserError
from bot.core.port import WorkflowQuestion
from bot.i18n import _
from bot.platforms.discord.components import still
from bot.platforms.discord.rest import NO_MENTIONS, MessageDraft
from bot.platforms.discord.runs.request import person_of, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import cut, plain

TEMPLATE = r"darkroom:saved:(?P<answer>yes|no):(?P<id>[0-9a-z]{1,64}):(?P<newest>[0-9a-f]{1,64})"

_ANSWERS = ("no", "yes")


def asked(question: WorkflowQuestion) -> MessageDraft:
    """The message that asks an operator."""
    return MessageDraft(cut(plain(question.text)), None, still(*(_button(question, yes=yes) for yes in (True, False))))


def _button(question: WorkflowQuestion, *, yes: bool) -> discord.ui.Button[discord.ui.View]:
    style = discord.ButtonStyle.secondary if yes else discord.ButtonStyle.danger
    name = f"darkroom:saved:{_ANSWERS[yes]}:{question.id}:{question.newest}"
    return discord.ui.Button(style=style, label=_("Open to others") if yes else _("Keep closed"), custom_id=name)


async def answer(context: DiscordContext, click: Click, key: str, newest: str, word: str) -> None:
    """An operator's yes or no. Raises `NotAllowed`."""
    await click.response.defer()
    saved, by = context.services.moderation.saved, person_of(click.user)
    try:
        said = await saved.answer(by, place_of(click), key, newest, yes=word == _ANSWERS[True])
    except UserError as fault:
        if not context.services.moderation.is_operator(by):
            raise
        said = str(fault)
    before = click.message.content if click.message is not None else ""
    await click.edit_original_response(content=cut(f"{before}\n{plain(said)}"), view=None, allowed_mentions=NO_MENTIONS)
