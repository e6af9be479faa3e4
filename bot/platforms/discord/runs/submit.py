"""Asking: from an interaction to a run in line, with one public message; refusals are told to the person alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from uuid import uuid4

import discord

from bot.core.errors import DeliveryFailed, NotAllowed, StorageFailed, UserError
from bot.core.model import Resume, RunRequest
from bot.core.platform import RunRecord, Services, work_folder
from bot.i18n import _
from bot.platforms.discord.commands.choice import CommandChoice
from bot.platforms.discord.forms.cache import FormCache
from bot.platforms.discord.forms.sessions import TEMPLATE, FormSessions
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.posting import MessageAnswer, PrivateAnswer
from bot.platforms.discord.runs.request import asker, fetched, is_alone, lacking, place_of
from bot.platforms.discord.runs.text import cut, plain

_log = logging.getLogger(__name__)
_EXPIRED = 10062  # the interaction was not answered within three seconds

Click: TypeAlias = discord.Interaction[Any]


@dataclass(frozen=True)
class DiscordContext:
    """The parts that every answer on Discord needs. `most` is the largest file that a person may send, in bytes."""

    services: Services
    cache: FormCache
    choice: CommandChoice
    sessions: FormSessions
    most: int
    kept_days: float


async def submit(
    context: DiscordContext,
    click: Click,
    workflow: str,
    values: Mapping[str, Any],
    *,
    version: str = "",
    count: int = 1,
    resume: Resume | None = None,
    spoiler: bool = False,
    private: bool = False,
) -> None:
    """Have a workflow run. The interaction is answered first, whatever else is slow. Raises `UserError`."""
    await _hear(click)
    private = private and not is_alone(click)
    if not private:
        check_rights(lacking(click))
    check_age(context, workflow, click.channel)
    with work_folder() as folder:
        given = await fetched(click.client.http, values, folder, context.most)
        request = RunRequest(workflow, given, asker(click), place_of(click), version, count, resume, private)
        if private:
            await context.services.runs.check_private(request)
            async with PrivateAnswer.sent(context.services, request, click, spoiler=spoiler) as opening:
                await context.services.runs.submit(request, opening)
            return
        posting = MessageAnswer(context.services, request, click, spoiler)
        await context.services.runs.submit(request, posting)
    if posting.is_here:
        with suppress(discord.HTTPException):
            await click.delete_original_response()


async def _hear(click: Click) -> None:
    if not click.response.is_done():
        aside = is_aside(click)
        await click.response.defer(ephemeral=not aside, thinking=not aside)


def is_aside(click: Click) -> bool:
    """True if a click, or a window that it opened, belongs to the part of a form that its person alone sees."""
    data: Any = click.data or {}
    hidden = click.message is not None and click.message.flags.ephemeral
    return hidden and re.fullmatch(TEMPLATE, str(data.get("custom_id", ""))) is not None


async def go_on(click: Click, text: str, view: discord.ui.View) -> None:
    """Answer with the next part of a form, which takes the place of the part before."""
    if not click.response.is_done() and is_aside(click):
        await click.response.edit_message(content=cut(plain(text)), view=view, allowed_mentions=NO_MENTIONS)
    else:
        await tell(click, text, view=view)


async def submit_again(context: DiscordContext, click: Click, run: RunRecord, changes: Mapping[str, Any]) -> None:
    """Start a run again for the person who clicked. Raises `UserError`."""
    await _hear(click)
    request = await context.services.runs.again(run.id, asker(click), place_of(click), changes)
    await submit_request(context, click, request, spoiler=MessageRef.at(run.address).spoiler)


async def submit_request(context: DiscordContext, click: Click, request: RunRequest, *, spoiler: bool) -> None:
    """Start what a button asks for. Raises `UserError`."""
    await _hear(click)
    await submit(
        context,
        click,
        request.workflow,
        request.values,
        version=request.version,
        count=request.count,
        resume=request.resume,
        spoiler=spoiler,
        private=request.private,
    )


def check_rights(missing: Sequence[str]) -> None:
    """Raises `NotAllowed` where the bot lacks permissions, with their names."""
    if missing:
        words = _("I may not work in this channel. Please ask a server administrator to give me: {permissions}.")
        raise NotAllowed(words.format(permissions=", ".join(missing)))


def check_age(context: DiscordContext, workflow: str, channel: object) -> None:
    """Raises `NotAllowed` for a workflow for adults in a channel that is not age-restricted."""
    found = context.services.workflows.catalog.workflows.get(workflow)
    is_restricted = getattr(channel, "is_nsfw", lambda: isinstance(channel, discord.abc.PrivateChannel))
    if found is not None and found.nsfw and not is_restricted():
        words = _("“{title}” is for adults. Use it in an age-restricted channel, or in a direct message.")
        raise NotAllowed(words.format(title=found.title))


async def guarded(click: Click, work: Callable[[], Awaitable[None]]) -> None:
    """Answer an interaction: whatever fails, the person is told."""

    async def attend() -> None:
        try:
            await work()
        except discord.NotFound as fault:
            if fault.code != _EXPIRED:
                raise
            _log.warning("an interaction was answered too late")

    await told(attend, partial(tell, click), "an interaction")


async def told(work: Callable[[], Awaitable[None]], say: Callable[[str], Awaitable[None]], what: str) -> None:
    """Do some work for a person, who is told with `say` whatever stopped it; `what` it was is for the log."""
    try:
        await work()
    except (UserError, StorageFailed, DeliveryFailed) as refusal:
        await say(str(refusal))
    except Exception as error:  # noqa: BLE001 - the top of a platform
        number = uuid4().hex[:8]
        _log.error("error %s in %s", number, what, exc_info=error)
        await say(_("Something went wrong here. The operator finds it in the log as {id}.").format(id=number))


async def tell(click: Click, text: str, **more: Any) -> None:
    """Say something to the one who clicked alone. Where that is no longer possible, it is for the log."""
    text = cut(plain(text))
    try:
        if click.type is discord.InteractionType.autocomplete:
            await click.response.autocomplete([])
            return
        if not click.response.is_done():
            await click.response.send_message(text, ephemeral=True, allowed_mentions=NO_MENTIONS, **more)
        elif click.response.type is discord.InteractionResponseType.deferred_channel_message or is_aside(click):
            await click.edit_original_response(content=text, allowed_mentions=NO_MENTIONS, **{"view": None, **more})
        else:
            await click.followup.send(text, ephemeral=True, allowed_mentions=NO_MENTIONS, **more)
    except discord.HTTPException as fault:
        _log.info("could not answer an interaction: %s", fault)
