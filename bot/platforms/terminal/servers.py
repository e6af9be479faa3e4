"""`darkroom servers`: shows what each server does, and does with it what operators want."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bot.core.errors import UserError
from bot.i18n import _, ngettext
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.core.care.desk import RunAtServer, ServerDesk, ServerView
    from bot.core.care.states import FreeAnswer, GpuReport, ServerReport

_name = click.argument("name")


@click.command()
@_name
def interrupt(name: str) -> None:
    """Cancel our runs that server NAME executes, and no others."""

    async def work(desk: ServerDesk) -> int:
        count = await desk.interrupt(name)
        words = ngettext("Cancelled {count} run at {name}.", "Cancelled {count} runs at {name}.", count)
        say(words.format(count=count, name=name) if count else _("{name} executes no run of ours.").format(name=name))
        return 0

    _at_desk(work)


@click.command()
@_name
def free(name: str) -> None:
    """Have server NAME unload its models, if nothing is there."""

    async def work(desk: ServerDesk) -> int:
        answer = await desk.free(name)
        say(_freed(name, answer))
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
    yield f"{view.name}: {_state(view)}"
    if view.report is not None and view.answers:
        yield from (f"  {line}" for line in _of_report(view.report))
    yield from (f"  {_of_run(run)}" for run in view.runs)


def _state(view: ServerView) -> str:
    if not view.answers or view.report is None:
        words = _("its worker does not answer")
        return f"{words}; {_('it is drained')}" if view.drained else words
    match view.report.condition.value:
        case "asleep" if view.report.wakes_in is not None:
            words = _("asleep; it is started for the next run, in about {seconds:.0f} seconds")
            return words.format(seconds=view.report.wakes_in)
        case "waking" if view.report.wakes_in is not None:
            return _("waking; ready in about {seconds:.0f} seconds").format(seconds=view.report.wakes_in)
        case "draining":
            return _("draining; it gets no further runs") if view.runs else _("drained; it gets no runs")
        case "away" if view.report.fault:
            return _("away. {reason}").format(reason=view.report.fault)
        case "resting":
            return _("resting, because it failed too many runs")
        case word:
            return word


def _of_report(report: ServerReport) -> Iterator[str]:
    if report.version:
        yield f"ComfyUI {report.version}"
    yield from map(_of_gpu, report.gpus)
    if report.loaded:
        yield _("loaded: {models}").format(models=", ".join(report.loaded))
    if report.others:
        words = ngettext("{count} prompt of others is there", "{count} prompts of others are there", report.others)
        yield words.format(count=report.others)


def _of_gpu(gpu: GpuReport) -> str:
    if not gpu.total:
        return gpu.name
    words = _("{name}: {free:.1f} of {total:.1f} GB are free")
    return words.format(name=gpu.name, free=gpu.free / 1e9, total=gpu.total / 1e9)


def _of_run(run: RunAtServer) -> str:
    if run.seconds is None:
        return _("next: {workflow} ({run})").format(workflow=run.workflow, run=run.id)
    words = _("runs: {workflow} ({run}), for {seconds:.0f} seconds")
    return words.format(workflow=run.workflow, run=run.id, seconds=run.seconds)


def _freed(name: str, answer: FreeAnswer | None) -> str:
    if answer is None:
        return _("The worker of {name} does not answer.").format(name=name)
    if answer.done:
        return _("{name} has unloaded its models.").format(name=name)
    if answer.fault:
        return _("{name} has not unloaded its models. {reason}").format(name=name, reason=answer.fault)
    words = ngettext(
        "{count} prompt is at {name}, {ours} of them ours: nothing was unloaded. Drain it, and try again once it is "
        "idle.",
        "{count} prompts are at {name}, {ours} of them ours: nothing was unloaded. Drain it, and try again once it is "
        "idle.",
        answer.prompts,
    )
    return words.format(count=answer.prompts, name=name, ours=answer.ours)
