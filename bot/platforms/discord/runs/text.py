"""The texts of a run on Discord: in its markup, within its two thousand characters."""

from __future__ import annotations

from collections.abc import Sequence

from discord.utils import escape_markdown

from bot.core.model import GroupSummary, Result, RunSummary, Status
from bot.core.status_text import asked, caption, describe, group_caption, group_progress
from bot.i18n import _

TEXT = 2000  # characters of a message
_INLINE = 1200  # characters of a result's own text that are still read in the message


def cut(text: str, most: int = TEXT) -> str:
    """The text, with an ellipsis where it was too long."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def plain(text: str) -> str:
    """Escape another person's text, so that Discord reads no markup in it."""
    return escape_markdown(text)


def status_text(brief: RunSummary, status: Status, until: float | None = None) -> str:
    """The message of an unfinished run; `until` is the time after which the message is out of reach, if any."""
    return _whole(brief, describe(status), until)


def _whole(brief: RunSummary, told: str, until: float | None) -> str:
    lines = [f"**{plain(brief.title)}** · {plain(brief.person.name or brief.person.id)}"]
    if words := asked(brief):
        lines.append(cut(plain(words), 900))
    lines.append(cut(plain(told), 900))
    if until is not None:
        words = _("What comes later than {time} comes to you as a direct message.")
        lines.append("-# " + words.format(time=f"<t:{until:.0f}:t>"))
    return cut("\n".join(lines))


def group_text(group: GroupSummary, until: float | None = None) -> str:
    """The message of a group while its runs are under way; `until` as in `status_text`."""
    return _whole(group.brief, group_progress(group), until)


def group_result_text(group: GroupSummary, texts: Sequence[str], notes: Sequence[str]) -> str:
    """The message with the results of a group that has ended: the texts that came out, and what had to be changed."""
    first, *rest = group_caption(group).split("\n")
    below = fitting([plain(note) for note in notes], 600)
    head = cut("\n".join([f"**{plain(first)}**", *map(plain, rest)]), 1400 - len(below)) + below
    return cut("\n".join([head, *map(quoted, texts)]))


def result_text(brief: RunSummary, result: Result, notes: tuple[str, ...]) -> str:
    """The message under a result: the caption, what had to be changed, and the texts that came out."""
    first, *rest = caption(result, brief).split("\n")
    below = fitting([plain(note) for note in notes], 1200)
    head = cut("\n".join([f"**{plain(first)}**", *map(plain, rest)]), 1500 - len(below)) + below
    inline = [quoted(text) for text in result.texts] if not long_texts(result) else []
    return cut("\n".join([head, *inline]))


def fitting(lines: Sequence[str], most: int) -> str:
    """As many whole lines as there is room for, each after a break: a link that was cut would lead nowhere."""
    text = ""
    for line in lines:
        if len(text) + len(line) + 1 <= most:
            text += f"\n{line}"
    return text


def quoted(text: str) -> str:
    """A text set apart as it is; it cannot end its own frame."""
    return "```\n" + text.replace("```", "`\u200b`\u200b`") + "\n```"


def long_texts(result: Result) -> bool:
    """True if the resulting texts are better read in a file."""
    return sum(map(len, result.texts)) > _INLINE - 500 or len(result.texts) > 5


def alt_text(brief: RunSummary) -> str:
    """Describe a picture for people who cannot see it."""
    words = asked(brief, 1024)
    return cut(f"{brief.title}: {words}" if words else brief.title, 1024)
