"""Buttons: what a click under a run's message does, for whom; a click names its run, and nothing else is believed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import discord

from bot.core.errors import UserError
from bot.core.model import RunRequest, StoredFile
from bot.core.platform import Button, ButtonPress, RunRecord, missing
from bot.i18n import _
from bot.platforms.discord.components import (
    ALL,
    TEMPLATE,
    ComponentAction,
    PartAction,
    cell_row,
    link_row,
    part_row,
    row,
    which_row,
)
from bot.platforms.discord.forms.modals import begin
from bot.platforms.discord.forms.picker import pick
from bot.platforms.discord.forms.sessions import FormSession
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.moderation.panel import decide, see
from bot.platforms.discord.moderation.reports import decide_report, see_reported
from bot.platforms.discord.runs.details import show_details
from bot.platforms.discord.runs.group import number_of
from bot.platforms.discord.runs.original import hand_over
from bot.platforms.discord.runs.request import asker, is_member, may_write, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext, submit_again, submit_request, tell

_WINDOWS = (
    ComponentAction.CHANGE,
    ComponentAction.CHANGE_ALL,
    ComponentAction.USE,
)  # must be answered with what they open; all others are answered before anything else
_IN_PLACE = (
    ComponentAction.DELETE,
    ComponentAction.DELETE_ALL,
    ComponentAction.APPROVE,
    ComponentAction.REFUSE,
    ComponentAction.TAKE,
    ComponentAction.LEAVE,
)  # change the message that was clicked


async def press(context: DiscordContext, click: Click, verb: str, run_id: str) -> None:
    """Do what a button says. Raises `UserError`."""
    if verb in _IN_PLACE:
        await click.response.defer()
    elif verb not in _WINDOWS:
        await click.response.defer(ephemeral=True, thinking=True)
    if verb in (ComponentAction.APPROVE, ComponentAction.REFUSE):
        await decide(context, click, run_id, approve=verb == ComponentAction.APPROVE)
        return
    if verb in (ComponentAction.TAKE, ComponentAction.LEAVE):
        await decide_report(context, click, run_id, take=verb == ComponentAction.TAKE)
        return
    if verb in (ComponentAction.SEE, ComponentAction.SHOW):
        await (see if verb == ComponentAction.SEE else see_reported)(context, click, run_id)
        return
    if verb in ALL:
        await press_all(context, click, verb, run_id)
        return
    run = await context.services.runs.get(run_id)
    if run is None:
        raise UserError(_("This run has been deleted. Please start a new one."))
    await check(context, click, run, verb)
    match verb:
        case ComponentAction.NUMBER:
            await open_number(context, click, run)
        case ComponentAction.VARY:
            await vary(context, click, run)
        case ComponentAction.DELETE if run.group_id is not None:
            await delete_cell(context, click, run)
        case ComponentAction.CANCEL:
            await _cancel(context, click, run)
        case ComponentAction.AGAIN:
            await submit_again(context, click, run, {})
        case ComponentAction.CHANGE:
            await _change(context, click, run)
        case ComponentAction.USE:
            await pick(context, click, _pictures(context, click, run), run.workflow)
        case ComponentAction.ORIGINAL:
            await _original(context, click, run)
        case ComponentAction.DETAILS:
            await show_details(context, click, run)
        case ComponentAction.MASK:
            await hand_out_link(context, click, run)
        case ComponentAction.REPORT:
            await report(context, click, run)
        case ComponentAction.DELETE:
            await _delete(context, click, run)
        case _:
            raise UserError(_("I do not know this button. Please send the request again."))


async def check(context: DiscordContext, click: Click, run: RunRecord, verb: str) -> None:
    """Raise `NotAllowed` if the one who clicked may not do what a button of a run says."""
    if verb not in tuple(Button):
        raise UserError(_("There is no such button."))
    here = run.place.platform == "discord" and str(click.channel_id) in (run.place.id, run.address.chat)
    press = ButtonPress(Button(verb), asker(click, run), place_of(click), writes=may_write(click), present=here)
    await context.services.runs.check_press(press, run)


async def press_all(context: DiscordContext, click: Click, verb: str, group: str) -> None:
    """Do what a button says to a group. Raises `UserError`."""
    groups, person, place = context.services.groups, asker(click), place_of(click)
    cells = await groups.cells(group)
    if not cells:
        raise UserError(_("These runs have been deleted. Please start new ones."))
    await check(context, click, cells[0], verb.removesuffix("all"))
    spoiler = MessageRef.at(cells[0].address).spoiler
    match verb:
        case ComponentAction.CANCEL_ALL:
            stopped = await groups.cancel(group, asker(click, cells[0]))
            await tell(click, _("They are being stopped.") if stopped else _("They have ended already."))
        case ComponentAction.AGAIN_ALL:
            await submit_request(context, click, await groups.again(group, person, place), spoiler=spoiler)
        case ComponentAction.RESUME_ALL:
            await submit_request(context, click, await groups.resumed(group, person, place), spoiler=spoiler)
        case ComponentAction.CHANGE_ALL:
            request = await groups.changed(group, person, place)
            await begin(context, click, _session(request, spoiler=spoiler))
        case ComponentAction.DELETE_ALL:
            await groups.delete(group, asker(click, cells[0]))
            with suppress(discord.NotFound):
                await _remove(click)


async def choose(context: DiscordContext, click: Click, group: str, number: int) -> None:
    """Go on with a recipe, with the result that was chosen. Raises `UserError`."""
    await click.response.defer()
    cells = await context.services.groups.cells(group)
    if not cells:
        raise UserError(_("These runs have been deleted. Please start new ones."))
    await check(context, click, cells[0], "choose")
    await context.services.groups.choose(group, number, asker(click, cells[0]))
    with suppress(discord.HTTPException):
        await click.edit_original_response(view=row(group, (ComponentAction.CANCEL_ALL,)))


async def open_number(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """The buttons of one run of a group, for the one who clicked alone."""
    files = run.shown.files
    done, picture = bool(files or run.shown.texts), any(file.kind == "image" for file in files)
    brief = context.services.runs.summary(run)
    view = cell_row(run.id, done=done, varies=brief.varies, picture=picture, masks=brief.masks)
    await tell(click, _("Number {number}:").format(number=run.cell + 1), view=view)


async def press_part(context: DiscordContext, click: Click, act: str, run_id: str, number: int) -> None:
    """Do what a button says to one of several results of a run, by its number from 1. Raises `UserError`."""
    if act != PartAction.USE:
        await click.response.defer(ephemeral=True, thinking=True)
    run = await context.services.runs.get(run_id)
    if run is None:
        raise UserError(_("This run has been deleted. Please start a new one."))
    verbs = {PartAction.USE: ComponentAction.USE, PartAction.ORIGINAL: ComponentAction.ORIGINAL}
    await check(context, click, run, verbs.get(PartAction(act), ComponentAction.NUMBER))
    file = next(iter(_files(context, click, run)[number - 1 : number]), None)
    if file is None or number < 1:
        raise UserError(_("There is no such file of this run."))
    usable = file.kind == "image" or (file.kind == "video" and not missing())
    match act:
        case PartAction.USE if usable:
            await pick(context, click, [file], run.workflow)
        case PartAction.USE:
            raise UserError(_("There is no picture in this result. Choose a result with a picture."))
        case PartAction.ORIGINAL:
            await hand_over(context, click, run.id, [file], number)
        case _:
            view = part_row(run.id, number, varies=context.services.runs.varies(run.workflow), usable=usable)
            await tell(click, _("Number {number}:").format(number=number), view=view)


async def vary(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """As many more as came together, like one of them."""
    request = await context.services.groups.vary(run.id, asker(click), place_of(click))
    await submit_request(context, click, request, spoiler=MessageRef.at(run.address).spoiler)


async def delete_cell(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """Delete one run of a group; the group's message is drawn without it."""
    await context.services.groups.delete_cell(run, asker(click, run))
    with suppress(discord.NotFound):
        await click.edit_original_response(content=_("Deleted."), view=None)


async def hand_out_link(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """The link with which a mask is drawn, for the one who clicked alone."""
    url = await context.services.masks.link(run, asker(click), place_of(click))
    await tell(click, context.services.masks.words(), view=link_row(_("Draw a mask"), url))


async def report(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """Report a result, after `check`. The answer is for the one who clicked alone."""
    await tell(click, await context.services.moderation.reports.report(asker(click), place_of(click), run))


async def report_message(context: DiscordContext, click: Click, message: discord.Message) -> None:
    """Report the result in a message, from the message's menu. Raises `UserError`."""
    await click.response.defer(ephemeral=True, thinking=True)
    numbers = results_in(message) if message.author == click.client.user else {}
    if len(numbers) > 1:
        await tell(click, _("Which of them?"), view=which_row(ComponentAction.REPORT, numbers))
        return
    ids = (re.fullmatch(TEMPLATE, getattr(each, "custom_id", None) or "") for each in _components(message))
    run_id = next((found["run"] for found in ids if found), None) if message.author == click.client.user else None
    run = await context.services.runs.get(run_id) if run_id is not None else None
    if run is None:
        raise UserError(_("This message has no result of mine."))
    await check(context, click, run, ComponentAction.REPORT)
    await report(context, click, run)


def results_in(message: discord.Message) -> dict[int, str]:
    """The runs of a group whose pictures a message of ours has, by their numbers."""
    there = {number_of(each.filename) for each in message.attachments}
    ids = ((each, re.fullmatch(TEMPLATE, getattr(each, "custom_id", None) or "")) for each in _components(message))
    numbered = {
        int(getattr(each, "label", "")): found["run"]
        for each, found in ids
        if found is not None and found["verb"] == ComponentAction.NUMBER
    }
    return {number: run_id for number, run_id in numbered.items() if number in there}


def _components(message: discord.Message) -> Iterator[object]:
    for each in message.components:
        yield from getattr(each, "children", ())


def _session(request: RunRequest, *, spoiler: bool, news: str = "") -> FormSession:
    return FormSession(request.workflow, request.values, spoiler=spoiler, news=news, private=request.private)


async def _cancel(context: DiscordContext, click: Click, run: RunRecord) -> None:
    stopped = await context.services.runs.cancel(run.id, asker(click, run))
    await tell(click, _("It is being stopped.") if stopped else _("It has ended already."))


async def _change(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """The form with the values of the run; it gets a new seed unless the person gives one."""
    person, place = asker(click), place_of(click)
    request = await context.services.runs.changed(run.id, person, place)
    news = await context.services.workflows.changes_since(run.workflow, run.version, person, place)
    spoiler = MessageRef.at(run.address).spoiler
    await begin(context, click, _session(request, spoiler=spoiler, news=news))


def _files(context: DiscordContext, click: Click, run: RunRecord) -> tuple[StoredFile, ...]:
    return context.services.runs.files_for(run, asker(click), present=str(click.channel_id) == run.address.chat)


def _pictures(context: DiscordContext, click: Click, run: RunRecord) -> list[StoredFile]:
    files = _files(context, click, run)
    pictures = [file for file in files if file.kind == "image"]
    if not pictures and not missing():
        pictures = [file for file in files if file.kind == "video"]
    if not pictures:
        raise UserError(_("There is no picture in this result. Choose a result with a picture."))
    return pictures


async def _original(context: DiscordContext, click: Click, run: RunRecord) -> None:
    if not (files := _files(context, click, run)):
        raise UserError(_("There are no files of this run."))
    await hand_over(context, click, run.id, files)


async def _delete(context: DiscordContext, click: Click, run: RunRecord) -> None:
    await context.services.runs.delete(run.id, asker(click, run))
    with suppress(discord.NotFound):
        await _remove(click)


async def _remove(click: Click) -> None:
    """The message that was clicked: as the bot's own where it is in the channel, else as what was clicked."""
    if click.message is not None and is_member(click):
        with suppress(discord.Forbidden):
            await click.message.delete()
            return
    await click.delete_original_response()
