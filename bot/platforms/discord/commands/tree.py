"""Commands: those that are the same everywhere, and the workflows' own, which each server has as it needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional

import discord
from discord import app_commands

from bot.core.errors import UnknownWorkflow, UserError
from bot.core.platform import Form, Workflow, note_arrival
from bot.core.status_text import private_words
from bot.i18n import _
from bot.platforms.discord.commands import linking, lists
from bot.platforms.discord.commands import notify as notifying
from bot.platforms.discord.commands.mine import show_mine
from bot.platforms.discord.commands.presets import PresetCommands, ask_name
from bot.platforms.discord.commands.schema import PRIVATE, SPOILER, asked_fields, like, matching, more_name
from bot.platforms.discord.commands.settings import read_message
from bot.platforms.discord.components import ComponentAction, which_row
from bot.platforms.discord.forms.modals import begin
from bot.platforms.discord.forms.picker import pick
from bot.platforms.discord.forms.sessions import FormSession
from bot.platforms.discord.moderation.commands import ModerateCommands
from bot.platforms.discord.runs.buttons import report_message, results_in
from bot.platforms.discord.runs.request import asker, community_place, option_values, pictures_in, place_of, typed
from bot.platforms.discord.runs.submit import Click, DiscordContext, guarded, submit, tell
from bot.platforms.discord.runs.text import cut

if TYPE_CHECKING:
    from discord.app_commands import Command

_CHOICES = 25


class Tree(app_commands.CommandTree[Any]):
    """The library's tree for the commands that are everywhere; what only a server has is answered before it looks."""

    def __init__(self, client: discord.Client, context: DiscordContext) -> None:
        super().__init__(
            client,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )
        self._context = context
        for command in everywhere(context):
            self.add_command(command)
        self.add_command(PresetCommands(context))
        self.add_command(ModerateCommands(context))

    async def interaction_check(self, click: Click, /) -> bool:
        click.client.attend(asyncio.current_task())
        note_arrival()
        data: Any = click.data or {}
        if not data.get("guild_id"):
            return True
        if click.type is discord.InteractionType.autocomplete:
            await guarded(click, lambda: complete(self._context, click))
        else:
            await guarded(click, lambda: run_command(self._context, click))
        return False

    async def on_error(self, click: Click, error: app_commands.AppCommandError, /) -> None:
        async def again() -> None:
            raise getattr(error, "original", error)

        await guarded(click, again)


async def run_command(context: DiscordContext, click: Click) -> None:
    """A workflow's own command: its options are the values. If it has more fields than options, a form opens for the
    others where the person wants it, or where one of them is required.
    """
    data: Any = click.data
    name = context.services.workflows.catalog.find(str(data["name"])).id
    values = option_values(click)
    form = await context.cache.whole(name)  # what is not allowed is for the desk to refuse, and to write down
    spoiler = SPOILER not in form.names and bool(values.pop(SPOILER, False))
    private = PRIVATE not in form.names and bool(values.pop(PRIVATE, False))
    community = community_place(click)
    declared = await context.cache.declared_form(name, community)
    with_private = context.services.runs.may_be_private(community)
    asked = {field.name for field in asked_fields(declared, private=with_private)}
    left = [field for field in declared.fields if field.name not in asked]
    if left and (values.pop(more_name(declared), False) or any(field.required for field in left)):
        await begin(context, click, FormSession(name, values, spoiler=spoiler, private=private), known=asked)
    else:
        await submit(context, click, name, typed(values, form), spoiler=spoiler, private=private)


async def complete(context: DiscordContext, click: Click) -> None:
    """Suggest values for the text typed into an option so far."""
    data: Any = click.data
    focused = next((option for option in data.get("options", []) if option.get("focused")), None)
    try:
        name = context.services.workflows.catalog.find(str(data["name"])).id
    except UnknownWorkflow:
        await click.response.autocomplete([])
        return
    person, place = asker(click), place_of(click)
    if not context.services.workflows.decide(person, place, name).allowed:
        await click.response.autocomplete([])  # the command itself says why, once
        return
    cached = await context.cache.form(name, person, place)
    await click.response.autocomplete(await asyncio.to_thread(_suggested, cached.form, focused or {}))


def _suggested(form: Form, focused: Mapping[str, Any]) -> list[app_commands.Choice[str]]:
    name, text = focused.get("name"), str(focused.get("value", ""))
    choices = next((field.choices for field in form.fields if field.name == name), None)
    return [app_commands.Choice(**each) for each in matching(choices or (), text)]


def everywhere(context: DiscordContext) -> list[Command[Any, ..., Any] | app_commands.ContextMenu]:
    """The commands that every server, direct message and person has."""

    @app_commands.command(description=_("Run any workflow, with a form."))
    @app_commands.describe(workflow=_("Which one"), private=private_words())
    async def run(click: Click, workflow: str, private: Optional[bool] = None) -> None:  # noqa: UP045
        await guarded(click, lambda: open_form(context, click, workflow, private=bool(private)))

    @run.autocomplete("workflow")
    async def _workflows(click: Click, current: str) -> list[app_commands.Choice[str]]:
        return await offered(context, click, current)

    @app_commands.command(description=_("Show what runs and waits here."))
    async def queue(click: Click) -> None:
        await guarded(click, lambda: lists.show_queue(context, click))

    @app_commands.command(description=_("Show what you may still do here, and when more."))
    async def limits(click: Click) -> None:
        await guarded(click, lambda: lists.show_limits(context, click))

    @app_commands.command(description=_("Show your results, or find one by its words."))
    @app_commands.describe(words=_("Words of what you asked for"))
    async def mine(click: Click, words: str = "") -> None:
        await guarded(click, lambda: show_mine(context, click, words))

    @app_commands.command(description=_("Choose when I tell you that a request of yours has ended."))
    @app_commands.describe(when=_("always, never, default, or after so many minutes"), direct=_("in a direct message"))
    async def notify(click: Click, when: str = "", direct: Optional[bool] = None) -> None:  # noqa: UP045
        await guarded(click, lambda: notifying.notify(context, click, when, direct))

    @notify.autocomplete("when")
    async def _times(_click: Click, current: str) -> list[app_commands.Choice[str]]:
        return [each for each in notifying.suggestions() if each.value.startswith(current.lower())]

    @app_commands.command(description=_("Join your accounts here and on other platforms."))
    @app_commands.describe(
        code=_("What I told you in your other account; leave it out for a code of this one"),
        sure=_("You have read what it means"),
    )
    async def link(click: Click, code: str = "", sure: bool = False) -> None:
        await guarded(click, lambda: linking.link(context, click, code, sure=sure))

    @app_commands.command(description=_("Part this account from your others."))
    async def unlink(click: Click) -> None:
        await guarded(click, lambda: linking.unlink(context, click))

    @app_commands.command(description=_("List the workflows."))
    async def workflows(click: Click) -> None:
        await guarded(click, lambda: lists.show_workflows(context, click))

    @app_commands.command(name="help", description=_("How to ask for a picture."))
    async def help_(click: Click) -> None:
        await guarded(click, lambda: lists.show_help(context, click))

    @app_commands.command(description=_("Show what I keep about you and for how long, and delete it."))
    async def about(click: Click) -> None:
        await guarded(click, lambda: lists.show_about(context, click))

    @app_commands.context_menu(name=_("Use this picture"))
    async def use(click: Click, message: discord.Message) -> None:
        await guarded(click, lambda: use_picture(context, click, message))

    @app_commands.context_menu(name=_("Keep these values"))
    async def keep(click: Click, message: discord.Message) -> None:
        await guarded(click, lambda: ask_name(context, click, message))

    @app_commands.context_menu(name=_("Report this result"))
    async def report(click: Click, message: discord.Message) -> None:
        await guarded(click, lambda: report_message(context, click, message))

    @app_commands.context_menu(name=_("Read its settings"))
    async def settings(click: Click, message: discord.Message) -> None:
        await guarded(click, lambda: read_message(context, click, message))

    return [run, queue, limits, mine, notify, link, unlink, workflows, help_, about, use, keep, report, settings]


async def open_form(context: DiscordContext, click: Click, workflow: str, *, private: bool = False) -> None:
    await begin(context, click, FormSession(context.services.workflows.catalog.find(workflow).id, private=private))


async def offered(context: DiscordContext, click: Click, text: str) -> list[app_commands.Choice[str]]:
    """The workflows that could be meant, by their names and titles."""
    person = asker(click)
    allowed = context.services.workflows.allowed(person, place_of(click))
    found = await asyncio.to_thread(_titled_like, allowed, person.language, text)
    return [app_commands.Choice(name=cut(each, 100), value=name) for each, name in found.items()]


def _titled_like(workflows: Iterable[Workflow], language: str, text: str) -> dict[str, str]:
    names = {f"{each.name} · {each.in_language(language).title}": each.name for each in workflows}
    return {each: names[each] for each in like(list(names), text)}


async def use_picture(context: DiscordContext, click: Click, message: discord.Message) -> None:
    pictures = list(pictures_in(message))
    if not pictures:
        raise UserError(_("There is no picture in this message."))
    numbers = results_in(message) if message.author == click.client.user else {}
    if len(numbers) > 1:
        await tell(click, _("Which of them?"), view=which_row(ComponentAction.USE, numbers))
    else:
        await pick(context, click, pictures)
