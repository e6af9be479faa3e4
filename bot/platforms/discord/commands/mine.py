"""/mine: a person's results by pages, with small pictures, found by words; the files of each, and each again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.core.platform import HistoryPage, RunRecord, work_folder
from bot.core.status_text import asked
from bot.i18n import _
from bot.platforms.discord.commands.lists import state_words
from bot.platforms.discord.components import ComponentAction, button, still
from bot.platforms.discord.message_ref import PLATFORM, MessageRef
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.request import asker
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import cut, plain

MINE = r"darkroom:mine:(?P<page>[0-9]{1,4}):(?P<words>.{0,70})"
_SHOWN = 5  # runs on a page
_WORDS = 70  # characters that a button can carry
_SAID = 100  # characters of what was asked


async def show_mine(context: DiscordContext, click: Click, words: str = "") -> None:
    """Show a person's latest results; with words, those that have them."""
    await click.response.defer(ephemeral=True, thinking=True)
    await _show(context, click, " ".join(words.split())[:_WORDS], 0)


async def turn_mine(context: DiscordContext, click: Click, words: str, page: int) -> None:
    """Show another page, in the place of the one before."""
    await click.response.defer()
    await _show(context, click, words, page)


async def _show(context: DiscordContext, click: Click, words: str, number: int) -> None:
    page = await context.services.history.page(asker(click), words, number, _SHOWN)
    if not page.runs:
        text = _("You have no result with these words.") if words else _("You have not run anything yet: /run begins.")
        await click.edit_original_response(content=text, view=None, attachments=[], allowed_mentions=NO_MENTIONS)
        return
    head = [_("Your results with “{words}”").format(words=plain(words))] if words else []
    lines = [*head, *(f"{at}. {_line(context, run)}" for at, run in enumerate(page.runs, 1))]
    with work_folder() as folder:
        sheet = await context.services.history.sheet(page.runs, folder, {run.id for run in page.runs})
        files = [discord.File(sheet, "results.jpg")] if sheet is not None else []
        await click.edit_original_response(
            content=cut("\n".join(lines)),
            view=_view(context, click, page, words),
            attachments=files,
            allowed_mentions=NO_MENTIONS,
        )


def _view(context: DiscordContext, click: Click, page: HistoryPage, words: str) -> discord.ui.View:
    numbered = list(enumerate(page.runs, 1))
    files = [
        button(ComponentAction.ORIGINAL, run.id, _("Files of {number}").format(number=at))
        for at, run in numbered
        if context.services.runs.files_for(run, asker(click), present=False)
    ]
    again = [
        button(ComponentAction.AGAIN, run.id, _("{number} again").format(number=at))
        for at, run in numbered
        if run.ended_at is not None
    ]
    turns = [(_("Newer"), page.number - 1)] if page.number else []
    turns += [(_("Older"), page.number + 1)] if page.more else []
    ways: list[discord.ui.Button[Any]] = [
        discord.ui.Button(label=label, custom_id=f"darkroom:mine:{to}:{words}") for label, to in turns
    ]
    return still(*_in_row(files, 0), *_in_row(again, 1), *_in_row(ways, 2))


def _in_row(buttons: Sequence[discord.ui.Button[Any]], row: int) -> Sequence[discord.ui.Button[Any]]:
    for each in buttons:
        each.row = row
    return buttons


def _line(context: DiscordContext, run: RunRecord) -> str:
    """A run, with the link to its message; what was asked stands below."""
    parts = [f"**{plain(cut(context.services.workflows.title(run.workflow), 60))}**", state_words(run.state)]
    if run.address.platform == PLATFORM:
        parts.append(MessageRef.at(run.address).link(run.place.community, private=run.private))
    said = asked(context.services.runs.summary(run))
    return " · ".join(parts) + (f"\n-# {plain(cut(said, _SAID))}" if said else "")
