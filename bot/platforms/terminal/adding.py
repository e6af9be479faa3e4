"""`darkroom workflows add`: put a workflow file into the operator's folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.core.errors import BadWorkflowFile, ConfigError
from bot.i18n import _
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import BadRequest, say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from bot.core.workflows.workflow import Workflow

_NOT_IN_NAMES = re.compile(r'[\x00-\x1f/\\:*?"<>|]')


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help=_("The workflow's name; default: that of the file."))
@click.option("--sidecar", is_flag=True, help=_("Write NAME.toml too, with the form that it gets by itself."))
@click.option("--server", metavar="URL", help=_("A ComfyUI server to ask; default: the first one in the settings."))
@click.option("--force", is_flag=True, help=_("Replace a workflow of this name."))
def add(file: Path, name: str | None, sidecar: bool, server: str | None, force: bool) -> None:
    """Add the workflow in FILE to your folder of workflows. FILE is what ComfyUI saves, exports or makes, or the
    name of a template that “darkroom workflows templates” finds.
    """
    app: Application = click.get_current_context().find_root().obj
    try:
        folder = app.settings.own_workflows
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault
    stem = (name or file.stem.removesuffix(".app")).strip()
    if not stem or stem.startswith(".") or _NOT_IN_NAMES.search(stem):
        words = _("“{name}” cannot be the name of a file on every system. Give another one, of letters and digits.")
        raise BadRequest(words.format(name=stem))
    target, form = folder / f"{stem}.json", folder / f"{stem}.toml"
    if not force and (target.exists() or (sidecar and form.exists())):
        words = _("There is a workflow “{name}” already: give another name with --name, or replace it with --force.")
        raise BadRequest(words.format(name=stem))
    _write(target, _content(file) if file.suffix or file.exists() else _template(app, str(file), server))
    say(_("Added “{name}”: {file}").format(name=stem, file=target))
    raise SystemExit(attend(_tell(app, stem, server, form if sidecar else None)))


async def _tell(app: Application, name: str, server: str | None, form: Path | None) -> int:
    """Say what people fill in and what the server lacks, and write the sidecar if it is wanted."""
    chosen = server if server is not None else next(iter(app.servers), None)
    await app.learn([chosen])
    there = app.catalog.workflows.values()
    workflow = next((each for each in there if each.path == name and each.layer == "folder"), None)
    if workflow is None:
        for fault in app.catalog.faults:
            if Path(fault.file).stem == name:
                click.echo(_("mistake: {fault}").format(fault=fault), err=True)
                return 1
        say(_("It can be read, and run, when a ComfyUI server answers."))
        return 0
    say(_("People run it as {name}.").format(name=workflow.name))
    if form is not None:
        _write(form, _sidecar(workflow))
        say(_("Its form is in {file}.").format(file=form))
    fields = ", ".join(workflow.form().names)
    say(_("People fill in: {fields}").format(fields=fields or _("nothing")))
    if app.label(chosen):
        async with app.open(chosen) as bench:
            if lacks := await bench.lacks(workflow):
                say(_("It cannot run on this server. {lacks}").format(lacks=lacks))
            for line in await bench.where_to_get(workflow):
                say(f"  {line}")
    return 0


def _content(file: Path) -> str:
    from bot.core.workflows.saved import content_of

    try:
        return content_of(file)
    except BadWorkflowFile as fault:
        raise BadRequest(str(fault)) from fault


def _template(app: Application, name: str, server: str | None) -> str:
    """Return a workflow of a server's library."""
    found: list[str] = []

    async def get() -> int:
        async with app.library(server) as library:
            found.append((await library.get(name)).content.decode("utf-8", "replace"))
        return 0

    if code := attend(get()):
        raise SystemExit(code)
    return found[0]


def _sidecar(workflow: Workflow) -> str:
    from bot.core.workflows.automatic.written import written_form

    return written_form(workflow.title, workflow.prompt, workflow.declared, workflow.outputs)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}")  # so that no reader sees a half-written one
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as fault:
        raise BadRequest(f"{path}: {fault.strerror}") from fault
