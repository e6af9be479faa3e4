"""Run one command: open what it needs, do the work, and return an exit code. Signals cancel it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.core.error_text import explain
from bot.core.errors import CannotRun, ConfigError, DiskFull, UserError
from bot.core.execution.one_shot import OneShotRunner
from bot.core.extras import need
from bot.core.model import Failed, RunRequest
from bot.core.storage.temporary import process_folder, room, work_folder
from bot.core.workflows.form import FieldKind
from bot.core.workflows.workflow import Workflow
from bot.i18n import _, ngettext
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import BadRequest, RunFailed, say
from bot.platforms.terminal.output import OutputTarget
from bot.platforms.terminal.reply import TerminalReply
from bot.platforms.terminal.request import completed

if TYPE_CHECKING:
    from bot.settings import Role

_log = logging.getLogger(__name__)
PACE = 1.0  # seconds that the demo spends on each node, so that people can watch
_VIDEO = re.compile("video|webm|mp4", re.IGNORECASE)


def develop(
    app: Application, request: RunRequest, own: Mapping[str, str], target: OutputTarget, server: str | None
) -> int:
    """Run a workflow to its end and return the exit code. `own` are its own values, for texts that were not typed."""
    return attend(_develop(app, request, own, target, server))


def attend(work: Coroutine[Any, Any, int]) -> int:
    """Do the work of a command. Every error becomes one sentence, and every signal an exit code."""
    try:
        with room(), process_folder():
            return asyncio.run(_until_signal(work))
    except (UserError, ConfigError) as fault:
        raise BadRequest(str(fault)) from fault
    except click.ClickException:
        raise
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        _log.debug("the command failed", exc_info=error)
        raise RunFailed(explain(error, None)) from error
    finally:
        work.close()  # if it could not begin


async def _until_signal(work: Coroutine[Any, Any, int]) -> int:
    task, signals = asyncio.ensure_future(work), list[int]()

    def stop(number: int) -> None:
        signals.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # on Windows asyncio.run makes Ctrl-C cancel
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not signals:
            raise
        return 128 + signals[0]


async def _develop(
    app: Application, request: RunRequest, own: Mapping[str, str], target: OutputTarget, server: str | None
) -> int:
    label = app.label(server)
    say(_("Server: {address}").format(address=label) if label else _("Engine: built-in (no server was given)"))
    workflow = app.catalog.get(request.workflow)
    seeds = (*(field.name for field in workflow.form().fields if field.seed), *(each.name for each in workflow.drawn))
    reply = TerminalReply(target, live=sys.stdout.isatty(), seeds=seeds)
    with work_folder() as folder:
        try:
            async with app.open(server) as bench:
                form = await bench.form(bench.catalog.get(request.workflow))
                return await _run(bench, completed(request, form, own), target, reply, folder)
        except CannotRun as fault:
            raise BadRequest(str(fault) if label else f"{fault} {_without_models()}") from fault
        except asyncio.CancelledError:
            if not reply.said_end:
                say(_("Cancelled before anything was sent."))
            raise
        finally:
            reply.close()


async def _run(
    bench: OneShotRunner, request: RunRequest, target: OutputTarget, reply: TerminalReply, folder: Path
) -> int:
    run = await bench.take(request, folder)
    target.check(f"{run.stem}.png")
    if (price := await bench.price(run)) is not None:
        say(_("Price: {price}").format(price=price))
    end = await bench.develop(run, reply, folder)
    if isinstance(end, Failed):
        raise RunFailed(end.sentence)
    return 0


def _without_models() -> str:
    return _("The built-in engine runs no models: name a ComfyUI server with --server or COMFYUI_URLS.")


def list_workflows(app: Application, server: str | None) -> int:
    """List the workflows, and whether they can run."""
    return attend(_list(app, server))


async def _list(app: Application, server: str | None) -> int:
    label = app.label(server)
    say(_("Server: {address}").format(address=label) if label else _("Engine: built-in (no server was given)"))
    await app.learn([server])
    async with app.open(server) as bench:
        for workflow in bench.catalog.workflows.values():
            lacks = await bench.lacks(workflow)
            say(f"\n{workflow.name}: {workflow.description or workflow.title}")
            form = await bench.form(workflow)
            say("  " + "  ".join(f"--{each.name}" for each in form.fields))
            say("  " + (_("cannot run here. {lacks}").format(lacks=lacks) if lacks else _("can run here")))
            for line in await bench.where_to_get(workflow):
                say(f"    {line}")
            if await bench.costs(workflow):
                words = _("It costs money: people in chats and on the page can run it where you permit that ({how}).")
                say("    " + words.format(how="darkroom moderate spending"))
    _faults(app)
    return 0


#: The layers of workflows, in words.
_ORIGINS = {
    "bundled": _("bundled"),
    "saved": _("saved in ComfyUI"),
    "added": _("added in a chat"),
    "folder": _("in your folder"),
}


def _replaced(app: Application) -> None:
    for file, by in app.catalog.replaced:
        words = _("{file} ({origin}) is replaced by {other} ({other_origin})")
        told = {"file": file.graph_name, "origin": _ORIGINS[file.layer]}
        say(words.format(**told, other=by.graph_name, other_origin=_ORIGINS[by.layer]))


def _tell_of_videos(app: Application) -> None:
    """Say that workflows have videos, where the extra for them is missing."""
    names = [each.name for each in app.catalog.workflows.values() if _has_video(each)]
    try:
        words = _("These workflows have videos: {names}. They run, and their videos cannot be made to fit a chat.")
        need("media", words.format(names=", ".join(names)))
    except ConfigError as fault:
        if names:
            say(_("note: {note}").format(note=fault))


def _has_video(workflow: Workflow) -> bool:
    """True if a workflow takes a video, or a node of it is named for one."""
    takes = any(field.kind is FieldKind.VIDEO for field in workflow.form().fields)
    return takes or any(_VIDEO.search(node.class_type) for node in workflow.prompt)


def learn(app: Application, server: str | None) -> None:
    """Read the workflows that wait for a server with what this one has."""

    async def work() -> int:
        await app.learn([server])
        return 0

    attend(work())


def _faults(app: Application) -> bool:
    for file in app.catalog.waiting:
        words = _("{file} is as ComfyUI's editor saves it. It can be read when a ComfyUI server answers.")
        say(_("note: {note}").format(note=words.format(file=file)))
    for fault in app.catalog.faults:
        click.echo(_("mistake: {fault}").format(fault=fault), err=True)
    return bool(app.catalog.faults)


def check(app: Application, server: str | None) -> int:
    """Check the settings, workflows and servers. Returns 1 if anything is wrong."""
    return attend(_check(app, server))


async def _check(app: Application, server: str | None) -> int:
    bad = await _settings(app)
    from bot.core.extras import has

    without = (None,) if has("engine") else ()  # that it is missing is one of the mistakes
    servers: tuple[str | None, ...] = (server,) if server else app.servers or without
    await app.learn(servers)
    bad = _faults(app) or bad
    count = len(app.catalog.workflows)
    found = len(app.catalog.faults)
    mistakes = ngettext("{bad} mistake", "{bad} mistakes", found).format(bad=found)
    say(_("workflows: {count} good, {mistakes}").format(count=count, mistakes=mistakes))
    _replaced(app)
    _tell_of_videos(app)
    for line in await app.saved():
        say(_("saved in ComfyUI: {line}").format(line=line))
    for each in servers:
        bad = not await _check_server(app, each) or bad
    for verdict, good in await app.platform_verdicts():
        say(verdict)
        bad = not good or bad
    return 1 if bad else 0


async def _settings(app: Application) -> bool:
    """Say what `start` would refuse. Returns True if there are mistakes."""
    from bot.settings import Role

    found = await app.examine(Role())
    for fault in found.faults:
        click.echo(_("mistake: {fault}").format(fault=fault), err=True)
    say(_("settings: “darkroom start” would refuse them") if found.faults else _("settings: good"))
    busy = found.busy and _("“darkroom start” would not start a second time. {reason}").format(reason=found.busy)
    for note in (*app.settings.doubts, *_unknown_defaults(app), found.idle, found.hint, busy):
        if note:
            say(_("note: {note}").format(note=note))
    return bool(found.faults)


def _unknown_defaults(app: Application) -> Iterator[str]:
    """Say which names in DARKROOM_DEFAULT_WORKFLOWS are no workflows."""
    text = app.settings.default_workflows
    for name in () if text in ("all", "none") else text.replace(",", " ").split():
        try:
            app.catalog.find(name)
        except UserError as fault:
            yield f"DARKROOM_DEFAULT_WORKFLOWS: {fault}"


async def _check_server(app: Application, server: str | None) -> bool:
    name = app.label(server) or _("built-in engine")
    try:
        async with app.open(server) as bench:
            lacks = {each.name: await bench.lacks(each) for each in bench.catalog.workflows.values()}
            where = {each.name: await bench.where_to_get(each) for each in bench.catalog.workflows.values()}
            partly = {each.name: await bench.left_out(each) for each in bench.catalog.workflows.values()}
            unpaid = [each.name for each in bench.catalog.workflows.values() if await bench.lacks_key(each)]
            verdict = await bench.verdict()
            mistakes = await bench.mistakes()
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - every error is a verdict here
        say(f"{name}: {explain(error, None)}")
        return False
    lacking = {workflow: why for workflow, why in lacks.items() if why}
    able = len(lacks) - len(lacking)
    say(
        f"{name}: {verdict}; " + ngettext("{able} workflow can run", "{able} workflows can run", able).format(able=able)
    )
    for workflow, why in lacking.items():
        say("  " + _("{workflow} cannot run here. {lacks}").format(workflow=workflow, lacks=why))
        for line in where[workflow]:
            say(f"    {line}")
    for workflow, why in partly.items():
        if why:
            say(
                "  " + _("{workflow} runs here, but a part of it is left out. {why}").format(workflow=workflow, why=why)
            )
    for workflow in unpaid:
        words = _("{workflow} costs money, and there is no account key: set {setting}")
        say("  " + words.format(workflow=workflow, setting="COMFYUI_ACCOUNT_KEY"))
    if lacking and not app.label(server):
        say("  " + _without_models())
    for mistake in mistakes:
        click.echo(_("mistake: {fault}").format(fault=mistake), err=True)
    return not mistakes


def start(app: Application, role: Role) -> int:
    """Serve until a signal; the exit code."""
    from bot.logs import configure
    from bot.settings import Role

    is_debug = logging.getLogger("bot").isEnabledFor(logging.DEBUG)
    try:
        configure(app.settings.log_format, logging.DEBUG if is_debug else app.settings.level)
        for doubt in app.settings.doubts:
            _log.warning(doubt)
        if role == Role() and app.is_unset():
            return _first_start(app, role)
        asyncio.run(app.start(role, say))
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _first_start(app: Application, role: Role) -> int:
    """Set the bot up in the browser, and go on as it was chosen there. Raises `ConfigError`."""
    from bot.setup.service import SetupEnd

    if not sys.stdout.isatty():  # such as that of a service
        words = "nothing is set up in %s: waiting for a browser on this computer, at the address on standard output"
        _log.warning(words, Path.cwd())

    def announce(address: str) -> None:  # no browser is opened: the key would stand in the list of processes
        say(_("Nothing is set up in this folder yet. Open this address in a browser on this computer:"))
        say(address)
        say(
            _("This address works once, in one browser. Press Ctrl-C to stop; what you set is kept for the next start.")
        )

    match asyncio.run(app.set_up(announce)):
        case SetupEnd.WRITTEN:
            say(_("The settings are in the file .env now. The bot starts."))
            asyncio.run(app.start(role, say))
        case SetupEnd.DEMO:
            return demo(app, PACE, browser=False)
    return 0


def demo(app: Application, pace: float, *, browser: bool) -> int:
    """Serve the demo until a signal, and return the exit code."""

    def announce(address: str) -> None:
        click.echo(address)
        click.echo(_("This is a demo. Open that address in a browser. Press Ctrl-C to stop it."))
        click.echo(_("Real: the page, the queue, the workflows, and the connection to a ComfyUI server."))
        click.echo(_("Stand-in: a small engine without models takes ComfyUI's place, slowed down to be watched."))
        click.echo(
            _("Nothing is kept. For permanent use run “darkroom start”; “darkroom settings” lists the settings.")
        )
        if browser and _has_browser():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    try:
        asyncio.run(app.demo(announce, pace))
    except (ConfigError, DiskFull) as fault:
        raise BadRequest(str(fault)) from fault
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _has_browser() -> bool:
    """True if there is a browser to open. Without a screen it would be one inside this terminal."""
    if sys.platform not in ("win32", "darwin") and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys():
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def hand_over(app: Application, worker: str) -> int:
    """Give a worker's runs to the other workers, and print how many there are."""

    def words(count: int) -> str:
        return ngettext("{count} run now waits for another worker.", "{count} runs now wait for another worker.", count)

    return attend(_say(app.hand_over(worker), words))


def forget(app: Application, person: str) -> int:
    """Delete a person's runs, and print how many there were."""

    def words(count: int) -> str:
        return ngettext("Deleted {count} run.", "Deleted {count} runs.", count)

    return attend(_say(app.forget(person), words))


async def _say(work: Coroutine[Any, Any, int], words: Callable[[int], str]) -> int:
    count = await work
    say(words(count).format(count=count))
    return 0
