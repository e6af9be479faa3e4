"""`darkroom workflows`: the list of workflows, and work on workflow files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.core.errors import BadWorkflowFile, UnknownWorkflow
from bot.i18n import _
from bot.platforms.terminal.adding import add
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import BadRequest, say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from bot.core.workflows.auto_form import AutoField
    from bot.core.workflows.saved import ConvertedFile

_SHOWN = 10  # templates that are found
_files = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
_definitions = click.option(
    "--definitions",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=_("A file with a server's answer of /object_info."),
)
_server = click.option(
    "--server", metavar="URL", help=_("A ComfyUI server to ask; default: the first one in the settings.")
)


@click.command()
@_files
@_definitions
@_server
@click.option(
    "-o", "--output", metavar="FOLDER", default=".", type=click.Path(path_type=Path), help=_("Where to write.")
)
def convert(files: tuple[Path, ...], definitions: Path | None, server: str | None, output: Path) -> None:
    """Write the API prompt of each workflow FILE as FOLDER/NAME.json."""
    _folder(output)
    sources = {path.resolve() for path in files}

    def write(made: ConvertedFile) -> None:
        target = output / f"{made.name}.json"
        if target.resolve() in sources:
            words = _("{file} would be overwritten. Choose another folder with -o.")
            raise BadWorkflowFile(words.format(file=target))
        try:
            target.write_text(json.dumps(made.prompt, indent=1, ensure_ascii=False), encoding="utf-8")
        except OSError as fault:
            raise BadRequest(f"{target}: {fault.strerror}") from fault

    raise SystemExit(attend(_each(click.get_current_context().find_root().obj, files, definitions, server, write)))


@click.command()
@_files
@_definitions
@_server
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON."))
@click.option("--toml", "as_toml", is_flag=True, help=_("Print a NAME.toml to start from."))
def form(files: tuple[Path, ...], definitions: Path | None, server: str | None, as_json: bool, as_toml: bool) -> None:
    """Print the form that each workflow FILE or NAME gets by itself."""
    from bot.core.workflows.auto_form import form_of_file
    from bot.core.workflows.automatic.written import sidecar_of

    forms: dict[str, tuple[AutoField, ...]] = {}
    results: dict[str, tuple[str, ...]] = {}

    def make(made: ConvertedFile) -> None:
        forms[made.name], results[made.name] = form_of_file(made), made.surface.outputs
        if as_toml:
            say(sidecar_of(made))

    code = attend(_each(click.get_current_context().find_root().obj, files, definitions, server, make))
    if as_json:
        say(json.dumps({name: [_entry(field) for field in fields] for name, fields in forms.items()}, indent=1))
    elif not as_toml:
        for name, fields in forms.items():
            say(f"{name}:")
            if not fields:
                say("  " + _("no fields: people fill in nothing"))
            for field in fields:
                more = _(", under More") if field.more else ""
                say(f"  {field.title} ({field.kind}{more}): {', '.join(f'#{target}' for target in field.targets)}")
            if results[name]:
                say("  " + _("Results: {nodes}").format(nodes=", ".join(f"#{node}" for node in results[name])))
    raise SystemExit(code)


@click.command()
@click.argument("words", nargs=-1, required=True)
@_server
@click.option("--count", default=_SHOWN, type=click.IntRange(1, 100), help=_("The number of results."))
def templates(words: tuple[str, ...], server: str | None, count: int) -> None:
    """Search the server's library of workflows for WORDS. Say what the server lacks for each."""
    app: Application = click.get_current_context().find_root().obj
    raise SystemExit(attend(_templates(app, " ".join(words), server, count)))


async def _templates(app: Application, text: str, server: str | None, count: int) -> int:
    from bot.core.sources.library import about

    async with app.library(server) as library:
        found = await library.search(text)
        for template in found[:count]:
            say(f"{template.id}: {template.title}")
            for line in (template.description, about(template), await library.remarks(template)):
                if line:
                    say(f"  {line}")
    if not found:
        say(_("There is no template with these words."))
        return 1
    if len(found) > count:
        say(_("{count} more: add a word, or use --count.").format(count=len(found) - count))
    return 0


def _entry(field: AutoField) -> dict[str, Any]:
    return {
        "targets": [str(target) for target in field.targets],
        "kind": field.kind.value,
        "seed": field.seed,
        "title": field.title,
        "group": "more" if field.more else "main",
    }


async def _each(
    app: Application,
    files: tuple[Path, ...],
    given: Path | None,
    server: str | None,
    use: Callable[[ConvertedFile], None],
) -> int:
    """Use what each file has; return 1 if one of them could not be used."""
    from bot.core.workflows.saved import convert_file, lacking

    definitions = _read_definitions(given) if given is not None else await app.definitions(server)
    app.learn_from(definitions)
    failed = 0
    for path in files:
        try:
            made = _offered(app, path, definitions) or convert_file(path, definitions)
            use(made)
        except BadWorkflowFile as fault:
            click.echo(str(fault), err=True)
            failed = 1
            continue
        if words := lacking(made):
            click.echo(words, err=True)
    return failed


def _offered(app: Application, path: Path, definitions: Mapping[str, Any]) -> ConvertedFile | None:
    """Return the workflow of this name with its automatic form, if there is no such file. Raises `BadWorkflowFile`."""
    from bot.core.workflows.saved import converted

    if path.exists():
        return None
    try:
        found = app.catalog.find(str(path))
    except UnknownWorkflow as fault:
        if path.suffix or path.parent != Path():
            return None  # it was to be a file
        raise BadWorkflowFile(str(fault)) from fault
    return converted(found, definitions)


def _read_definitions(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as fault:
        raise BadRequest(f"{path}: {fault.strerror}") from fault
    except (ValueError, RecursionError) as fault:
        raise BadRequest(_("{file} is not JSON: save the answer of /object_info in it.").format(file=path)) from fault
    if not isinstance(data, dict) or not all(isinstance(node, dict) for node in data.values()):
        raise BadRequest(_("{file} is not the answer of /object_info.").format(file=path))
    return data


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise BadRequest(f"{path}: {fault.strerror}") from fault


COMMANDS = {each.name or "": each for each in (add, convert, form, templates)}
