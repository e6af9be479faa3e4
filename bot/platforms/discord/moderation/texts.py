"""/moderate texts: what moderators write for members to use. Who may, the core says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Optional

from discord import app_commands

from bot.core.platform import ModerationService
from bot.i18n import _
from bot.platforms.discord.moderation.targets import Channel, aim_of
from bot.platforms.discord.moderation.workflows import Act, Text, workflow_names
from bot.platforms.discord.runs.submit import Click, DiscordContext


class TextCommands(app_commands.Group):
    """`do` does an act as the one who asks, and tells them alone what became of it."""

    def __init__(self, context: DiscordContext, do: Callable[[Click, Act], Awaitable[None]]) -> None:
        super().__init__(name="texts", description=_("Texts that members can use in what they write."))
        self._context, self._do = context, do

    @property
    def _moderation(self) -> ModerationService:
        return self._context.services.moderation

    @app_commands.command(description=_("A list: __NAME__ in a text takes one of its texts; leave empty to delete it."))
    @app_commands.describe(texts=_("with | between them"))
    @app_commands.autocomplete(workflow=workflow_names)
    async def list(
        self,
        click: Click,
        name: Text,
        texts: Optional[str] = None,  # noqa: UP045 - read at run time
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        aim = aim_of(workflow, channel)
        await self._do(click, lambda by, here: self._moderation.list_(by, here, name, texts or "", aim))
