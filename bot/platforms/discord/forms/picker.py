"""Picking: which workflow a picture that is there already shall go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.core.errors import UserError
from bot.core.model import StoredFile
from bot.i18n import _
from bot.platforms.discord.components import still
from bot.platforms.discord.forms.cache import CachedForm
from bot.platforms.discord.forms.modals import begin
from bot.platforms.discord.forms.sessions import FormSession, SubmittedFile, called
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.request import asker, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext, tell
from bot.platforms.discord.runs.text import cut

_OPTIONS = 25
_PAGE = 4 * _OPTIONS  # workflows of a message: four selects, and a row to turn the page


async def pick(
    context: DiscordContext, click: Click, pictures: Sequence[SubmittedFile | StoredFile], after: str = ""
) -> None:
    """Let the person choose among the workflows that take a picture, and first which of several pictures is meant.
    These are results of the workflow `after`, if of any. Raises `UserError`.
    """
    forms = await _forms(context, click, after)
    names = [
        await context.sessions.add(click.user.id, FormSession(picture=each, after=after))
        for each in pictures[:_OPTIONS]
    ]
    if len(names) > 1:
        numbers = [
            discord.ui.Button[Any](label=str(at), custom_id=called("use", each)) for at, each in enumerate(names, 1)
        ]
        await tell(click, _("Which of them?"), view=still(*numbers))
        return
    words, view = _question(pictures[0]), _page(names[0], forms, 0)
    await click.response.send_message(words, view=view, ephemeral=True, allowed_mentions=NO_MENTIONS)


async def chosen(context: DiscordContext, click: Click, name: str) -> None:
    """Go on with one of several pictures. Raises `UserError`."""
    session = await context.sessions.get(click.user.id, name)
    forms, picture = await _forms(context, click, session.after), session.picture
    if picture is None:
        raise UserError(_("This form has expired. Please start again."))
    view = _page(name, forms, 0)
    await click.response.edit_message(content=_question(picture), view=view, allowed_mentions=NO_MENTIONS)


async def leaf(context: DiscordContext, click: Click, name: str, page: int) -> None:
    """Show other workflows to choose from. Raises `UserError`."""
    session = await context.sessions.get(click.user.id, name)
    await click.response.edit_message(view=_page(name, await _forms(context, click, session.after), page))


async def picked(context: DiscordContext, click: Click, name: str) -> None:
    """Go on with what was chosen. Raises `UserError`."""
    session = await context.sessions.get(click.user.id, name)
    data: Any = click.data
    await begin(context, click, replace(session, workflow=data["values"][0]))


def _question(picture: SubmittedFile | StoredFile) -> str:
    return _("What shall become of {name}?").format(name=cut(picture.filename, 100))


async def _forms(context: DiscordContext, click: Click, after: str) -> list[CachedForm]:
    """The workflows that take a picture, those first that the author of the one before has chosen."""
    forms = [cached for cached in await context.cache.forms(asker(click), place_of(click)) if cached.picture_field]
    if not forms:
        raise UserError(_("There is no workflow here that takes a picture."))
    by_id = {each.workflow.id: each for each in forms}
    order = context.services.workflows.onward(after, [(each.workflow, each.form) for each in forms])
    return [by_id[each.id] for each in order]


def _page(name: str, forms: Sequence[CachedForm], page: int) -> discord.ui.View:
    """A select for every 25 workflows."""
    last = (len(forms) - 1) // _PAGE
    page = min(page, last)
    here = range(page * _PAGE, min((page + 1) * _PAGE, len(forms)), _OPTIONS)
    items: list[discord.ui.Item[Any]] = [_select(name, forms, first) for first in here]
    if page > 0:
        items.append(_leaf(_("Earlier"), name, page - 1))
    if page < last:
        items.append(_leaf(_("More"), name, page + 1))
    return still(*items)


def _leaf(label: str, name: str, page: int) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=label, custom_id=called("leaf", name, page), row=4)


def _select(name: str, forms: Sequence[CachedForm], first: int) -> discord.ui.Select[Any]:
    shown = forms[first : first + _OPTIONS]
    words = _("A workflow: {first} to {last}") if len(forms) > _OPTIONS else _("A workflow")
    title = words.format(first=shown[0].workflow.label, last=shown[-1].workflow.label)
    options = [_option(cached) for cached in shown]
    return discord.ui.Select(placeholder=cut(title, 150), options=options, custom_id=called("pick", name, first))


def _option(cached: CachedForm) -> discord.SelectOption:
    workflow = cached.workflow
    return discord.SelectOption(
        label=cut(workflow.label, 100), value=workflow.id, description=cut(workflow.description, 100) or None
    )
