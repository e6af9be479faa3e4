"""The text that describes a run, in plain lines. Each platform escapes and shortens them as it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.core.model import (
    Cancelled,
    Delivering,
    Done,
    Failed,
    GroupSummary,
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
from comfy.prices import CREDITS, Price

_BAR = 12  # characters
_SECONDS = 100  # shorter times are told in seconds
_HOURS = 48  # longer times are told in days
_LONGEST = 80  # characters of one value
_READ = 300  # characters of one value under a result
_TEXTY = 24  # characters longer texts are quoted


def seconds(count: float) -> str:
    """A duration in short, for status lines: "40 s", "3 min", "1 h 5 min", "3 days"."""
    whole = max(1, round(count))
    if whole < _SECONDS:
        return _("{count} s").format(count=whole)
    hours, minutes = divmod(round(whole / 60), 60)
    if not hours:
        return _("{count} min").format(count=minutes)
    if hours >= _HOURS:
        return _days(hours)
    hour = _("{count} h").format(count=hours)
    return hour + " " + _("{count} min").format(count=minutes) if minutes else hour


def duration(count: float) -> str:
    """A duration in words, for sentences: "40 seconds", "3 minutes", "1 hour 5 minutes", "3 days"."""
    whole = max(1, round(count))
    if whole < _SECONDS:
        return ngettext("{count} second", "{count} seconds", whole).format(count=whole)
    hours, minutes = divmod(round(whole / 60), 60)
    minute = ngettext("{count} minute", "{count} minutes", minutes).format(count=minutes)
    if not hours:
        return minute
    if hours >= _HOURS or (hours, minutes) == (24, 0):
        return _days(hours)
    hour = ngettext("{count} hour", "{count} hours", hours).format(count=hours)
    return f"{hour} {minute}" if minutes else hour


def _days(hours: int) -> str:
    days = round(hours / 24)
    return ngettext("{count} day", "{count} days", days).format(count=days)


def credit_words(count: float) -> str:
    """A number of credits in words: "12.7 credits", "1 credit"."""
    shown = _figure(count)
    return ngettext("{count} credit", "{count} credits", 1 if shown == "1" else 2).format(count=shown)


def cost(price: Price) -> str:
    """A price in credits and in dollars: "12.7 credits ($0.06)", "10 to 20 credits ($0.05 to $0.10)"."""
    amount, dollars = credit_words(price.high), f"${price.high / CREDITS:,.2f}"
    if _figure(price.low) != _figure(price.high):
        words = _("{least} to {most}")
        amount = words.format(least=_figure(price.low), most=amount)
        dollars = words.format(least=f"${price.low / CREDITS:,.2f}", most=dollars)
    return f"{amount} ({dollars})"


def _figure(count: float) -> str:
    return f"{count:,.1f}".removesuffix(".0")


def bar(fraction: float) -> str:
    """A progress bar of block characters."""
    full = round(max(0.0, min(1.0, fraction)) * _BAR)
    return "█" * full + "░" * (_BAR - full)


def describe(status: Status) -> str:
    """A status in one or two lines."""
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
            return _("Waiting for a moderator to approve it.")
        case Paused():
            return _("The bot is restarting. Your run continues in a moment.")
        case Done():
            return _("Done.")
        case Failed(sentence=sentence):
            return sentence
        case Cancelled(by=by):
            name = (by.name or by.id) if by is not None else ""
            return _("Cancelled by {name}.").format(name=name) if name else _("Cancelled.")


def asked(brief: RunSummary, longest: int = _LONGEST) -> str:
    """The price of a request, its values, what was asked first, and what had to be changed of its files, in one line;
    empty if there are none. A value has at most `longest` characters.
    """
    price = [cost(brief.price)] if brief.price is not None else []
    return " · ".join([*price, *_pairs(brief.values, longest), *brief.notes])


def caption(result: Result, brief: RunSummary) -> str:
    """The workflow and the person, the important values, the times, and the warnings; each on its own line."""
    return "\n".join(part for part in (headline(brief), asked(brief, _READ), times(result), *result.warnings) if part)


def group_progress(group: GroupSummary) -> str:
    """A group in a few lines: how many are done, what is going on now, and what has failed."""
    done = len(group.results)
    counted = _("{done} of {count} done").format(done=done, count=group.asked) if done else ""
    lead = group.lead
    now = describe(lead.status) if lead is not None else ""
    choice = _("Which one goes on? Choose its number, from 1 to {count}.").format(count=group.choices)
    return "\n".join(part for part in (counted, now, choice if group.choices else "", *_faults(group)) if part)


def group_caption(group: GroupSummary) -> str:
    """The workflow and the person, what the runs of a group have in common, and what went wrong with which."""
    done, count = len(group.results), len(group.cells)
    counted = _("{done} of {count} done").format(done=done, count=count) if 0 < done < count else ""
    warnings = [
        _("{number}: {text}").format(number=cell.name, text=text) for cell in group.results for text in cell.warnings
    ]
    told = (headline(group.brief), asked(group.brief, _READ), _numbered(group), counted, *_faults(group), *warnings)
    return "\n".join(part for part in told if part)


def _numbered(group: GroupSummary) -> str:
    """The number of each run, with what differs, if something else than seeds does."""
    words = _("{number}: {text}")
    return " · ".join(words.format(number=cell.number, text=cell.label) for cell in group.cells if cell.label)


def headline(brief: RunSummary) -> str:
    """The workflow, and the person who asked."""
    return _("{title} for {name}").format(title=brief.title, name=brief.person.name or brief.person.id)


def _faults(group: GroupSummary) -> list[str]:
    """The ends without a result: each sentence once, with the numbers that it is about."""
    numbers: dict[str, list[str]] = {}
    for cell in group.cells:
        if isinstance(cell.status, Failed | Cancelled):
            numbers.setdefault(describe(cell.status), []).append(cell.name)
    words = _("{number}: {text}")
    return [
        text if len(names) == len(group.cells) else words.format(number=", ".join(names), text=text)
        for text, names in numbers.items()
    ]


def times(result: Result) -> str:
    """The time that a run took, and the time that it waited."""
    parts = []
    if result.took is not None:
        parts.append(_("took {time}").format(time=seconds(result.took)))
    if result.waited is not None and result.waited >= 1:
        parts.append(_("waited {time}").format(time=seconds(result.waited)))
    return " · ".join(parts)


def _queued(status: Queued) -> str:
    before = status.before
    if before is None:
        line = _("In line…")
    elif status.position == 1:
        line = _("Next in line")
    else:
        line = ngettext("In line, {count} run before this one", "In line, {count} runs before this one", before)
        line = line.format(count=before)
    if status.eta is not None and status.eta >= 1:
        line += " · " + _("starts in about {time}").format(time=seconds(status.eta))
    return f"{status.reason}\n{line}" if status.reason else line


def running(status: Running) -> str:
    """The node, the step and the time left, in one line."""
    parts = [status.node or _("Starting")]
    if status.step is not None and status.steps is not None:
        words = _("{node}, step {step} of {steps}")
        parts = [words.format(node=parts[0], step=status.step, steps=status.steps)]
    if status.eta is not None:
        left = _("{time} left") if status.sure else _("about {time} left")
        parts.append(left.format(time=seconds(status.eta)))
    return " · ".join(parts)


def private_words() -> str:
    """Say who sees a private run; in at most 100 characters, for the description of an option."""
    return _("Only you see it, in a direct message. Moderators of this place can see what you ask for.")


def _pairs(values: Mapping[str, Any], longest: int) -> Iterator[str]:
    for name, value in values.items():
        text = " ".join(_shown(value).split())
        if not text:
            continue
        if len(text) > longest:
            text = text[: longest - 1].rstrip() + "…"
        yield f"“{text}”" if len(text) > _TEXTY else f"{name} {text}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value:g}" if isinstance(value, float) else str(value)
