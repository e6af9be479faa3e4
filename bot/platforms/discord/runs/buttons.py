"""Buttons: what a click under a run's message does, for whom; a click names its run, and nothing else is believed."""

from __future__ import annotations

from contextlib import suppress

import discord

from bot.core.errors import UserError
from bot.core.model import StoredFile
from bot.core.platform import Button, ButtonPress, RunRecord, missing
from bot.i18n import _
from bot.platforms.discord.components import ComponentAction
from bot.platforms.discord.forms.modals import begin
from bot.platforms.discord.forms.picker import pick
from bot.platforms.discord.forms.sessions import FormSession
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.moderation.panel import decide, see
from bot.platforms.discord.runs.original import hand_over
from bot.platforms.discord.runs.request import asker, is_member, may_write, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext, submit_again, tell

_WINDOWS = (
    ComponentAction.CHANGE,
    ComponentAction.USE,
)  # must be answered with what they open; all others are answered before anything else
_IN_PLACE = (
    ComponentAction.DELETE,
    ComponentAction.APPROVE,
    ComponentAction.REFUSE,
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
    if verb == ComponentAction.SEE:
        await see(context, click, run_id)
        return
    run = await context.services.runs.get(run_id)
    if run is None:
        raise UserError(_("This run has been deleted. Please start a new one."))
    await check(context, click, run, verb)
    match verb:
        case ComponentAction.CANCEL:
            await _cancel(context, click, run)
        case ComponentAction.AGAIN:
            await submit_again(context, click, run, {})
        case ComponentAction.CHANGE:
            await _change(context, click, run)
        case ComponentAction.USE:
            await pick(context, click, _picture(context, click, run))
        case ComponentAction.ORIGINAL:
            await _original(context, click, run)
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


async def _cancel(context: DiscordContext, click: Click, run: RunRecord) -> None:
    stopped = await context.services.runs.cancel(run.id, asker(click, run))
    await tell(click, _("It is being stopped.") if stopped else _("It has ended already."))


async def _change(context: DiscordContext, click: Click, run: RunRecord) -> None:
    """The form with the values of the run; it gets a new seed unless the person gives one."""
    person, place = asker(click), place_of(click)
    request = await context.services.runs.changed(run.id, person, place)
    news = await context.services.workflows.changes_since(run.workflow, run.version, person, place)
    spoiler = MessageRef.at(run.address).spoiler
    await begin(context, click, FormSession(run.workflow, request.values, spoiler=spoiler, news=news))


def _files(context: DiscordContext, click: Click, run: RunRecord) -> tuple[StoredFile, ...]:
    return context.services.runs.files_for(run, asker(click), present=str(click.channel_id) == run.address.chat)


def _picture(context: DiscordContext, click: Click, run: RunRecord) -> StoredFile:
    files = _files(context, click, run)
    picture = next((file for file in files if file.kind == "image"), None)
    if picture is None and not missing():
        picture = next((file for file in files if file.kind == "video"), None)
    if picture is None:
        raise UserError(_("There is no picture in this result. Choose a result with a picture."))
    return picture


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
