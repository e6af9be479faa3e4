"""The wire: Discord's REST alone, through the library's own client and its care for rate limits, without a gateway."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.core import metrics
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.runs.attachments import DiscordAttachment
from bot.platforms.proxy import proxy_for

#: What goes wrong on the way to Discord, and may go right in a moment.
AWAY = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError, discord.LoginFailure)
_REMEMBERED = 10_000  # messages that have ended
_NEAR = 100  # messages after one among which another is looked for

discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # the bot needs no voice: no warnings about it

NO_MENTIONS = discord.AllowedMentions.none()


@contextmanager
def pointed_at(api_base: str, gateway_url: str) -> Iterator[None]:
    """Have the library speak to another Discord: it knows no setting for that."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    if api_base:
        Route.BASE = api_base.rstrip("/")
    if gateway_url:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@dataclass(frozen=True)
class MessageDraft:
    """New content for a message. `pieces` None leaves its attachments as they are, `row` None its buttons. Beside the
    pieces the message keeps those of its attachments that are `kept`.
    """

    content: str
    pieces: tuple[DiscordAttachment, ...] | None = None
    row: discord.ui.View | None = None
    kept: tuple[discord.Attachment, ...] = ()

    def parts(self) -> dict[str, Any]:
        """The keyword arguments of an edit; each call opens the files again."""
        parts: dict[str, Any] = {"content": self.content, "allowed_mentions": NO_MENTIONS}
        if self.pieces is not None:
            parts["attachments"] = [*self.kept, *(piece.open() for piece in self.pieces)]
        if self.row is not None:
            parts["view"] = self.row
        return parts


class DiscordRest:
    """Use it in `async with`: it logs in when it is first needed, so that Discord may be away at the start."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._client: discord.Client | None = None
        self._entering = asyncio.Lock()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._ended: OrderedDict[int, None] = OrderedDict()
        self.paces: dict[int, float] = {}
        self.attached: OrderedDict[int, tuple[discord.Attachment, ...]] = OrderedDict()  # to messages of groups

    async def __aenter__(self) -> DiscordRest:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def client(self) -> discord.Client:
        """The client, logged in. Raises what the library raises, and `AWAY`."""
        async with self._entering:
            if self._client is None:
                client = discord.Client(
                    intents=discord.Intents(guilds=True),
                    max_messages=None,
                    http_trace=_trace(),
                    proxy=proxy_for(Route.BASE),
                )
                try:
                    await client.login(self._token)
                except BaseException:
                    await client.close()
                    raise
                self._client = client
            return self._client

    async def edit_by_token(self, spot: MessageRef, draft: MessageDraft) -> discord.Message:
        client = await self.client()
        hook = discord.Webhook.partial(client.application_id or 0, spot.token, client=client)
        message = await hook.edit_message(spot.message, **draft.parts())
        metrics.edited("discord")
        return message

    async def edit_in_channel(self, spot: MessageRef, draft: MessageDraft) -> discord.Message:
        channel = (await self.client()).get_partial_messageable(spot.channel)
        message = await channel.get_partial_message(spot.message).edit(**draft.parts())
        metrics.edited("discord")
        return message

    async def bring_back(self, thread: int) -> None:
        """Take a thread out of the archive."""
        await (await self.client()).http.edit_channel(thread, archived=False)

    async def send(self, channel: int, draft: MessageDraft, nonce: str) -> int:
        """A message of its own; asked for again soon with the same nonce, Discord sends none. Returns its id."""
        parts = draft.parts()
        files = parts.pop("attachments", [])
        sent = await (await self.client()).get_partial_messageable(channel).send(**parts, files=files, nonce=nonce)
        metrics.edited("discord")
        return sent.id

    async def mention(self, spot: MessageRef, person: int, text: str, nonce: str) -> None:
        """Answer a message with one that mentions a person, and no one else."""
        only = discord.AllowedMentions(everyone=False, roles=False, replied_user=False, users=[discord.Object(person)])
        target = discord.MessageReference(message_id=spot.message, channel_id=spot.channel, fail_if_not_exists=False)
        channel = (await self.client()).get_partial_messageable(spot.channel)
        await channel.send(text, reference=target, allowed_mentions=only, nonce=nonce)

    async def beside(self, spot: MessageRef) -> list[discord.Attachment]:
        """The files of the messages that answer this one; none where the past cannot be read."""
        channel = (await self.client()).get_partial_messageable(spot.channel)
        found = list[discord.Attachment]()
        try:
            async for message in channel.history(limit=_NEAR, after=discord.Object(spot.message)):
                if message.reference is not None and message.reference.message_id == spot.message:
                    found += message.attachments
        except (discord.Forbidden, discord.NotFound):
            pass
        return found

    async def add_beside(self, spot: MessageRef, draft: MessageDraft, nonce: str) -> None:
        """Answer a message with one that has more files; asked for again soon, Discord sends none."""
        parts = draft.parts()
        files = parts.pop("attachments", [])
        target = discord.MessageReference(message_id=spot.message, channel_id=spot.channel, fail_if_not_exists=False)
        channel = (await self.client()).get_partial_messageable(spot.channel)
        await channel.send(**parts, files=files, reference=target, nonce=nonce)
        metrics.edited("discord")

    async def send_to(self, person: int, draft: MessageDraft, nonce: str) -> None:
        """Send a direct message."""
        channel = await (await self.client()).create_dm(discord.Object(person))
        await self.send(channel.id, draft, nonce)

    async def try_to_reach(self, person: int) -> None:
        """Open the chat with a person, and type in it, which leaves nothing there. Raises as `send` does."""
        client = await self.client()
        channel = await client.create_dm(discord.Object(person))
        await client.http.send_typing(channel.id)

    def lock(self, message: int) -> asyncio.Lock:
        """Held while a message is edited, so that edits arrive in their order."""
        return self._locks.setdefault(message, asyncio.Lock())

    def end(self, message: int) -> None:
        """Note that a message shows the end of its run, so that a late status is ignored."""
        self._ended[message] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def has_ended(self, message: int) -> bool:
        return message in self._ended


def _trace() -> aiohttp.TraceConfig:
    """Counts how often Discord asks to wait: its library does so without a word."""

    async def ended(_session: object, _context: object, params: aiohttp.TraceRequestEndParams) -> None:
        if params.response.status == 429:
            metrics.rate_limited("discord")

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    return trace
