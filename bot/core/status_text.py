"""What is said of a run, in lines that every platform can show: plain text, for the platform to escape and to cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.core.model import (
    Cancelled,
    Delivering,
    Done,
    Failed,
    Held,
    Paused,
    Queued,
    Received,
    Result,
    Running,
    RunSummary,
    Status,
)
from bot.i18n import _, ngettext

_BAR = 12  # characters
_LONGEST = 80  # characters of one value
_TEXTY = 24  # characters from which on a text is quoted


def seconds(count: float) -> str:
    """A time that a person would say: "40 s", "3 min", "1 h 5 min"."""
    whole = max(1, round(count))
    if whole < 100:
        return _("{count} s").format(count=whole)
    minutes = round(whole / 60)
    if minutes < 60:
        return _("{count} min").format(count=minutes)
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def bar(fraction: float) -> str:
    """A bar of blocks, as full as the run is."""
    full = round(max(0.0, min(1.0, fraction)) * _BAR)
    return "█" * full + "░" * (_BAR - full)


def describe(status: Status) -> str:
    """A status in a line or two."""
    match status:
        case Received():
            return _("One moment…")
        case Queued():
            return _queued(status)
        case Running():
            return f"{bar(status.fraction)} {int(status.fraction * 100)} % · {running(status)}"
        case Delivering():
            return _("Fetching the result…")
        case Held():
            return _("Waiting for a moderator to say yes.")
        case Paused():
            return _("I am being restarted; this goes on in a moment.")
        case Done():
            return _("Done.")
        case Failed(sentence=sentence):
            return sentence
        case Cancelled(by=by):
            return _("Cancelled by {name}.").format(name=by.name or by.id) if by is not None else _("Cancelled.")


def asked(brief: RunSummary) -> str:
    """What was asked for: the values that say most, in one line; empty where there are none."""
    return " · ".join(_pairs(brief.values))


def caption(result: Result, brief: RunSummary) -> str:
    """Workflow and who asked, the values that matter, the seed, and how long it waited and took; a line each."""
    first = _("{title} for {name}").format(title=brief.title, name=brief.person.name or brief.person.id)
    return "\n".join(part for part in (first, asked(brief), times(result), *result.warnings) if part)


def times(result: Result) -> str:
    """How long a run waited and took; that nothing had to be done where the server knew it already."""
    if result.nothing_new:
        return _("nothing new: the server knew this result already")
    parts = []
    if result.took is not None:
        parts.append(_("took {time}").format(time=seconds(result.took)))
    if result.waited is not None and result.waited >= 1:
        parts.append(_("waited {time}").format(time=seconds(result.waited)))
    return " · ".join(parts)


def _queued(status: Queued) -> str:
    if status.position is None:
        line = _("In line…")
    elif status.position == 1:
        line = _("Next in line")
    else:
        before = status.position - 1
        line = ngettext("In line, {count} run before this one", "In line, {count} runs before this one", before)
        line = line.format(count=before)
    if status.eta is not None and status.eta >= 1:
        line += " · " + _("starts in about {time}").format(time=seconds(status.eta))
    return f"{status.reason}\n{line}" if status.reason else line


def running(status: Running) -> str:
    """Node, step and time left, in a line."""
    parts = [status.node or _("Starting")]
    if status.step is not None and status.steps is not None:
        parts.append(_("step {step} of {steps}").format(step=status.step, steps=status.steps))
    if status.eta is not None:
        parts.append(_("about {time} left").format(time=seconds(status.eta)))
    return " · ".join(parts)


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        text = " ".join(_shown(value).split())
        if not text:
            continue
        if len(text) > _LONGEST:
            text = text[: _LONGEST - 1].rstrip() + "…"
        yield f"“{text}”" if len(text) > _TEXTY else f"{name} {text}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value:g}" if isinstance(value, float) else str(value)
