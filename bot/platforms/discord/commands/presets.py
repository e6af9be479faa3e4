"""/preset: the values that a person keeps. What becomes of them, the core decides; only the person sees the answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import discord
from discord import app_commands

from bot.core.errors import UserError
from bot.core.platform import Button, RunRecord
from bot.i18n import _
from bot.platforms.discord import components
from bot.platforms.discord.commands.schema import matching
from bot.platforms.discord.forms.modals import begin
from bot.platforms.discord.forms.sessions import FormSession
from bot.platforms.discord.runs.buttons import check
from bot.platforms.discord.runs.request import asker, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext, guarded, tell

#: The window that asks for the name under which the values of a run are kept.
KEEP = r"darkroom:keep:(?P<run>[0-9a-f-]{36})"
_NAME = "name"  # of its input

_Name: TypeAlias = app_commands.Range[str, 1, 60]


async def _names(click: Click, text: str) -> list[app_commands.Choice[str]]:
    context: DiscordContext = click.client.context
    names = await context.services.presets.names(asker(click))
    return [app_commands.Choice(**each) for each in matching(names, text)]


class PresetCommands(app_commands.Group):
    """Every subcommand asks the core and tells the person alone what it answered."""

    def __init__(self, context: DiscordContext) -> None:
        super().__init__(
            name="preset",
            description=_("Keep values under a name, and use them again."),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )
        self._context, self._presets = context, context.services.presets

    async def _do(self, click: Click, act: Callable[[], Awaitable[str]]) -> None:
        async def work() -> None:
            await click.response.defer(ephemeral=True, thinking=True)
            await tell(click, await act())

        await guarded(click, work)

    @app_commands.command(description=_("Open the form with the values of a preset."))
    @app_commands.autocomplete(name=_names)
    async def use(self, click: Click, name: _Name) -> None:
        async def work() -> None:
            filled = await self._presets.fill(asker(click), place_of(click), name)
            await begin(self._context, click, FormSession(filled.workflow, filled.values, news=filled.news))

        await guarded(click, work)

    @app_commands.command(description=_("Keep the values of your latest run; of any other: Apps → Keep these values."))
    async def save(self, click: Click, name: _Name) -> None:
        async def act() -> str:
            runs = await self._context.services.runs.last_of(asker(click), 1)
            if not runs:
                raise UserError(_("You have not run anything yet: /run begins."))
            return await self._presets.keep(asker(click), runs[0], name)

        await self._do(click, act)

    @app_commands.command(description=_("List your presets."))
    async def list(self, click: Click) -> None:
        async def act() -> str:
            return "\n".join(await self._presets.lines(asker(click))) or _("You have no presets yet.")

        await self._do(click, act)

    @app_commands.command(description=_("Rename a preset."))
    @app_commands.autocomplete(name=_names)
    async def rename(self, click: Click, name: _Name, new: _Name) -> None:
        await self._do(click, lambda: self._presets.rename(asker(click), name, new))

    @app_commands.command(description=_("Delete a preset."))
    @app_commands.autocomplete(name=_names)
    async def delete(self, click: Click, name: _Name) -> None:
        await self._do(click, lambda: self._presets.delete(asker(click), name))

    @app_commands.command(description=_("Get a code with which others can have a copy of a preset."))
    @app_commands.autocomplete(name=_names)
    async def share(self, click: Click, name: _Name) -> None:
        await self._do(click, lambda: self._presets.share(asker(click), name))

    @app_commands.command(description=_("Take the code of a preset back."))
    @app_commands.autocomplete(name=_names)
    async def unshare(self, click: Click, name: _Name) -> None:
        await self._do(click, lambda: self._presets.unshare(asker(click), name))

    @app_commands.command(description=_("Get a copy of the preset that a code shares."))
    async def copy(self, click: Click, code: app_commands.Range[str, 1, 40]) -> None:
        await self._do(click, lambda: self._presets.take(asker(click), code))

    @app_commands.command(description=_("Use a preset for all that you leave out in its workflow, or stop doing so."))
    @app_commands.autocomplete(name=_names)
    async def default(self, click: Click, name: _Name, on: bool = True) -> None:
        await self._do(click, lambda: self._presets.make_usual(asker(click), name, on=on))


async def ask_name(context: DiscordContext, click: Click, message: discord.Message) -> None:
    """Ask under which name the values of the run of a message shall be kept. Raises `UserError`."""
    run_id = next((found["run"] for each in _ids(message.components) if (found := _run_button(each))), "")
    run = await context.services.runs.get(run_id) if run_id else None
    if run is None:
        raise UserError(_("This message is of no run. Choose one with the buttons of a result."))
    await check(context, click, run, Button.CHANGE)
    window = discord.ui.Modal(title=_("Keep these values"), timeout=None, custom_id=f"darkroom:keep:{run.id}")
    typed: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id=_NAME, max_length=60)
    window.add_item(discord.ui.Label(text=_("Name of the preset"), component=typed))
    window.stop()
    await click.response.send_modal(window)


async def keep(context: DiscordContext, click: Click, run_id: str) -> None:
    """Keep the values of a run under the name that was filled in. Raises `UserError`."""
    await click.response.defer(ephemeral=True, thinking=True)
    run: RunRecord | None = await context.services.runs.get(run_id)
    if run is None:
        raise UserError(_("This run has been deleted. Please start a new one."))
    await check(context, click, run, Button.CHANGE)
    data: Any = click.data
    inputs = [label["component"] for label in data["components"] if "component" in label]
    name = next((str(each["value"]) for each in inputs if each["custom_id"] == _NAME), "")
    await tell(click, await context.services.presets.keep(asker(click), run, name))


def _ids(items: Any) -> Iterator[str]:
    """The custom ids of all that a message has, however deep."""
    for item in items:
        yield str(getattr(item, "custom_id", None) or "")
        yield from _ids(getattr(item, "children", None) or ())


def _run_button(custom_id: str) -> Any:
    return re.fullmatch(components.TEMPLATE, custom_id)
