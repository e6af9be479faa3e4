"""/moderate workflow: the workflows that trusted people add, complete and take away. Who may, the core says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Optional, TypeAlias

import discord
from discord import app_commands

from bot.core.errors import BadPicture, UserError
from bot.core.model import Person, Place
from bot.core.platform import SavedWorkflows, WorkflowEditor, settings_from
from bot.i18n import _
from bot.platforms.discord.commands.schema import matching
from bot.platforms.discord.runs.request import may_decide
from bot.platforms.discord.runs.submit import Click, DiscordContext

Act: TypeAlias = Callable[[Person, Place], Awaitable[str]]
Text: TypeAlias = app_commands.Range[str, 1, 100]
Choices: TypeAlias = list[app_commands.Choice[str]]
_LARGEST = 8 * 2**20  # bytes of a workflow


async def workflow_names(click: Click, text: str) -> Choices:
    context: DiscordContext = click.client.context
    every = context.services.workflows.catalog.workflows.values()
    names = [each.name for each in every] if may_decide(context.services.moderation, click) else []
    return [app_commands.Choice(**each) for each in matching(names, text)]


async def read_file(file: discord.Attachment, most: int) -> bytes:
    """Read an attached file. Raises `UserError`."""
    if file.size > most:
        raise UserError(_("{name} is too large.").format(name=file.filename))
    try:
        return await file.read()
    except discord.HTTPException as fault:
        raise BadPicture(_("{name} cannot be read.").format(name=file.filename)) from fault


class WorkflowCommands(app_commands.Group):
    """`do` does an act as the one who asks, and tells them alone what became of it."""

    def __init__(self, context: DiscordContext, do: Callable[[Click, Act], Awaitable[None]]) -> None:
        super().__init__(name="workflow", description=_("Add workflows, if the operator trusts you."))
        self._context, self._do = context, do

    @property
    def _workflows(self) -> WorkflowEditor:
        return self._context.services.moderation.workflows

    @property
    def _saved(self) -> SavedWorkflows:
        return self._context.services.moderation.saved

    @app_commands.command(description=_("Add a workflow: the file that ComfyUI saves, or a picture that it made."))
    async def add(self, click: Click, name: Text, file: discord.Attachment) -> None:
        async def act(by: Person, here: Place) -> str:
            await self._context.services.moderation.check_trusted(
                by, here, "workflow add"
            )  # before anything is fetched
            return await self._workflows.add(by, here, name, await read_file(file, _LARGEST))

        await self._do(click, act)

    @app_commands.command(description=_("List the inputs of a workflow that can become fields."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def inputs(self, click: Click, workflow: str) -> None:
        async def act(by: Person, here: Place) -> str:
            found = await self._workflows.inputs(by, here, workflow)
            return "\n".join(f"{each.target} = {each.value}" for each in found) or _("It has nothing to set.")

        await self._do(click, act)

    @app_commands.command(description=_("Add or change a field of a workflow; without settings, remove it."))
    @app_commands.describe(settings=_("such as target=KSampler.steps minimum=1 maximum=50"))
    @app_commands.autocomplete(workflow=workflow_names)
    async def field(
        self,
        click: Click,
        workflow: str,
        field: Text,
        settings: Optional[str] = None,  # noqa: UP045 - read at run time
    ) -> None:
        async def act(by: Person, here: Place) -> str:
            to = settings_from(settings) if settings else None
            return await self._workflows.field(by, here, workflow, field, to)

        await self._do(click, act)

    @app_commands.command(description=_("Set the title and the description of a workflow."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def describe(self, click: Click, workflow: str, title: Text, description: str = "") -> None:
        await self._do(click, lambda by, here: self._workflows.describe(by, here, workflow, title, description))

    @app_commands.command(description=_("Let others here run a workflow that you added and tried."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def open(self, click: Click, workflow: str) -> None:
        await self._do(click, lambda by, here: self._workflows.open(by, here, workflow))

    @app_commands.command(description=_("List what people saved at the servers, what waits, and what cannot be used."))
    async def saved(self, click: Click) -> None:
        async def act(by: Person, here: Place) -> str:
            return (await self._saved.overview(by, here)).text

        await self._do(click, act)

    @app_commands.command(description=_("List the workflows that cannot run, why, and what is missing."))
    async def problems(self, click: Click, words: Optional[Text] = None) -> None:  # noqa: UP045 - read at run time
        problems = self._context.services.moderation.problems
        await self._do(click, lambda by, here: problems.text(by, here, words or ""))

    @app_commands.command(description=_("Open a workflow that was saved at a server to others."))
    async def publish(self, click: Click, workflow: Text) -> None:
        await self._do(click, lambda by, here: self._saved.publish(by, here, workflow))

    @app_commands.command(description=_("Close a workflow that was saved at a server."))
    async def unpublish(self, click: Click, workflow: Text) -> None:
        await self._do(click, lambda by, here: self._saved.unpublish(by, here, workflow))

    @app_commands.command(description=_("List the versions of a workflow that was saved at a server."))
    async def versions(self, click: Click, workflow: Text) -> None:
        async def act(by: Person, here: Place) -> str:
            return "\n".join(await self._saved.versions(by, here, workflow))

        await self._do(click, act)

    @app_commands.command(description=_("Go back to an earlier version of a workflow that was saved at a server."))
    async def back(
        self,
        click: Click,
        workflow: Text,
        version: Optional[app_commands.Range[int, 1, 100_000]] = None,  # noqa: UP045 - read at run time
    ) -> None:
        await self._do(click, lambda by, here: self._saved.back(by, here, workflow, version))

    @app_commands.command(description=_("Search the servers' library of workflows."))
    async def templates(self, click: Click, words: Text) -> None:
        await self._do(click, lambda by, here: self._context.services.moderation.templates.search(by, here, words))

    @app_commands.command(description=_("Add a workflow of the servers' library."))
    async def template(self, click: Click, template: Text, name: Optional[Text] = None) -> None:  # noqa: UP045
        templates = self._context.services.moderation.templates
        await self._do(click, lambda by, here: templates.add(by, here, template, name or ""))

    @app_commands.command(description=_("Rename a workflow that was added here."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def rename(self, click: Click, workflow: str, name: Text) -> None:
        await self._do(click, lambda by, here: self._workflows.rename(by, here, workflow, name))

    @app_commands.command(description=_("Remove a workflow that was added here."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def remove(self, click: Click, workflow: str) -> None:
        await self._do(click, lambda by, here: self._workflows.remove(by, here, workflow))
