"""Servers in words, for operators: the state of one, and what came of what they wanted of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n import _, ngettext

if TYPE_CHECKING:
    from bot.core.care.desk import ServerView
    from bot.core.care.states import FreeAnswer, GpuReport


def state_words(view: ServerView) -> str:
    """Say how a server is."""
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


def gpu_words(gpu: GpuReport) -> str:
    """Say how much memory a device has."""
    if not gpu.total:
        return gpu.name
    words = _("{name}: {free:.1f} of {total:.1f} GB are free")
    return words.format(name=gpu.name, free=gpu.free / 1e9, total=gpu.total / 1e9)


def interrupted_words(name: str, count: int) -> str:
    """Say how many runs were cancelled at a server."""
    words = ngettext("Cancelled {count} run at {name}.", "Cancelled {count} runs at {name}.", count)
    return words.format(count=count, name=name) if count else _("{name} executes no run of ours.").format(name=name)


def freed_words(name: str, answer: FreeAnswer | None) -> str:
    """Say what came of the wish to unload the models of a server."""
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
