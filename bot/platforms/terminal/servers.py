"""`darkroom servers`: shows what each server does, and does with it what operators want."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bot.core.care.server_text import freed_words, gpu_words, interrupted_words, state_words
from bot.core.errors import UserError
from bot.i18n import _, ngettext
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.core.care.desk import RunAtServer, ServerDesk, ServerView
    from bot.core.care.states import ServerReport

_name = click.argument("name")


@click.command()
@_name
def interrupt(name: str) -> None:
    """Cancel our runs that server NAME executes, and no others."""

    async def work(desk: ServerDesk) -> int:
        count = await desk.interrupt(name)
        say(interrupted_words(name, count))
        return 0

    _at_desk(work)


@click.command()
@_name
def free(name: str) -> None:
    """Have server NAME unload its models, if nothing is there."""

    async def work(desk: ServerDesk) -> int:
        answer = await desk.free(name)
        say(freed_words(name, answer))
        return 0 if answer is not None and answer.done else 1

    _at_desk(work)


@click.command()
@_name
def drain(name: str) -> None:
    """Give server NAME no further runs; those that it executes end."""

    async def work(desk: ServerDesk) -> int:
        _say_server(await desk.drain(name, wanted=True))
        return 0

    _at_desk(work)


@click.command()
@_name
def resume(name: str) -> None:
    """Give server NAME runs again."""

    async def work(desk: ServerDesk) -> int:
        _say_server(await desk.drain(name, wanted=False))
        return 0

    _at_desk(work)


COMMANDS: Mapping[str, click.Command] = {each.name or "": each for each in (interrupt, free, drain, resume)}


def show(app: Application) -> int:
    """Say how all servers are, and what they do."""

    async def work(desk: ServerDesk) -> int:
        views = await desk.look()
        if not views:
            say(_("No worker was started with this database yet: “darkroom start” starts one."))
        for view in views:
            _say_server(view)
        return 0

    return _with_desk(app, work)


def _at_desk(work: Callable[[ServerDesk], Awaitable[int]]) -> None:
    raise SystemExit(_with_desk(click.get_current_context().find_root().obj, work))


def _with_desk(app: Application, work: Callable[[ServerDesk], Awaitable[int]]) -> int:
    async def at_desk() -> int:
        async with app.desk() as desk:
            try:
                return await work(desk)
            except UserError as fault:
                raise click.ClickException(str(fault)) from fault

    return attend(at_desk())


def _say_server(view: ServerView) -> None:
    for line in _lines(view):
        say(line)


def _lines(view: ServerView) -> Iterator[str]:
    yield f"{view.name}: {state_words(view)}"
    if view.report is not None and view.answers:
        yield from (f"  {line}" for line in _of_report(view.report))
    yield from (f"  {_of_run(run)}" for run in view.runs)


def _of_report(report: ServerReport) -> Iterator[str]:
    if report.version:
        yield f"ComfyUI {report.version}"
    yield from map(gpu_words, report.gpus)
    if report.loaded:
        yield _("loaded: {models}").format(models=", ".join(report.loaded))
    if report.others:
        words = ngettext("{count} prompt of others is there", "{count} prompts of others are there", report.others)
        yield words.format(count=report.others)


def _of_run(run: RunAtServer) -> str:
    if run.seconds is None:
        return _("next: {workflow} ({run})").format(workflow=run.workflow, run=run.id)
    words = _("runs: {workflow} ({run}), for {seconds:.0f} seconds")
    return words.format(workflow=run.workflow, run=run.id, seconds=run.seconds)
