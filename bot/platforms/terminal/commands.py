"""The commands of `darkroom`. Each imports what it needs when it runs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.core.errors import ConfigError, UserError
from bot.core.events_log import LOGGERS
from bot.i18n import _
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import BadRequest

if TYPE_CHECKING:
    from bot.core.workflows.workflow import Workflow
    from bot.settings import Settings

_SERVER_HELP = _("A ComfyUI server; default: COMFYUI_URLS, or the built-in engine.")
_server = click.option("--server", metavar="URL", help=_SERVER_HELP)


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print the installed version and exit."""
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"darkroom {version('darkroom')}")
    except PackageNotFoundError:
        click.echo(_("darkroom, from a source folder that is not installed"))
    ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help=_("Show the version.")
)
@click.option("--debug", is_flag=True, help=_("Write the log to stderr."))
def cli(debug: bool) -> None:
    """Run ComfyUI workflows, and host them on Discord, on Telegram and on a web page."""
    if debug:
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
    else:
        logging.getLogger().addHandler(logging.NullHandler())


class WorkflowGroup(click.Group):
    """A command for each workflow, with its fields as options. It is created on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        _learn(ctx, None)
        return sorted(each.name for each in _catalog(ctx).workflows.values())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if waiting := _catalog(ctx).waiting:
            words = _("As ComfyUI's editor saves them, and read once a ComfyUI server answers: {files}.")
            formatter.write_paragraph()
            formatter.write_text(words.format(files=", ".join(waiting)))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        _learn(ctx, _given_server(args))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        try:
            workflow = _catalog(ctx).find(cmd_name)
        except UserError as fault:
            raise BadRequest(str(fault)) from fault
        return _command(workflow)


class WorkflowCommand(click.Command):
    """The command of a workflow. It reports an unknown option as an unknown field."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as fault:
            there_are = ", ".join(option.opts[0] for option in self.params)
            sentence = _("{name}: there is no such field. The fields are {names}.")
            raise BadRequest(sentence.format(name=fault.option_name, names=there_are)) from fault


def _catalog(ctx: click.Context) -> Any:
    try:
        return ctx.find_root().obj.catalog
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault


def _learn(ctx: click.Context, server: str | None) -> None:
    """Read the workflows that wait for a server with what this one has."""
    if _catalog(ctx).waiting:
        from bot.platforms.terminal.session import learn

        app = ctx.find_root().obj
        learn(app, _named(server, app))


def _given_server(args: Sequence[str]) -> str | None:
    """Return the value of `--server`, which decides what a workflow's fields are, before these are known."""
    for number, each in enumerate(args):
        if each.startswith("--server="):
            return each.partition("=")[2]
        if each == "--server" and number + 1 < len(args):
            return args[number + 1]
    return None


def _command(workflow: Workflow) -> click.Command:
    from bot.platforms.terminal.request import language, options

    workflow = workflow.in_language(language())
    form = workflow.form(None).in_language(language())

    def callback(output: str | None, server: str | None, force: bool, defaults: bool = False, **typed: Any) -> None:
        from bot.platforms.terminal.request import request

        own = workflow.own_values() if defaults else {}
        _develop(_app(), request(workflow.id, form, typed), own, output, server, force)

    own: list[click.Parameter] = [
        click.Option(["-o", "--output"], metavar="PATH", help=_("The file or folder to write to.")),
        click.Option(["--server"], metavar="URL", help=_SERVER_HELP),
        click.Option(["--force"], is_flag=True, help=_("Replace files that exist.")),
    ]
    if all(field.name != "defaults" for field in form.fields):
        help_text = _("Use the author's own words where a text is required.")
        own.append(click.Option(["--defaults"], is_flag=True, help=help_text))
    short = workflow.title or workflow.name
    return WorkflowCommand(
        workflow.name,
        callback=callback,
        params=[*options(form), *own],
        help=workflow.description or short,
        short_help=short,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _app() -> Any:
    return click.get_current_context().find_root().obj


def _settings(app: Application) -> Settings:
    try:
        return app.settings
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault


def _named(server: str | None, app: Application) -> str | None:
    """Return the server to use: the given one, or the first one in the settings."""
    try:
        return server if server is not None else next(iter(app.servers), None)
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault


def _develop(
    app: Application, request: Any, own: Mapping[str, str], output: str | None, server: str | None, force: bool
) -> None:
    from bot.platforms.terminal.output import OutputTarget
    from bot.platforms.terminal.session import develop

    raise SystemExit(develop(app, request, own, OutputTarget.of(output, force=force), _named(server, app)))


cli.add_command(WorkflowGroup("run", help=_("Run a workflow: darkroom run WORKFLOW --FIELD VALUE …")))


@cli.command()
@_server
def check(server: str | None) -> None:
    """Check the settings, the workflows and the servers."""
    from bot.platforms.terminal.session import check as look

    _named(server, _app())
    raise SystemExit(look(_app(), server))


@cli.command()
def settings() -> None:
    """Print all settings with explanations, as a file .env."""
    from bot.settings import example

    click.echo(example(), nl=False)


@cli.command()
@click.option("--server", metavar="URL", help=_("Your ComfyUI server; without it, this machine is searched for one."))
@click.option("--yes", is_flag=True, help=_("Ask nothing: take the server that is found, and serve the page."))
def init(server: str | None, yes: bool) -> None:
    """Write the first settings into a file .env."""
    from pathlib import Path

    from bot.platforms.terminal.first_settings import write

    raise SystemExit(write(_app(), Path(".env"), server, asks=not yes))


@cli.command()
@click.option("--no-browser", is_flag=True, help=_("Do not open the page in the browser."))
def demo(no_browser: bool) -> None:
    """Try Darkroom in the browser, without any setup."""
    from bot.platforms.terminal.session import PACE
    from bot.platforms.terminal.session import demo as show

    _settings(_app())
    raise SystemExit(show(_app(), PACE, browser=not no_browser))


@cli.command()
@click.option("--chat", "only_chat", is_flag=True, help=_("Serve only the platforms; workers run the workflows."))
@click.option("--worker", metavar="NAME", help=_("Only run workflows, under a unique worker name."))
def start(only_chat: bool, worker: str | None) -> None:
    """Serve the chats and the page until SIGTERM or Ctrl-C."""
    from bot.platforms.terminal.session import start as serve
    from bot.settings import Role

    if only_chat and worker:
        raise BadRequest(_("Use either --chat or --worker. Leave out both to run everything in one process."))
    role = Role(chat=not worker, worker=None if only_chat else worker or Role().worker)
    if (only_chat or worker) and not _settings(_app()).database:
        raise BadRequest(_("--chat and --worker need a shared database: set DARKROOM_DATABASE_URL."))
    raise SystemExit(serve(_app(), role))


@cli.command("hand-over")
@click.argument("name")
def hand_over(name: str) -> None:
    """Give the runs of a lost worker NAME to the other workers."""
    from bot.platforms.terminal.session import hand_over as give

    raise SystemExit(give(_app(), name))


@cli.command()
@click.argument("person")
def forget(person: str) -> None:
    """Delete the ended runs and files of a PERSON (discord:1234)."""
    from bot.platforms.terminal.moderation import person_named
    from bot.platforms.terminal.session import forget as delete

    raise SystemExit(delete(_app(), person_named(person)))


@cli.command()
@click.argument("person")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(person: str, file: Path) -> None:
    """Write what is kept of a PERSON (discord:1234) to a new ZIP."""
    from bot.platforms.terminal.keeping import export as write
    from bot.platforms.terminal.moderation import person_named

    raise SystemExit(write(_app(), person_named(person), file))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--media/--no-media", default=None, help=_("With the files of runs; default: if they are in a folder."))
def backup(file: Path, media: bool | None) -> None:
    """Write all that is kept to a new FILE, while the bot runs."""
    from bot.platforms.terminal.keeping import backup as keep

    raise SystemExit(keep(_app(), file, media))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--erased", multiple=True, type=click.Path(path_type=Path), help=_("A ledger of what people deleted."))
@click.option("--without-erasures", is_flag=True, help=_("The ledger is lost: restore what people deleted, too."))
def restore(file: Path, erased: tuple[Path, ...], without_erasures: bool) -> None:
    """Restore a backup to a place without records."""
    from bot.platforms.terminal.keeping import restore as bring_back

    raise SystemExit(bring_back(_app(), file, erased, without_erasures=without_erasures))


@cli.command("move-to")
@click.argument("url")
def move_to(url: str) -> None:
    """Move all records to the empty PostgreSQL at URL (postgresql://…)."""
    from bot.platforms.terminal.keeping import move_to as move

    raise SystemExit(move(_app(), url))


@cli.command()
def resume() -> None:
    """Say that the original of a restored backup is gone."""
    from bot.platforms.terminal.keeping import resume as go_on

    raise SystemExit(go_on(_app()))


class Later(click.Group):
    """A group whose commands are imported on demand, from the module of this name."""

    module = ""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._commands().get(cmd_name)

    def _commands(self) -> Mapping[str, click.Command]:
        commands: Mapping[str, click.Command] = import_module(self.module).COMMANDS
        return commands


class Moderation(Later):
    module = "bot.platforms.terminal.moderation"


class Authoring(Later):
    module = "bot.platforms.terminal.authoring"


class Servers(Later):
    module = "bot.platforms.terminal.servers"


@cli.group(cls=Servers, invoke_without_command=True)
@click.pass_context
def servers(ctx: click.Context) -> None:
    """Show what each server does; interrupt, free, drain, resume one."""
    if ctx.invoked_subcommand is None:
        from bot.platforms.terminal.servers import show

        raise SystemExit(show(_app()))


@cli.group(invoke_without_command=True)
@_server
@click.pass_context
def models(ctx: click.Context, server: str | None) -> None:
    """List the models and nodes that workflows lack; get one."""
    if ctx.invoked_subcommand is None:
        from bot.platforms.terminal.models import show

        raise SystemExit(show(_app(), _named(server, _app())))


@models.command()
@click.argument("name")
@_server
def fetch(name: str, server: str | None) -> None:
    """Fetch model NAME, as a workflow names it, into its folder."""
    from bot.platforms.terminal.models import fetch as get

    raise SystemExit(get(_app(), _named(server, _app()), name))


@models.command()
@click.argument("pack")
@_server
def install(pack: str, server: str | None) -> None:
    """Have ComfyUI-Manager install a PACK of nodes at a server."""
    from bot.platforms.terminal.models import install as get

    raise SystemExit(get(_app(), _named(server, _app()), pack))


@cli.group(cls=Moderation)
def moderate() -> None:
    """Make and list decisions for all places at once."""


@cli.group(cls=Authoring, invoke_without_command=True)
@_server
@click.pass_context
def workflows(ctx: click.Context, server: str | None) -> None:
    """List the workflows and whether they can run; work on files."""
    if ctx.invoked_subcommand is None:
        from bot.platforms.terminal.session import list_workflows

        raise SystemExit(list_workflows(_app(), _named(server, _app())))
