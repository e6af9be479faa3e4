"""/moderate: what moderators decide, as Discord draws it. What is decided, and who may, is the core's."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any, Literal, Optional, TypeAlias

import discord
from discord import app_commands

from bot.core.errors import BadPicture, UnknownWorkflow
from bot.core.model import DisplayOptions, Person, Place
from bot.core.platform import ModelNames, ModerationService, Narrowing, WordList, read_names
from bot.i18n import _
from bot.platforms.discord.commands.schema import matching
from bot.platforms.discord.moderation.panel import show_panel
from bot.platforms.discord.moderation.reports import list_waiting
from bot.platforms.discord.moderation.targets import Channel, aim_of
from bot.platforms.discord.moderation.texts import TextCommands
from bot.platforms.discord.moderation.workflows import Act, Choices, Text, WorkflowCommands, read_file, workflow_names
from bot.platforms.discord.runs.request import may_decide, moderator, person_of, place_of
from bot.platforms.discord.runs.submit import Click, DiscordContext, guarded, tell

_Measure: TypeAlias = Literal["hour", "day", "seconds", "waiting", "running", "cooldown", "credits", "count"]
_LARGEST = 1_000_000  # bytes of an import
_DAY = 86_400.0


async def field_names(click: Click, text: str) -> Choices:
    context: DiscordContext = click.client.context
    names: list[str] = []
    if may_decide(context.services.moderation, click):
        with suppress(UnknownWorkflow):
            workflow = context.services.workflows.catalog.find(str(getattr(click.namespace, "workflow", "")))
            names = [field.name for field in workflow.declared]
    return [app_commands.Choice(**each) for each in matching(names, text)]


class ModerateCommands(app_commands.Group):
    """Every subcommand asks the core and tells the moderator alone what it answered."""

    def __init__(self, context: DiscordContext) -> None:
        super().__init__(
            name="moderate",
            description=_("Decide which workflows run here, for whom and how often."),
            guild_only=True,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            default_permissions=discord.Permissions(manage_guild=True),
        )
        self._context = context
        self.add_command(WorkflowCommands(context, self._do))
        self.add_command(TextCommands(context, self._do))

    @property
    def _moderation(self) -> ModerationService:
        return self._context.services.moderation

    async def _do(self, click: Click, act: Act) -> None:
        """Do something as the one who asks, and tell them what became of it."""

        async def work() -> None:
            await click.response.defer(ephemeral=True, thinking=True)
            await tell(click, await act(moderator(self._context.services.moderation, click), place_of(click)))

        await guarded(click, work)

    @app_commands.command(description=_("Show the decisions for this server, and change them with a click."))
    async def panel(self, click: Click) -> None:
        await guarded(click, lambda: show_panel(self._context, click))

    @app_commands.command(description=_("Allow one workflow, or all of them."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def allow(
        self,
        click: Click,
        workflow: Optional[str] = None,  # noqa: UP045 - read at run time
        channel: Optional[Channel] = None,  # noqa: UP045
        role: Optional[discord.Role] = None,  # noqa: UP045
        member: Optional[discord.Member] = None,  # noqa: UP045
    ) -> None:
        aim = aim_of(workflow, channel, role, member)
        await self._do(click, lambda by, here: self._moderation.allow(by, here, aim))

    @app_commands.command(description=_("Deny one workflow, or all of them."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def deny(
        self,
        click: Click,
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
        role: Optional[discord.Role] = None,  # noqa: UP045
        member: Optional[discord.Member] = None,  # noqa: UP045
    ) -> None:
        aim = aim_of(workflow, channel, role, member)
        await self._do(click, lambda by, here: self._moderation.deny(by, here, aim))

    @app_commands.command(description=_("Remove an “allow” or “deny”; then wider decisions apply again."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def clear(
        self,
        click: Click,
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
        role: Optional[discord.Role] = None,  # noqa: UP045
        member: Optional[discord.Member] = None,  # noqa: UP045
    ) -> None:
        aim = aim_of(workflow, channel, role, member)
        await self._do(click, lambda by, here: self._moderation.clear(by, here, aim))

    @app_commands.command(description=_("Limit each person, or everyone together; without a number, remove the limit."))
    @app_commands.describe(
        measure=_(
            "runs an hour or a day, server seconds or credits a day, runs waiting or running, seconds between two"
        ),
        together=_("so much for all people together, instead of for each"),
    )
    @app_commands.autocomplete(workflow=workflow_names)
    async def limit(
        self,
        click: Click,
        measure: _Measure,
        most: Optional[app_commands.Range[int, 0, 1_000_000]] = None,  # noqa: UP045
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
        role: Optional[discord.Role] = None,  # noqa: UP045
        together: bool = False,
    ) -> None:
        aim = aim_of(workflow, channel, role)
        await self._do(click, lambda by, here: self._moderation.limit(by, here, measure, most, aim, together=together))

    @app_commands.command(description=_("For the operator: permit nodes that cost money here; empty forbids them."))
    @app_commands.describe(most=_("credits a day, for everyone together"))
    async def spending(
        self,
        click: Click,
        most: Optional[app_commands.Range[int, 0, 1_000_000]] = None,  # noqa: UP045 - read at run time
    ) -> None:
        await self._do(click, lambda by, here: self._moderation.spending(by, here, most))

    @app_commands.command(description=_("For the operator: the price of a workflow that does not say what it costs."))
    @app_commands.describe(price=_("credits a run; empty removes it"))
    @app_commands.autocomplete(workflow=workflow_names)
    async def price(
        self,
        click: Click,
        workflow: str,
        price: Optional[app_commands.Range[float, 0.0, 1_000_000.0]] = None,  # noqa: UP045
    ) -> None:
        await self._do(click, lambda by, here: self._moderation.price(by, here, workflow, price))

    @app_commands.command(description=_("Restrict the values of a field; with only its name, remove the restriction."))
    @app_commands.autocomplete(workflow=workflow_names, field=field_names)
    async def field(
        self,
        click: Click,
        workflow: str,
        field: str,
        minimum: Optional[float] = None,  # noqa: UP045
        maximum: Optional[float] = None,  # noqa: UP045
        default: Optional[Text] = None,  # noqa: UP045
        fixed: Optional[Text] = None,  # noqa: UP045
        choices: Optional[str] = None,  # noqa: UP045
        hidden: bool = False,
        channel: Optional[Channel] = None,  # noqa: UP045
        role: Optional[discord.Role] = None,  # noqa: UP045
    ) -> None:
        listed = tuple(each.strip() for each in choices.split(",") if each.strip()) if choices else None
        to = Narrowing(minimum, maximum, default, fixed, listed, hidden)
        aim = aim_of(workflow, channel, role)
        given = None if to == Narrowing() else to
        await self._do(click, lambda by, here: self._moderation.field(by, here, field, given, aim))

    @app_commands.command(description=_("Blocked words, separated by commas; leave empty to delete the list."))
    @app_commands.describe(hold=_("let a moderator decide instead of refusing"), pattern=_("a regular expression"))
    @app_commands.autocomplete(workflow=workflow_names)
    async def words(
        self,
        click: Click,
        name: Text,
        words: Optional[str] = None,  # noqa: UP045
        pattern: Optional[str] = None,  # noqa: UP045
        hold: bool = False,
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        listed = tuple(each.strip() for each in (words or "").split(",") if each.strip())
        to = WordList(listed, (pattern,) if pattern else (), hold) if listed or pattern else None
        aim = aim_of(workflow, channel)
        await self._do(click, lambda by, here: self._moderation.words(by, here, name, to, aim))

    @app_commands.command(description=_("Allow only some LoRAs, embeddings or models, or deny some; empty allows all."))
    @app_commands.describe(
        allow=_("names or patterns such as anime*, separated by commas; only these are allowed"),
        deny=_("names or patterns that are not allowed"),
    )
    @app_commands.autocomplete(workflow=workflow_names)
    async def models(
        self,
        click: Click,
        what: Literal["lora", "embedding", "model"],
        allow: Optional[str] = None,  # noqa: UP045
        deny: Optional[str] = None,  # noqa: UP045
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
        role: Optional[discord.Role] = None,  # noqa: UP045
    ) -> None:
        to, aim = ModelNames(read_names(allow or ""), read_names(deny or "")), aim_of(workflow, channel, role)
        await self._do(click, lambda by, here: self._moderation.models(by, here, what, to, aim))

    @app_commands.command(description=_("Hold results until a moderator approves them, or stop doing so."))
    @app_commands.describe(ask=_("the channel in which moderators are asked"))
    @app_commands.autocomplete(workflow=workflow_names)
    async def review(
        self,
        click: Click,
        on: Literal["on", "off", "undecided"],
        ask: Optional[Channel] = None,  # noqa: UP045
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        aim, wanted = aim_of(workflow, channel), {"on": True, "off": False}.get(on)
        where = str(ask.id) if ask is not None else ""
        await self._do(click, lambda by, here: self._moderation.review(by, here, wanted, where, aim))

    @app_commands.command(description=_("List what waits for a moderator's approval."))
    async def held(self, click: Click) -> None:
        await guarded(click, lambda: list_waiting(self._context, click))

    @app_commands.command(description=_("Block a member, for some days or permanently."))
    async def block(
        self,
        click: Click,
        member: discord.User,
        reason: str = "",
        days: Optional[app_commands.Range[float, 0.01, 3650.0]] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        lasting, aim = None if days is None else days * _DAY, aim_of(None, channel)
        person = person_of(member)
        await self._do(click, lambda by, here: self._moderation.block(by, here, person, reason, lasting, aim))

    @app_commands.command(description=_("Unblock a member."))
    async def unblock(
        self,
        click: Click,
        member: discord.User,
        channel: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        person, aim = person_of(member), aim_of(None, channel)
        await self._do(click, lambda by, here: self._moderation.unblock(by, here, person, aim))

    @app_commands.command(description=_("Choose where results go, and how they are shown."))
    @app_commands.describe(
        to=_("the channel that results go to"),
        told=_("when people are told of the end: never, always, or minutes"),
        private=_("if people may ask for runs that they alone see"),
        at=_("the channel that this is decided for"),
    )
    @app_commands.autocomplete(workflow=workflow_names)
    async def where(
        self,
        click: Click,
        results: Optional[Literal["here", "thread"]] = None,  # noqa: UP045
        to: Optional[Channel] = None,  # noqa: UP045
        previews: Optional[bool] = None,  # noqa: UP045
        spoilers: Optional[bool] = None,  # noqa: UP045
        told: Optional[str] = None,  # noqa: UP045
        private: Optional[bool] = None,  # noqa: UP045
        workflow: Optional[str] = None,  # noqa: UP045
        at: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        display = DisplayOptions(str(to.id) if to is not None else results, previews, spoilers, private=private)
        aim = aim_of(workflow, at)
        await self._do(click, lambda by, here: self._moderation.where(by, here, display, aim, told or ""))

    @app_commands.command(description=_("Moderator roles; leave empty for everyone who can manage the server."))
    async def moderators(
        self,
        click: Click,
        first: Optional[discord.Role] = None,  # noqa: UP045
        second: Optional[discord.Role] = None,  # noqa: UP045
        third: Optional[discord.Role] = None,  # noqa: UP045
    ) -> None:
        roles = [str(role.id) for role in (first, second, third) if role is not None]
        await self._do(click, lambda by, here: self._moderation.moderators(by, here, roles))

    @app_commands.command(description=_("Show what a member may do here, and which rule decides it."))
    @app_commands.autocomplete(workflow=workflow_names)
    async def why(
        self,
        click: Click,
        member: discord.Member,
        workflow: Optional[str] = None,  # noqa: UP045
        channel: Optional[Channel] = None,  # noqa: UP045
    ) -> None:
        place = aim_of(None, channel).place
        person = person_of(member)
        await self._do(click, lambda by, here: self._moderation.why(by, here, person, workflow or "", place))

    @app_commands.command(description=_("List decisions and refusals; as a file, all of them."))
    async def log(self, click: Click, file: bool = False) -> None:
        async def work() -> None:
            await click.response.defer(ephemeral=True, thinking=True)
            by, here = moderator(self._moderation, click), place_of(click)
            if file:
                await _hand(click, await self._moderation.log_file(by, here), "audit.jsonl")
                return
            entries = await self._moderation.log(by, here)
            lines = [
                f"{discord.utils.format_dt(_at(each.at), 'R')} {each.person.name}: {each.words}" for each in entries
            ]
            await tell(click, "\n".join(lines) or _("Nothing has been decided here yet."))

        await guarded(click, work)

    @app_commands.command(description=_("Draw a chart of runs, busiest hours and waiting times here."))
    async def stats(self, click: Click, days: app_commands.Range[int, 1, 90] = 30) -> None:
        async def work() -> None:
            await click.response.defer(ephemeral=True, thinking=True)
            by, here = moderator(self._moderation, click), place_of(click)
            name = click.guild.name if click.guild is not None else ""
            await _hand(click, await self._moderation.stats(by, here, days, name), "stats.png")

        await guarded(click, work)

    @app_commands.command(description=_("Undo the last decision."))
    async def undo(self, click: Click) -> None:
        await self._do(click, self._moderation.undo)

    @app_commands.command(description=_("Save all decisions for this server as a file."))
    async def export(self, click: Click) -> None:
        async def work() -> None:
            await click.response.defer(ephemeral=True, thinking=True)
            text = await self._moderation.export(moderator(self._moderation, click), place_of(click))
            await _hand(click, text.encode(), "darkroom-rules.json")

        await guarded(click, work)

    @app_commands.command(name="import", description=_("Decide all that an exported file says."))
    async def import_(self, click: Click, file: discord.Attachment) -> None:
        async def act(by: Person, here: Place) -> str:
            await self._moderation.check_moderator(by, here, "import")  # before anything is fetched
            return await self._moderation.import_(by, here, await _read(file))

        await self._do(click, act)


async def _read(file: discord.Attachment) -> str:
    try:
        return (await read_file(file, _LARGEST)).decode()
    except UnicodeDecodeError as fault:
        raise BadPicture(_("{name} cannot be read.").format(name=file.filename)) from fault


async def _hand(click: Click, content: bytes, name: str) -> None:
    await click.edit_original_response(content=_("Here it is."), attachments=[discord.File(io.BytesIO(content), name)])


def _at(moment: float) -> Any:
    import datetime

    return datetime.datetime.fromtimestamp(moment, datetime.UTC)
