"""The panel of moderators, and the questions that they are asked: what is decided by a click."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.model import Held, Result, RunSummary
from bot.core.platform import Overview, RuleTarget
from bot.i18n import _
from bot.platforms.discord.components import HELD, ComponentAction, button, row, still
from bot.platforms.discord.rest import NO_MENTIONS, MessageDraft
from bot.platforms.discord.runs.attachments import pack
from bot.platforms.discord.runs.request import moderator, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext, tell
from bot.platforms.discord.runs.text import cut, plain, result_text, status_text

_OPTIONS = 25
UNDO = "darkroom:panel:undo"
TEMPLATE = r"darkroom:panel:(?P<number>[0-9]{1,3})"
PAGE = r"darkroom:panel-page:(?P<page>[0-9]{1,3})"
_SELECTS = 4  # of a message, above the buttons


async def show_panel(context: DiscordContext, click: Click) -> None:
    """The state of a server at a glance. Raises `NotAllowed`."""
    await click.response.defer(ephemeral=True, thinking=True)
    overview = await context.services.moderation.overview(
        moderator(context.services.moderation, click), place_of(click)
    )
    await click.edit_original_response(**_drawn(overview))


def _drawn(overview: Overview, page: int = 0) -> dict[str, Any]:
    lines = [_("**Decided**"), *(f"• {plain(each)}" for each in overview.lines), ""] if overview.lines else []
    lines += [_("**Workflows here** (chosen: everyone may run them)")]
    shown = overview.rows[page * _SELECTS * _OPTIONS : (page + 1) * _SELECTS * _OPTIONS]
    lines += [f"{'✅' if row.decision.allowed else '⛔'} {plain(row.title)}" for row in shown]
    return {"content": cut("\n".join(lines)), "view": _view(overview, page), "allowed_mentions": NO_MENTIONS}


def _view(overview: Overview, page: int) -> discord.ui.View:
    """A select for every 25 workflows: what is chosen is allowed, the others are denied."""
    count = -(-len(overview.rows) // _OPTIONS)
    here = range(page * _SELECTS, min((page + 1) * _SELECTS, count))
    turns = [(_("Earlier"), page - 1)] if page > 0 else []
    if count > (page + 1) * _SELECTS:
        turns.append((_("More"), page + 1))
    buttons = [_button(label, f"darkroom:panel-page:{there}") for label, there in turns]
    undo = _button(_("Undo the last decision"), UNDO)
    return still(*(_select(overview, number) for number in here), *buttons, undo)


def _button(label: str, custom_id: str) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=label, custom_id=custom_id, row=_SELECTS)


def _select(overview: Overview, number: int) -> discord.ui.Select[Any]:
    options = [
        discord.SelectOption(label=cut(row.title, 100), value=row.name, default=row.decision.allowed)
        for row in overview.rows[number * _OPTIONS : (number + 1) * _OPTIONS]
    ]
    name = f"darkroom:panel:{number}"
    return discord.ui.Select(options=options, min_values=0, max_values=len(options), custom_id=name)


async def show_page(context: DiscordContext, click: Click, page: int) -> None:
    """Show other workflows in the panel. Raises `NotAllowed`."""
    await click.response.defer()
    overview = await context.services.moderation.overview(
        moderator(context.services.moderation, click), place_of(click)
    )
    await click.edit_original_response(**_drawn(overview, page))


async def change(context: DiscordContext, click: Click, number: int) -> None:
    """Allow what is chosen in a select of the panel, and deny the others of it. Raises `NotAllowed`."""
    await click.response.defer()
    moderation = context.services.moderation
    by, here = moderator(moderation, click), place_of(click)
    await moderation.check_moderator(by, here, "panel")
    for name, allow in _changes(click).items():
        await (moderation.allow if allow else moderation.deny)(by, here, RuleTarget(workflow=name))
    await click.edit_original_response(**_drawn(await moderation.overview(by, here), number // _SELECTS))


def _changes(click: Click) -> dict[str, bool]:
    """The options that changed: true for those chosen now, false for those no longer chosen."""
    data: Any = click.data
    rows = click.message.components if click.message is not None else []
    items = [item for each in rows if isinstance(each, discord.ActionRow) for item in each.children]
    selects = [item for item in items if isinstance(item, discord.SelectMenu)]
    options = [option for select in selects if select.custom_id == data["custom_id"] for option in select.options]
    chosen = {option.value: option.value in data.get("values", ()) for option in options}
    return {option.value: chosen[option.value] for option in options if chosen[option.value] != option.default}


async def take_back(context: DiscordContext, click: Click) -> None:
    """Undo the last decision. Raises `NotAllowed`."""
    await click.response.defer()
    moderation = context.services.moderation
    by, here = moderator(moderation, click), place_of(click)
    said = await moderation.undo(by, here)
    await click.edit_original_response(**_drawn(await moderation.overview(by, here)))
    await tell(click, said)


async def listed_held(context: DiscordContext, click: Click) -> tuple[list[str], list[discord.ui.Button[Any]]]:
    """The runs that wait for approval, a line each, and buttons for the oldest. Raises `NotAllowed`."""
    runs = await context.services.moderation.reviews.held(
        moderator(context.services.moderation, click), place_of(click)
    )
    title = context.services.workflows.title
    lines = [
        f"{number}. **{plain(title(run.workflow))}** · {plain(run.person.name or run.person.key)}"
        for number, run in enumerate(runs, 1)
    ]
    buttons: list[discord.ui.Button[Any]] = [
        button(verb, run.id, label.format(number=number))
        for number, run in enumerate(runs[:5], 1)
        for verb, label in ((ComponentAction.SEE, _("See {number}")), (ComponentAction.APPROVE, _("Approve {number}")))
    ]
    return lines, buttons


async def decide(context: DiscordContext, click: Click, run_id: str, *, approve: bool) -> None:
    """A moderator's yes or no to a held run, which has been answered. Raises `NotAllowed`."""
    reviews = context.services.moderation.reviews
    by, here = moderator(context.services.moderation, click), place_of(click)
    done = await (reviews.approve(by, here, run_id) if approve else reviews.refuse(by, here, run_id))
    words = _("Approved by {name}.") if approve else _("Refused by {name}.")
    said = words.format(name=click.user.display_name) if done else _("Someone has already decided this.")
    before = click.message.content if click.message is not None else ""
    await click.edit_original_response(content=cut(f"{before}\n{plain(said)}"), view=None, allowed_mentions=NO_MENTIONS)


async def see(context: DiscordContext, click: Click, run_id: str) -> None:
    """Show a held run's result or request to the moderator alone; answer the click first. Raises `NotAllowed`."""
    by, here = moderator(context.services.moderation, click), place_of(click)
    async with context.services.moderation.reviews.result(by, here, run_id) as (run, result):
        draft = await question(context.services.runs.summary(run), result, click.filesize_limit)
        await click.edit_original_response(**draft.parts())


async def question(
    brief: RunSummary, result: Result | None, most: int, verbs: tuple[ComponentAction, ...] = HELD
) -> MessageDraft:
    """The message that shows moderators a run that waits for approval, or for another decision of theirs."""
    notes = [_("It was asked for in private.")] if brief.private else []
    if result is None:
        return MessageDraft("\n".join([status_text(brief, Held()), *notes]), None, row(brief.run_id, verbs))
    packed = await pack(result, brief, most, spoiler=True)
    text = result_text(brief, result, (*packed.notes, *notes))
    return MessageDraft(text, packed.pieces, row(brief.run_id, verbs))
