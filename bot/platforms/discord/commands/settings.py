"""Read its settings: what a picture says of how it was made, and the form of a workflow that is filled in with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import msgspec

from bot.core.errors import UserError
from bot.core.platform import FilledForm, FoundSettings, ReadSettings, work_folder
from bot.i18n import _
from bot.platforms.discord.components import still
from bot.platforms.discord.forms.modals import begin
from bot.platforms.discord.forms.sessions import FormSession, SubmittedFile
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.request import asker, fetched, pictures_in, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.discord.runs.text import cut, quoted

SETTINGS = r"darkroom:settings:(?P<sheet>[0-9a-f]{16})"
_FOUND = "found"  # where a session keeps what was found, until a workflow is chosen
_SHOWN = 1500  # characters of the settings


async def read_message(context: DiscordContext, click: Click, message: discord.Message) -> None:
    """Show the settings of the picture in a message, from the message's menu. Raises `UserError`."""
    await click.response.defer(ephemeral=True, thinking=True)
    picture = next(pictures_in(message), None)
    if picture is None:
        raise UserError(_("There is no picture in this message."))
    read = await _read(context, click, picture)
    if read.filled is not None:
        session = _session(read.filled)
    else:
        session = FormSession(values={_FOUND: msgspec.to_builtins(read.found)})
    name = await context.sessions.add(click.user.id, session)
    text = quoted(cut("\n".join(read.lines), _SHOWN))
    await click.edit_original_response(content=text, view=_view(name, read), allowed_mentions=NO_MENTIONS)


async def fill_from(context: DiscordContext, click: Click, name: str) -> None:
    """Open the form of the workflow that was chosen, filled in. Raises `UserError`."""
    session = await context.sessions.get(click.user.id, name)
    data: Any = click.data
    if _FOUND in session.values and not session.workflow:
        found = msgspec.convert(session.values[_FOUND], FoundSettings)
        workflow = str(data["values"][0])
        filled = await context.services.readback.fill(asker(click), place_of(click), workflow, found)
        session = replace(_session(filled), spoiler=session.spoiler)
    await begin(context, click, session)


def _session(filled: FilledForm) -> FormSession:
    return FormSession(filled.workflow, filled.values, news=filled.news)


async def _read(context: DiscordContext, click: Click, picture: SubmittedFile) -> ReadSettings:
    with work_folder() as folder:
        given = await fetched(click.client.http, {"picture": picture}, folder, context.most)
        return await context.services.readback.read(asker(click), place_of(click), given["picture"].path)


def _view(name: str, read: ReadSettings) -> discord.ui.View | None:
    """The way to a form; none if no workflow here takes these settings."""
    called = f"darkroom:settings:{name}"
    if read.filled is not None:
        return still(discord.ui.Button(label=_("Change and run"), custom_id=called))
    options = [discord.SelectOption(label=cut(each.label, 100), value=each.id) for each in read.workflows]
    if not options:
        return None
    words = _("Fill in the form of…")
    return still(discord.ui.Select(placeholder=words, options=options, custom_id=called))
