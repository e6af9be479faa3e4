"""The bot at Discord's gateway: hears of interactions, messages and servers, and hands them on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import discord

from bot.core.model import Address
from bot.core.platform import BackgroundTask, RunRecord, Work, aligned, end_all, note_arrival
from bot.platforms.discord.commands.pace import SyncPace
from bot.platforms.discord.commands.sync import CommandSync, SyncLedger
from bot.platforms.discord.commands.tree import Tree
from bot.platforms.discord.interactions import answer
from bot.platforms.discord.message_ref import PLATFORM, MessageRef
from bot.platforms.discord.presence import keep_presence
from bot.platforms.discord.runs.mentions import hear
from bot.platforms.discord.runs.posting import repost
from bot.platforms.discord.runs.submit import Click, DiscordContext
from bot.platforms.proxy import proxy_for

_log = logging.getLogger(__name__)
_FAREWELL = 3.0  # seconds for answers that are under way when it closes
_REPOST_EVERY = 60.0  # seconds; no message is still being posted so long after its request


class DiscordClient(discord.AutoShardedClient):
    """Use it once: after a failure a new one is made."""

    def __init__(self, context: DiscordContext, ledger: SyncLedger, shards: int | None = None) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        super().__init__(
            intents=intents,
            shard_count=shards,
            max_messages=None,
            proxy=proxy_for(discord.http.Route.BASE),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.context = context
        self.tree = Tree(self, context)
        self.registrar = CommandSync(
            self, self.tree, context.services, context.cache, context.choice, ledger, SyncPace()
        )
        self._since = time.time()
        self._there = set[int]()  # the shards that are connected: each hears of a part of the servers
        self._work: list[BackgroundTask] = []
        self._answering: set[asyncio.Task[Any]] = set()

    async def setup_hook(self) -> None:
        self._begin("commands", self.registrar.work)
        self._begin("presence", self._say_presence)
        self._begin("forms", self.context.sessions.tidy)
        self._begin("reposting", self._repost)

    def _begin(self, name: str, work: Work) -> None:
        """Work from the moment that the bot is there until it goes."""

        async def once_ready() -> None:
            await self.wait_until_ready()
            await work()

        task = BackgroundTask(f"{PLATFORM} {name}", self.context.services.health.tasks)
        self._work.append(task)
        task.start(once_ready)

    async def on_shard_connect(self, shard: int) -> None:
        self._there.add(shard)
        if len(self._there) == self.shard_count:
            self.context.services.health.tasks.connected(PLATFORM)

    async def on_shard_resumed(self, shard: int) -> None:
        await self.on_shard_connect(shard)

    async def on_shard_disconnect(self, shard: int) -> None:
        self._there.discard(shard)
        if not self.is_closed():
            self.context.services.health.tasks.disconnected(PLATFORM)

    async def on_ready(self) -> None:
        _log.info("Discord: %s is in %d servers", self.user, len(self.guilds))
        self.registrar.wake()

    async def _say_presence(self) -> None:
        await keep_presence(self, self.context.services.runs)

    async def _repost(self) -> None:
        """See to the messages of runs that were taken in before the program ended, or was let down by its database."""
        while True:
            await self.context.services.runs.reopen(PLATFORM, self._since, self._found)
            await asyncio.sleep(aligned(_REPOST_EVERY, time.monotonic()))
            self._since = time.time() - _REPOST_EVERY

    async def _found(self, run: RunRecord) -> Address:
        return await repost(self, run, self.context.services.runs.summary(run))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.registrar.joined(guild.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.context.services.moderation.left(f"{PLATFORM}:{guild.id}")

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        await self.context.services.moderation.role_deleted(f"{PLATFORM}:{role.guild.id}", str(role.id))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self.context.services.moderation.place_deleted(f"{PLATFORM}:{channel.guild.id}", str(channel.id))

    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        await self.context.services.moderation.place_deleted(f"{PLATFORM}:{thread.guild_id}", str(thread.thread_id))

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._deleted(event.channel_id, {event.message_id})

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._deleted(event.channel_id, event.message_ids)

    async def _deleted(self, channel: int, messages: Collection[int]) -> None:
        """Cancel the runs whose messages were deleted."""
        runs = self.context.services.runs
        for run in await runs.unfinished_shown_in(PLATFORM, str(channel)):
            if MessageRef.at(run.address).message in messages:
                await runs.message_deleted(run)

    async def on_interaction(self, click: Click) -> None:
        note_arrival()
        if click.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
            await answer(self.context, click)

    async def on_message(self, message: discord.Message) -> None:
        note_arrival()
        await hear(self.context, self, message)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        _log.exception("in %s", event_method)

    def _schedule_event(self, *args: Any, **kwargs: Any) -> asyncio.Task[None]:
        task = super()._schedule_event(*args, **kwargs)
        self.attend(task)
        return task

    def attend(self, task: asyncio.Task[Any]) -> None:
        """Count a task that answers until it has: the library keeps no count of these, and would abandon them."""
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def close(self) -> None:
        """Answer those whom it has begun to answer, and go. What Discord says meanwhile is not heard."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=_FAREWELL)
        for work in self._work:
            await work.stop()
        with suppress(ConnectionError):
            await super().close()
        await asyncio.sleep(0)  # what came last has begun, and is counted
        await end_all(self._answering)
