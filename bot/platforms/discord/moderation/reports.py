"""Reports: a reported result, as reviewers see it, and their decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord

from bot.core.model import Result, RunSummary
from bot.core.platform import RunRecord
from bot.i18n import _, ngettext
from bot.platforms.discord.components import REPORTED, ComponentAction, button, still
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.moderation.panel import listed_held, question
from bot.platforms.discord.rest import NO_MENTIONS, MessageDraft
from bot.platforms.discord.runs.request import moderator, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import cut, plain

_BUTTONS = 5


async def reported_question(brief: RunSummary, result: Result, most: int) -> MessageDraft:
    """The message that asks reviewers about a reported result."""
    draft = await question(brief, result, most, REPORTED)
    return replace(draft, content=cut(f"**{_('A member has reported this result.')}**\n{draft.content}"))


async def list_waiting(context: DiscordContext, click: Click) -> None:
    """List the runs that wait for approval, and the reported results. Raises `NotAllowed`."""
    await click.response.defer(ephemeral=True, thinking=True)
    held, approving = await listed_held(context, click)
    reported, seeing = await _listed_reports(context, click)
    buttons = [*approving, *seeing]
    text = cut("\n".join([*held, *reported])) or _("Nothing waits.")
    view = still(*buttons) if buttons else None
    await click.edit_original_response(content=text, view=view, allowed_mentions=NO_MENTIONS)


async def _listed_reports(context: DiscordContext, click: Click) -> tuple[list[str], list[discord.ui.Button[Any]]]:
    """The reported results of a place, a line each, and buttons for the oldest. Raises `NotAllowed`."""
    by, here = moderator(context.services.moderation, click), place_of(click)
    found = await context.services.moderation.reports.open(by, here)
    lines = [
        f"{number}. **{plain(context.services.workflows.title(run.workflow))}** · "
        f"{plain(run.person.name or run.person.key)} · {_link(run)} · "
        + ngettext("reported {count} time", "reported {count} times", count).format(count=count)
        for number, (run, count) in enumerate(found, 1)
    ]
    buttons = [
        button(ComponentAction.SHOW, run.id, _("See reported {number}").format(number=number))
        for number, (run, _count) in enumerate(found[:_BUTTONS], 1)
    ]
    return ([_("Reported by members:"), *lines] if lines else []), buttons


def _link(run: RunRecord) -> str:
    return MessageRef.at(run.address).link(run.place.community, private=run.private)


async def see_reported(context: DiscordContext, click: Click, run_id: str) -> None:
    """Show a reported result to the reviewer alone; answer the click first. Raises `NotAllowed`."""
    by, here = moderator(context.services.moderation, click), place_of(click)
    async with context.services.moderation.reports.result(by, here, run_id) as (run, result):
        draft = await reported_question(context.services.runs.summary(run), result, click.filesize_limit)
        await click.edit_original_response(**draft.parts())


async def decide_report(context: DiscordContext, click: Click, run_id: str, *, take: bool) -> None:
    """A reviewer's decision about a reported result, which has been answered. Raises `NotAllowed`."""
    reports = context.services.moderation.reports
    by, here = moderator(context.services.moderation, click), place_of(click)
    done = await (reports.take_away if take else reports.leave)(by, here, run_id)
    words = _("Taken away by {name}.") if take else _("Left by {name}.")
    said = words.format(name=click.user.display_name) if done else _("Someone has already decided this.")
    before = click.message.content if click.message is not None else ""
    more: dict[str, Any] = {"attachments": []} if take and done else {}
    text = cut(f"{before}\n{plain(said)}")
    await click.edit_original_response(content=text, view=None, allowed_mentions=NO_MENTIONS, **more)
