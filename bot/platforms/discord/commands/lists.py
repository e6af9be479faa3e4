"""Commands that list: the queue, a person's results, the workflows, and the data that is kept about people."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.core.platform import OWN_DATA_NAME, Button, ButtonPress, LineEntry, RunRecord, State, WorkflowOffer
from bot.core.status_text import asked
from bot.i18n import _
from bot.platforms.discord.components import ComponentAction, button, still
from bot.platforms.discord.message_ref import PLATFORM
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.attachments import REQUEST_BYTES, DiscordAttachment
from bot.platforms.discord.runs.request import asker, is_member, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import cut, plain

_LINES = 15
_BUTTONS = 10
_PAGE = 1700  # characters of a list of workflows
TURN = r"darkroom:workflows:(?P<page>[0-9]{1,3})"
FORGET = r"darkroom:forget:(?P<person>[0-9]{1,20})"  #: asks them
FORGET_ALL = r"darkroom:forget-all:(?P<person>[0-9]{1,20})"  #: as it was posted before anything was asked
FORGET_SURELY = r"darkroom:forget-surely:(?P<person>[0-9]{1,20})"
FORGET_ALL_SURELY = r"darkroom:forget-all-surely:(?P<person>[0-9]{1,20})"  #: of all accounts of the person
DATA = r"darkroom:data:(?P<person>[0-9]{1,20})"
NAMELESS_FORGET = "darkroom:forget"  #: as version 0.1 posted it; it does not say whose it is, so they are asked again


async def show_queue(context: DiscordContext, click: Click) -> None:
    """List the runs that run or wait in this server, in the order in which they start, with a button to cancel each of
    the person's own.
    """
    await click.response.defer(ephemeral=True, thinking=True)
    entries = await context.services.line.entries(asker(click), place_of(click))
    lines = [_entry_line(each) for each in entries[:_LINES]]
    if len(entries) > _LINES:
        lines.append(_("… and {count} more").format(count=len(entries) - _LINES))
    mine = [each for each in entries if each.cancel and context.services.runs.is_of(each.run, asker(click))]
    buttons = [_cancel_button(each) for each in mine[:_BUTTONS]]
    await _say(click, lines or [_("Nothing runs and nothing waits here.")], still(*buttons) if buttons else None)


async def show_limits(context: DiscordContext, click: Click) -> None:
    """Say what the person may still do here, and when more."""
    await click.response.defer(ephemeral=True, thinking=True)
    await _say(click, [plain(line) for line in await context.services.line.limits(asker(click), place_of(click))], None)


async def show_workflows(context: DiscordContext, click: Click) -> None:
    """List the workflows that the person may run here."""
    await click.response.defer(ephemeral=True, thinking=True)
    await _show_page(context, click, 0)


async def turn_workflows(context: DiscordContext, click: Click, page: int) -> None:
    """Show another page of that list."""
    await click.response.defer()
    await _show_page(context, click, page)


async def _show_page(context: DiscordContext, click: Click, page: int) -> None:
    offers = await context.cache.offers(asker(click), place_of(click))
    pages = paged([_offer(context, click, offer) for offer in offers], _PAGE)
    if not pages:
        await _say(click, [_("No workflow can be run here. Please ask a moderator.")], None)
        return
    page = min(page, len(pages) - 1)
    turns = [(_("Earlier"), page - 1)] if page > 0 else []
    turns += [(_("More"), page + 1)] if page + 1 < len(pages) else []
    buttons: list[discord.ui.Button[discord.ui.View]] = [
        discord.ui.Button(label=label, custom_id=f"darkroom:workflows:{there}") for label, there in turns
    ]
    head = _("Page {page} of {pages}, {count} workflows. {run} finds any of them by a part of its name.")
    words = head.format(page=page + 1, pages=len(pages), count=len(offers), run="`/run`")
    await _say(click, [*([words] if buttons else []), *pages[page]], still(*buttons))


async def show_help(context: DiscordContext, click: Click) -> None:
    lines = [
        _("I run picture workflows: you ask, and one message develops into the result."),
        await _how_to_run(context, click),
        _("• On a message with a picture: Apps → Use this picture."),
        _(
            "• Answer a picture with the name of a workflow, and mention me: it goes through it. Fields are set as "
            "name=value."
        ),
        *(f"• {plain(hint)}" for hint in context.services.workflows.hints(asker(click), place_of(click))),
        _("• The buttons under a result: Again (with a new seed, if there is one), Change, Use as input, Delete."),
        _("• {preset} keeps values of a run under a name; so does Apps → Keep these values on its message.").format(
            preset="`/preset`"
        ),
        _("• {queue}, {mine}, {workflows}, {about}").format(
            queue="`/queue`", mine="`/mine`", workflows="`/workflows`", about="`/about`"
        ),
    ]
    await click.response.send_message("\n".join(lines), ephemeral=True, allowed_mentions=NO_MENTIONS)


async def _how_to_run(context: DiscordContext, click: Click) -> str:
    every = await context.cache.offers(asker(click), place_of(click))
    count = sum(_is_command(context, click, each.workflow.name) for each in every)
    if count == 0:
        words = _("• {run} opens any of the {total} workflows as a form: type a part of its name.")
    elif count < len(every):
        words = _(
            "• {count} of the {total} workflows are commands here: type / and the name. {run} opens any of them as a "
            "form: type a part of its name."
        )
    else:
        words = _("• Each workflow is a command here: type / and its name. {run} opens any of them as a form.")
    return words.format(run="`/run`", count=count, total=len(every))


def _is_command(context: DiscordContext, click: Click, workflow: str) -> bool:
    """True if a workflow is a command of its own where a person is: only servers that have the bot have those."""
    return is_member(click) and context.choice.has(click.guild_id, workflow)


async def show_about(context: DiscordContext, click: Click) -> None:
    """Tell which data is kept about people and for how long, with a button that deletes it."""
    lines = [
        _("**Darkroom** runs ComfyUI workflows in chat."),
        _(
            "Of each run I keep: who asked, where, the workflow, the values, the pictures given and the results, for "
            "{days:g} days."
        ).format(days=context.kept_days),
        _("Presets are kept until you delete them."),
        _("Send me my data hands you all of it as a file, which you alone see."),
        _("Delete my data deletes it. First I say how much that is, and what stays."),
    ]
    data = _button(_("Send me my data"), "data", click)
    view = still(data, _button(_("Delete my data"), "forget", click, grave=True))
    await click.response.send_message("\n".join(lines), ephemeral=True, view=view, allowed_mentions=NO_MENTIONS)


async def send_data(context: DiscordContext, click: Click, owner: str) -> None:
    """Send the person whom the button names what is kept of them, if they press it. Raises `UserError`."""
    await click.response.defer(ephemeral=True, thinking=True)
    press = ButtonPress(Button.OWN_DATA, asker(click), place_of(click), f"{PLATFORM}:{owner}")
    await context.services.runs.check_press(press)
    async with context.services.data.handed_over(asker(click), min(click.filesize_limit, REQUEST_BYTES)) as packed:
        file = DiscordAttachment(packed.path, OWN_DATA_NAME).open()
        await click.followup.send(packed.words, file=file, ephemeral=True)


def _button(label: str, name: str, click: Click, *, grave: bool = False) -> discord.ui.Button[discord.ui.View]:
    """A button about a person's data, for them alone."""
    style = discord.ButtonStyle.danger if grave else discord.ButtonStyle.secondary
    return discord.ui.Button(style=style, label=label, custom_id=f"darkroom:{name}:{click.user.id}")


async def ask_to_forget(context: DiscordContext, click: Click, owner: str) -> None:
    """Ask the person whom the button names, if they press it, whether their data shall be deleted. Raises
    `NotAllowed`.
    """
    await click.response.defer(ephemeral=True, thinking=True)
    await _check_owner(context, click, owner)
    question = await context.services.erasure.question(asker(click), place_of(click), unseen=True)
    answers = [_button(question.yes, "forget-surely", click, grave=True)]
    if question.everywhere:
        answers.append(_button(question.everywhere, "forget-all-surely", click, grave=True))
    await _say(click, list(question.lines), still(*answers))


async def forget(context: DiscordContext, click: Click, owner: str, *, everywhere: bool = False) -> None:
    """Delete the data of the person whom the button names, of this account or of all, if they press it; the answer
    takes the place of the question. Raises `NotAllowed`.
    """
    await click.response.defer()
    await _check_owner(context, click, owner)
    await context.sessions.forget(click.user.id)
    await _say(click, [await context.services.erasure.forget(asker(click), everywhere=everywhere)], None)


async def _check_owner(context: DiscordContext, click: Click, owner: str) -> None:
    press = ButtonPress(Button.FORGET_SURELY, asker(click), place_of(click), f"{PLATFORM}:{owner}")
    await context.services.runs.check_press(press)


def _cancel_button(entry: LineEntry) -> discord.ui.Button[discord.ui.View]:
    label = cut(entry.cancel, 80)
    if entry.group:
        return button(ComponentAction.CANCEL_ALL, entry.group, label)
    return button(ComponentAction.CANCEL, entry.run.id, label)


def _entry_line(entry: LineEntry) -> str:
    name = plain(entry.run.person.name)
    return f"{entry.number}. **{plain(cut(entry.title, 60))}** · {name} · {plain(entry.words)}"


def _line(context: DiscordContext, run: RunRecord) -> str:
    words = asked(context.services.runs.summary(run))
    parts = [
        f"**{plain(cut(context.services.workflows.title(run.workflow), 60))}**",
        plain(run.person.name),
        state_words(run.state),
    ]
    return " · ".join([*parts, plain(cut(words, 60))] if words else parts)


def state_words(state: State) -> str:
    """Say how far a run is."""
    return {
        State.LATER: _("waits for the step before"),
        State.WAITING: _("waits"),
        State.HELD: _("waits for a moderator"),
        State.RUNNING: _("is running"),
        State.DELIVERING: _("is on its way"),
        State.DONE: _("done"),
        State.FAILED: _("failed"),
        State.CANCELLED: _("cancelled"),
    }[state]


def _offer(context: DiscordContext, click: Click, offer: WorkflowOffer) -> str:
    name = offer.workflow.name
    command = f"`/{name}`" if _is_command(context, click, name) else f"`/run {name}`"
    line = f"{command} {plain(cut(offer.workflow.description or offer.workflow.title, 200))}"
    line += f" · {offer.price}" if offer.price else ""
    return f"{line} ({_('not now')}: {plain(cut(offer.lacks, 300))})" if offer.lacks else line


def paged(lines: Sequence[str], most: int) -> list[list[str]]:
    """The lines in pages of so many characters at most."""
    pages: list[list[str]] = []
    left = 0
    for line in lines:
        if left < len(line) + 1:
            pages.append([])
            left = most
        pages[-1].append(line)
        left -= len(line) + 1
    return pages


async def _say(click: Click, lines: list[str], view: discord.ui.View | None) -> None:
    text = lines[0]
    for line in lines[1:]:
        if len(text) + len(line) > 1950:
            text += "\n…"
            break
        text += f"\n{line}"
    await click.edit_original_response(content=text, view=view, allowed_mentions=NO_MENTIONS)
