"""The registrar: keeps each server's commands as they should be, and sends Discord only what has changed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import discord
from discord.app_commands import CommandTree

from bot.core.model import Place
from bot.core.platform import Services, Workflow, aligned, community_of, in_turns, private_opener, together
from bot.i18n import _
from bot.platforms.discord.commands.choice import CommandChoice
from bot.platforms.discord.commands.native import each_name_once
from bot.platforms.discord.commands.pace import SyncPace
from bot.platforms.discord.commands.refusals import without_refused
from bot.platforms.discord.commands.schema import declare, digest
from bot.platforms.discord.forms.cache import FormCache
from bot.platforms.discord.message_ref import PLATFORM
from bot.platforms.discord.rest import AWAY

_log = logging.getLogger(__name__)
_LOOK_EVERY = 3.0  # seconds between two looks at the workflows and the servers, at least
_DRAW_EVERY = 30.0  # seconds after which forms are drawn again, and what did not arrive is sent again
_AT_ONCE = 4
_WRITE_EVERY = 2.0  # seconds between two notes on disk of what Discord was told
_TRIES = 5  # times that commands are sent without the parts that Discord refused
_EVERYWHERE = "everywhere"

Declarations: TypeAlias = dict[str, tuple[Workflow, dict[str, Any]]]
Send: TypeAlias = Callable[[Any], Awaitable[Any]]


class SyncLedger:
    """The commands that Discord knows, by server: kept in a file, so that a restart sends nothing twice."""

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser()
        self._told: dict[str, str] = {}
        self._on_disk: dict[str, str] = {}
        self._writing = asyncio.Lock()
        self._written = time.monotonic()

    async def read(self, application: int) -> None:
        known = await asyncio.to_thread(_read, self._path)
        self._told = dict(known["told"]) if known.get("application") == application else {}
        self._on_disk, self._application = dict(self._told), application

    def has(self, where: str) -> bool:
        return where in self._told

    def knows(self, where: str, mark: str) -> bool:
        return self._told.get(where) == mark

    async def note(self, where: str, mark: str) -> None:
        """Note what Discord was told; on disk it is soon, and when `write` returns."""
        self._told[where] = mark
        if time.monotonic() - self._written > _WRITE_EVERY:
            await self.write()

    def forget(self, where: str) -> None:
        self._told.pop(where, None)

    async def write(self) -> None:
        async with self._writing:
            if self._told == self._on_disk:
                return
            self._written, self._on_disk = time.monotonic(), dict(self._told)
            text = json.dumps({"application": self._application, "told": self._told})
            await asyncio.to_thread(_write, self._path, text)


class CommandSync:
    """Works until cancelled; `wake` when a server was joined."""

    def __init__(
        self,
        client: discord.Client,
        tree: CommandTree[Any],
        services: Services,
        cache: FormCache,
        choice: CommandChoice,
        ledger: SyncLedger,
        pace: SyncPace,
    ) -> None:
        self._client, self._tree, self._services, self._ledger = client, tree, services, ledger
        self._cache, self._choice, self._pace = cache, choice, pace
        self._news, self._changes = asyncio.Event(), asyncio.Event()
        self._declaring = asyncio.Lock()
        self._version = (-1, -1)
        self._refused: dict[str, str] = {}
        self._decided: set[str] = set()  # communities in which something was decided
        self._urgent: set[str] = set()  # those of them of which Discord does not know that yet
        self._catalog_version, self._seen = services.workflows.catalog.version, False
        services.moderation.on_change(self._on_decision)

    def wake(self) -> None:
        self._news.set()
        self._changes.set()

    def _on_decision(self, community: str) -> None:
        self._decided.add(community)
        self._urgent.add(community)
        self.wake()

    def joined(self, guild: int) -> None:
        """The bot joined a server: send its commands again, as Discord has forgotten earlier ones."""
        self._ledger.forget(str(guild))
        self._refused.pop(str(guild), None)
        self.wake()

    async def work(self) -> None:
        await self._ledger.read(self._application)
        loop = asyncio.get_running_loop()
        drawn = 0.0
        with self._services.workflows.telling(self._changes.set):
            while True:
                self._changes.clear()
                due = self._news.is_set() or self._version != self._now() or self._pace.is_due
                if due or loop.time() - drawn >= _DRAW_EVERY:
                    self._news.clear()
                    self._version, drawn = self._now(), loop.time()
                    await self.register()
                await _wait(self._news, aligned(_LOOK_EVERY, loop.time()))
                if not self._news.is_set() and not self._pace.holds_back:
                    await _wait(self._changes, aligned(_DRAW_EVERY, loop.time()))

    def _now(self) -> tuple[int, int]:
        """Another one whenever workflows or servers have changed."""
        return self._services.workflows.version

    async def register(self) -> None:
        """Tell Discord what it does not know yet."""
        own = [command.to_dict(self._tree) for command in self._tree.get_commands()]
        await self._tell_everywhere(own)
        taken = [each["name"] for each in own]
        slots = asyncio.Semaphore(_AT_ONCE)
        urgent, self._urgent = self._urgent, set()
        alike: dict[Any, Declarations] = {}

        async def tell(guild: int) -> None:
            async with slots:
                if not self._is_blind(guild):
                    at_once = bool(urgent & {"", f"{PLATFORM}:{guild}"})
                    await self._tell(guild, await self._declared(guild, taken, alike), at_once=at_once)

        self._seen |= any(self._services.health.servers().values())
        try:
            await together(*(tell(guild.id) for guild in list(self._client.guilds)))
        finally:
            await self._ledger.write()

    def _is_blind(self, guild: int) -> bool:
        """True while no ComfyUI server has been seen yet: choices would disappear from the commands, and come back."""
        news = (
            self._seen
            or self._catalog_version != self._services.workflows.catalog.version
            or self._decided & {"", f"{PLATFORM}:{guild}"}
        )
        return not news and self._ledger.has(str(guild))

    async def _declared(self, guild: int, taken: list[str], alike: dict[Any, Declarations]) -> list[dict[str, Any]]:
        """The commands of a server; those servers that decided nothing of their own choose among the same."""
        place = Place(PLATFORM, "", community=str(guild))
        key = () if not self._services.moderation.own_rules(community_of(place)) else guild
        async with self._declaring:
            if key not in alike:
                forms = await self._cache.declared(place)
                private = self._services.runs.may_be_private(place)
                alike[key] = {
                    each.workflow.name: (each.workflow, declare(each.workflow, each.form, private=private))
                    async for each in in_turns(forms)
                }
        known = alike[key]
        chosen = await self._choice.choose(guild, [workflow for workflow, _payload in known.values()], taken)
        return each_name_once(known[each.name][1] for each in chosen)

    async def _tell_everywhere(self, payload: list[Any]) -> None:
        http, application = self._client.http, self._application
        await self._told(
            _EVERYWHERE,
            payload,
            lambda every: http.bulk_upsert_global_commands(application, every),
            lambda one: http.upsert_global_command(application, one),
        )

    async def _tell(self, guild: int, payload: list[Any], *, at_once: bool) -> None:
        http, application = self._client.http, self._application
        await self._told(
            str(guild),
            payload,
            lambda every: http.bulk_upsert_guild_commands(application, guild, every),
            lambda one: http.upsert_guild_command(application, guild, one),
            at_once=at_once,
        )

    async def _told(self, where: str, payload: list[Any], send: Send, send_one: Send, *, at_once: bool = False) -> None:
        """Send commands unless Discord knows them, or they may change again soon. What it refuses is sent again when it
        has changed, or after a restart; what did not arrive, the next time that commands are drawn.
        """
        mark, names = digest(payload), [each["name"] for each in payload]
        if self._ledger.knows(where, mark) or self._refused.get(where) == mark:
            self._pace.settle(where)
            return
        if self._ledger.has(where) and not at_once and not self._pace.allows(where, mark, names):
            return
        self._pace.tell(where, names, first=not self._ledger.has(where))
        try:
            left_out = await _sent(payload, send, send_one)
        except discord.Forbidden:
            self._refuse(where, mark, _("Discord allows no commands there; invite the bot with the link of check"))
        except AWAY as fault:
            _log.warning("the commands of %s did not arrive: %s", where, fault)
        except discord.HTTPException as fault:
            self._refuse(where, mark, _("Discord refused the commands: {reason}").format(reason=fault.text))
        else:
            await self._ledger.note(where, f"partly {mark}" if left_out else mark)
            self._services.health.tasks.settle(_topic(where))
            if left_out:
                words = "; ".join(f"/{name}: {reason}" for name, reason in left_out.items())
                self._refuse(
                    where, mark, _("Discord refused a part, and has all the rest: {parts}").format(parts=words)
                )

    def _refuse(self, where: str, mark: str, words: str) -> None:
        """Tell the operator that Discord refuses commands, and do not send the same again."""
        _log.error("commands of %s: %s", where, words)
        self._services.health.tasks.remark(_topic(where), words)
        self._refused[where] = mark

    @property
    def _application(self) -> int:
        return self._client.application_id or 0


async def _sent(payload: list[Any], send: Send, send_one: Send) -> dict[str, str]:
    """Send commands; where Discord refuses a part, all the rest. Return what was left out, with the reasons."""
    left_out: dict[str, str] = {}
    for _try in range(_TRIES):
        try:
            await send(payload)
        except discord.HTTPException as fault:
            if fault.status != 400:
                raise
            payload, named = without_refused(payload, fault.text)
            if not named:
                break
            left_out |= named
        else:
            return left_out
    return left_out | await _sent_singly(payload, send_one)


async def _sent_singly(payload: list[Any], send_one: Send) -> dict[str, str]:
    """Send commands one by one, as Discord did not say which it refuses; return those that it does."""
    refused = {}
    for command in payload:
        try:
            await send_one(command)
        except discord.HTTPException as fault:
            if fault.status != 400:
                raise
            refused[str(command["name"])] = fault.text
    return refused


def _topic(where: str) -> str:
    return f"{PLATFORM} commands {where}"


async def _wait(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return


def _read(path: Path) -> Mapping[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) and isinstance(known.get("told"), dict) else {}


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    with open(part, "w", opener=private_opener) as file:
        file.write(text)
    part.replace(path)
