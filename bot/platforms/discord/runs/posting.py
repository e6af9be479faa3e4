"""Posting: a run's message, sent when the run is on disk; found, or sent after all, where a crash came in between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord.utils import time_snowflake

from bot.core.errors import DeliveryFailed, NotAllowed, StorageFailed, UserError
from bot.core.model import Address, Received, RunRequest, RunSummary
from bot.core.platform import RunRecord, Services
from bot.core.status_text import private_words
from bot.i18n import _
from bot.platforms.discord.components import WAITING, ComponentAction, row
from bot.platforms.discord.message_ref import FILE_BYTES, TOKEN_LIFE, MessageRef
from bot.platforms.discord.rest import AWAY, NO_MENTIONS
from bot.platforms.discord.runs.request import is_member
from bot.platforms.discord.runs.text import cut, status_text

_NEAR = 100  # messages after a request among which its own is looked for
_QUIET: Any = {"allowed_mentions": NO_MENTIONS, "suppress_embeds": True}
_EARLY = 60.0  # seconds that our clock may be ahead of Discord's


@dataclass
class MessageAnswer:
    """The message that an interaction leads to; see `bot.core.port.MessageOpening`. `is_here`: it answers the
    interaction where that was.
    """

    services: Services
    request: RunRequest
    click: discord.Interaction[Any]
    spoiler: bool
    is_here: bool = False

    @property
    def draft(self) -> Address:
        click, until = self.click, time.time() + TOKEN_LIFE
        spot = MessageRef(
            click.channel_id or 0, 0, click.token, until, click.filesize_limit, is_member(click), self.spoiler
        )
        return spot.address

    async def post(self, run_id: str, cells: int = 1) -> Address:
        click, draft = self.click, MessageRef.at(self.draft)
        text = _first_text(self.services, self.request, run_id, draft.closes)
        async with _in_words():
            where = (
                await _destination(self.services, click.client, click.channel, self.request) if draft.member else None
            )
            if where is not None:
                message = await where.send(text, **_first_parts(run_id, cells))
                said = _("The result will appear in {place}.").format(place=message.jump_url)
                await click.edit_original_response(content=said, view=None)
                return MessageRef(where.id, message.id, bytes=draft.bytes, spoiler=self.spoiler).address
            # What answers the interaction itself must be filled first: the next message would fill it.
            await click.edit_original_response(content=_("On its way…"), view=None)
            here = await click.followup.send(text, **_first_parts(run_id, cells), wait=True)
        self.is_here = True
        return draft.found(here.id).address


@dataclass(frozen=True)
class PrivateAnswer:
    """A direct message to the person who asked, which is there already; see `bot.core.port.MessageOpening`."""

    services: Services
    request: RunRequest
    click: discord.Interaction[Any]
    message: discord.Message
    spoiler: bool

    @classmethod
    @asynccontextmanager
    async def sent(
        cls, services: Services, request: RunRequest, click: discord.Interaction[Any], *, spoiler: bool
    ) -> AsyncIterator[PrivateAnswer]:
        """Send the message before anything is taken in, since only that shows that it can be sent; and take it back if
        the request is refused. Raises `NotAllowed` if the person takes no direct messages.
        """
        async with _in_words():
            try:
                channel = await click.user.create_dm()
                message = await channel.send(_first_text(services, request, ""), **_QUIET)
            except discord.Forbidden as fault:
                words = _(
                    "I cannot send you a direct message. Allow direct messages from members of this server (in its"
                    " privacy settings), and ask again."
                )
                raise NotAllowed(words) from fault
        try:
            yield cls(services, request, click, message, spoiler)
        except (UserError, StorageFailed):
            with suppress(discord.HTTPException):
                await message.delete()
            raise

    @property
    def draft(self) -> Address:
        return MessageRef(self.message.channel.id, self.message.id, spoiler=self.spoiler).address

    async def post(self, run_id: str, cells: int = 1) -> Address:
        async with _in_words():
            parts = _first_parts(run_id, cells)
            await self.message.edit(content=_first_text(self.services, self.request, run_id), view=parts["view"])
        said = _("You get it by direct message: {place}").format(place=self.message.jump_url)
        with suppress(discord.HTTPException):  # the run is in line, whether this is read or not
            await self.click.edit_original_response(content=f"{said} {private_words()}", view=None)
        return self.draft


@dataclass(frozen=True)
class InteractionAnswer:
    """The message that answers a message; see `bot.core.port.MessageOpening`."""

    services: Services
    request: RunRequest
    client: discord.Client
    message: discord.Message
    spoiler: bool = False

    @property
    def draft(self) -> Address:
        guild, channel = self.message.guild, self.message.channel
        most = guild.filesize_limit if guild else FILE_BYTES
        return MessageRef(channel.id, 0, bytes=most, spoiler=self.spoiler).address

    async def post(self, run_id: str, cells: int = 1) -> Address:
        channel, is_private = self.message.channel, self.message.guild is None
        async with _in_words():
            where = None if is_private else await _destination(self.services, self.client, channel, self.request)
            send: Any = self.message.reply if where is None else where.send
            message = await send(_first_text(self.services, self.request, run_id), **_first_parts(run_id, cells))
        return replace(MessageRef.at(self.draft), channel=message.channel.id, message=message.id).address


async def repost(client: discord.Client, run: RunRecord, brief: RunSummary) -> Address:
    """The message of a run that an earlier process has taken in: found, or else posted now. Raises `DeliveryFailed`
    where it cannot be, and what the library raises where Discord is away.
    """
    spot, wanted = MessageRef.at(run.address), "" if run.private else run.display.results or ""
    text, parts = status_text(brief, Received(), spot.closes), _first_parts(run.group_id or run.id, run.cells)
    channel = client.get_partial_messageable(int(wanted) if wanted.isdigit() else spot.channel)
    apart = MessageRef(
        channel.id, 0, bytes=spot.bytes, spoiler=spot.spoiler
    )  # what the interaction's token does not reach
    try:
        if run.restored and not spot.member:
            raise DeliveryFailed(_("I can no longer reach the message."))
        if not spot.member:
            hook = discord.Webhook.partial(client.application_id or 0, spot.token, client=client)
            return spot.found((await hook.send(text, **parts, wait=True)).id).address
        if spot.message:  # of a private run it was there before
            await channel.get_partial_message(spot.message).edit(content=text, view=parts["view"])
            return spot.address
        known = await _find(client, channel, run)
        if known is None and run.restored:
            raise DeliveryFailed(_("I can no longer reach the message."))
        if known is None:
            return apart.found((await channel.send(text, **parts)).id).address
        return (spot if channel.id == spot.channel else apart).found(known).address
    except discord.HTTPException as fault:
        if isinstance(fault, discord.DiscordServerError):
            raise
        raise DeliveryFailed(fault.text) from fault


async def _find(client: discord.Client, channel: discord.PartialMessageable, run: RunRecord) -> int | None:
    """The message with the buttons of a run; None where there is none, or where the past cannot be read."""
    since = discord.Object(time_snowflake(discord.utils.utcnow().fromtimestamp(run.asked_at - _EARLY)))
    named = run.group_id or run.id
    try:
        async for message in channel.history(limit=_NEAR, after=since):
            if client.user is not None and message.author.id == client.user.id and named in _buttons(message):
                return message.id
    except (discord.Forbidden, discord.NotFound):
        pass
    return None


def _buttons(message: discord.Message) -> str:
    rows = (each for each in message.components if isinstance(each, discord.ActionRow))
    return " ".join(str(getattr(button, "custom_id", "")) for each in rows for button in each.children)


def _first_text(services: Services, request: RunRequest, run_id: str, until: float | None = None) -> str:
    """The text of a run's message before its place in the queue is known."""
    shown = {name: value for name, value in request.values.items() if isinstance(value, str | int | float)}
    brief = RunSummary(
        run_id, request.workflow, services.workflows.title(request.workflow), request.person, request.place, shown
    )
    return status_text(brief, Received(), until)


def _first_parts(run_id: str, cells: int = 1) -> dict[str, Any]:
    verbs = WAITING if cells == 1 else (ComponentAction.CANCEL_ALL,)
    return {"view": row(run_id, verbs), **_QUIET}


async def _destination(services: Services, client: discord.Client, channel: Any, request: RunRequest) -> Any:
    """The thread or channel that moderators want the message in; None where it stays where it is asked for."""
    results = services.workflows.display(request.person, request.place, request.workflow).results or "here"
    try:
        if results == "thread" and not isinstance(channel, discord.Thread) and hasattr(channel, "create_thread"):
            title = f"{services.workflows.title(request.workflow)} · {request.person.name}"
            return await channel.create_thread(name=cut(title, 100), type=discord.ChannelType.public_thread)
        if results.isdigit() and results != request.place.id:
            return client.get_channel(int(results)) or await client.fetch_channel(int(results))
    except discord.HTTPException as fault:
        words = _("Results go to a place here that I cannot write in: {reason}")
        raise DeliveryFailed(words.format(reason=fault.text)) from fault
    return None


@asynccontextmanager
async def _in_words() -> AsyncIterator[None]:
    try:
        yield
    except discord.HTTPException as fault:
        raise DeliveryFailed(_("Discord did not let me write here: {reason}").format(reason=fault.text)) from fault
    except AWAY as fault:
        raise DeliveryFailed(_("Discord cannot be reached.")) from fault
