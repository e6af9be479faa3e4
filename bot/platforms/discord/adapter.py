"""Discord as a platform: replies over REST alone, and a bot at the gateway where people are to be heard."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from types import TracebackType

import discord

from bot.core.errors import ConfigError, DeliveryFailed
from bot.core.model import Address, GroupSummary, Result, RunSummary
from bot.core.platform import KeyValueStore, Services
from bot.core.port import BotAccount, MessageOpening, Ping, TokenRefused, WorkflowQuestion
from bot.i18n import _
from bot.platforms.discord.client import DiscordClient
from bot.platforms.discord.commands.choice import CommandChoice
from bot.platforms.discord.commands.sync import SyncLedger
from bot.platforms.discord.forms.cache import FormCache
from bot.platforms.discord.forms.sessions import FormSessions
from bot.platforms.discord.message_ref import FILE_BYTES, PLATFORM, MessageRef
from bot.platforms.discord.moderation.panel import question
from bot.platforms.discord.moderation.reports import reported_question
from bot.platforms.discord.moderation.saved import asked
from bot.platforms.discord.rest import AWAY, DiscordRest, MessageDraft, pointed_at
from bot.platforms.discord.runs.beside import BesideOpening
from bot.platforms.discord.runs.group import DiscordGroup
from bot.platforms.discord.runs.pings import send_ping
from bot.platforms.discord.runs.reply import DiscordReply
from bot.platforms.discord.runs.submit import DiscordContext
from bot.platforms.discord.runs.text import cut, plain
from bot.settings import Settings

#: What the bot asks a server for: to see, speak, attach, in threads too, and to read the message that is answered.
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    embed_links=True,
    read_message_history=True,
)


class DiscordPlatform:
    """The platform. Raises `ConfigError` from `serve` where Discord does not know the token."""

    def __init__(self, settings: Settings, notes: KeyValueStore) -> None:
        """`notes` keep the forms that people are filling in."""
        if settings.discord_token is None:
            raise ConfigError(_("DISCORD_TOKEN is not set."))
        self._settings, self._token, self._notes = settings, settings.discord_token.reveal(), notes
        self._rest = DiscordRest(self._token)
        self._open = ExitStack()
        self._known = False

    @property
    def name(self) -> str:
        return PLATFORM

    async def __aenter__(self) -> DiscordPlatform:
        self._open.enter_context(pointed_at(self._settings.discord_api_base, self._settings.discord_gateway_url))
        await self._rest.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._rest.__aexit__(kind, error, traceback)
        self._open.close()

    async def serve(self, services: Services) -> None:
        async with self._notes:
            await self._serve(services, FormSessions(self._notes))

    async def _serve(self, services: Services, sessions: FormSessions) -> None:
        settings = self._settings
        context = DiscordContext(
            services,
            FormCache(services),
            CommandChoice(services),
            sessions,
            int(settings.max_upload_mb * 1e6),
            settings.retention_days,
        )
        ledger = SyncLedger(settings.folder / "discord-commands.json")
        try:
            async with DiscordClient(context, ledger, 1 if settings.discord_gateway_url else None) as bot:
                await bot.login(self._token)
                self._known = True
                await bot.connect()
        except discord.LoginFailure as fault:
            if self._known:
                raise TokenRefused(_("DISCORD_TOKEN: Discord no longer takes this token. Set a new one.")) from fault
            raise ConfigError(_("DISCORD_TOKEN: Discord does not know this token.")) from fault

    async def ask(self, brief: RunSummary, result: Result | None, channel: str) -> None:
        """Show moderators a run that waits for their yes; see `bot.core.port.ReviewAsker`."""
        if not channel:
            raise DeliveryFailed(_("No channel is set in which moderators are asked. Set one with /moderate review."))
        try:
            draft = await question(brief, result, FILE_BYTES)
            await self._rest.send(int(channel), draft, brief.run_id.replace("-", "")[:24])
        except (*AWAY, discord.HTTPException) as fault:
            raise DeliveryFailed(str(fault)) from fault

    async def ask_about_report(self, brief: RunSummary, result: Result, channel: str) -> None:
        """Ask reviewers about a reported result; see `bot.core.port.ReportAsker`."""
        try:
            draft = await reported_question(brief, result, FILE_BYTES)
            await self._rest.send(int(channel), draft, "r" + brief.run_id.replace("-", "")[:23])
        except (*AWAY, discord.HTTPException) as fault:
            raise DeliveryFailed(str(fault)) from fault

    async def ask_operator(self, person: str, question: WorkflowQuestion) -> None:
        """Ask an operator about a saved workflow; see `bot.core.port.OperatorAsker`."""
        try:
            await self._rest.send_to(int(person), asked(question), f"{question.id[:14]}-{question.newest}")
        except (*AWAY, discord.HTTPException, ValueError) as fault:
            raise DeliveryFailed(str(fault)) from fault

    pings_once = True  #: Discord sends one message for one nonce

    async def ping(self, address: Address, brief: RunSummary, ping: Ping) -> None:
        """Tell a person that their run has ended; see `bot.core.port.PingSender`."""
        await send_ping(self._rest, MessageRef.at(address), brief, ping)

    async def tell(self, person: str, text: str) -> None:
        """Write to an operator; see `bot.core.port.OperatorTeller`."""
        try:
            await self._rest.send_to(int(person), MessageDraft(cut(plain(text))), secrets.token_hex(12))
        except (*AWAY, discord.HTTPException, ValueError) as fault:
            raise DeliveryFailed(str(fault)) from fault

    def posts_beside(self, address: Address) -> bool:
        """See `bot.core.port.RunPoster`: where people have installed the bot for themselves, it only answers."""
        return MessageRef.at(address).member

    @asynccontextmanager
    async def opened(self, brief: RunSummary, beside: Address) -> AsyncIterator[Address | MessageOpening]:
        """See `bot.core.port.RunPoster`: the message is posted once the run is on disk."""
        yield BesideOpening(self._rest, brief, MessageRef.at(beside))

    def group(self, address: Address, group: GroupSummary) -> DiscordGroup:
        return DiscordGroup(self._rest, MessageRef.at(address), group, previews=self._settings.discord_previews)

    def reply(self, address: Address, brief: RunSummary) -> DiscordReply:
        return DiscordReply(self._rest, MessageRef.at(address), brief, previews=self._settings.discord_previews)


async def introduce(settings: Settings) -> str:
    """The bot's name at Discord, and the link that invites it. Raises `ConfigError`."""
    found = await account(settings)
    good = _("Discord: good, as {name}. Invite it to a server: {link}").format(name=found.name, link=found.invitation)
    return " ".join([good, *found.lacks])


async def account(settings: Settings) -> BotAccount:
    """The bot that the token is for. Raises `ConfigError`."""
    if settings.discord_token is None:
        raise ConfigError(_("DISCORD_TOKEN is not set."))
    with pointed_at(settings.discord_api_base, settings.discord_gateway_url):
        try:
            async with DiscordRest(settings.discord_token.reveal()) as rest:
                client = await rest.client()
                unheard = [person for person in settings.notified_on(PLATFORM) if not await _hears(rest, person)]
        except discord.LoginFailure as fault:
            raise ConfigError(_("DISCORD_TOKEN: Discord does not know this token.")) from fault
        except (discord.HTTPException, *AWAY) as fault:
            raise ConfigError(
                _("Discord cannot be reached. Check the network of this computer. ({reason})").format(reason=fault)
            ) from fault
    words = _(
        "It cannot write to discord:{person}, who is to hear what is wrong: they must share a server with the bot."
    )
    lacks = tuple(words.format(person=person) for person in unheard)
    return BotAccount(str(client.user), invitation(client.application_id or 0), lacks)


async def _hears(rest: DiscordRest, person: str) -> bool:
    try:
        await rest.try_to_reach(int(person))
    except (discord.Forbidden, discord.NotFound, ValueError):
        return False
    except discord.HTTPException as fault:
        return fault.status != 400  # no such person
    return True


def invitation(application: int) -> str:
    """The link that adds the bot to a server."""
    return discord.utils.oauth_url(application, permissions=PERMISSIONS, scopes=("bot", "applications.commands"))
