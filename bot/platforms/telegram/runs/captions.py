"""Words for Telegram: HTML, escaped, and cut to what a text or a caption holds in UTF-16 units."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bot.core.model import GroupSummary, Result, RunSummary, Status
from bot.core.platform import RunDetails
from bot.core.status_text import asked, caption, describe, group_caption, group_progress, headline

TEXT, CAPTION = 4096, 1024  # UTF-16 units, counted after the tags are read


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """A text of at most so many UTF-16 units, never with half a character at its end."""
    if units(text) <= most:
        return text
    data = text.encode("utf-16-le", "surrogatepass")[: 2 * (most - 1)]
    return data.decode("utf-16-le", "ignore").rstrip() + "…"


def lines(text: str, most: int) -> str:
    """Plain lines as HTML, the first of them bold."""
    first, newline, rest = cut(text, most).partition("\n")
    return f"<b>{escape(first, quote=False)}</b>{newline}{escape(rest, quote=False)}"


def of_status(status: Status, brief: RunSummary, most: int) -> str:
    """The text of a message while its run has no result yet."""
    told = describe(status)
    return _whole(brief, told, most)


def of_group(group: GroupSummary, most: int) -> str:
    """The text of a message while the runs of its group are under way."""
    return _whole(group.brief, group_progress(group), most)


def of_group_result(group: GroupSummary, most: int, *more: str) -> str:
    """The words below the results of a group."""
    return lines("\n".join([group_caption(group), *more]), most)


def _whole(brief: RunSummary, told: str, most: int) -> str:
    head = headline(brief)
    values = cut(asked(brief), max(0, most - units(head) - units(told) - 3))
    return lines("\n".join(part for part in (head, values, told) if part), most)


def of_result(result: Result, brief: RunSummary, most: int, *more: str) -> str:
    """A result's caption: whatever does not fit stands in Details, and its texts in a file."""
    return lines(_of_result(result, brief, *more), most)


def fits(result: Result, brief: RunSummary, most: int) -> bool:
    """True if the whole caption of a result, with its texts, fits."""
    return units(_of_result(result, brief, *result.texts)) <= most


def of_details(details: RunDetails) -> str:
    """Everything that is known of a run: the words in blocks that a touch copies, which Telegram counts as it shows."""
    words = [f"{plain(name)}:\n<pre>{escape(words, quote=False)}</pre>" for name, words in details.words]
    return "\n".join([f"<b>{plain(details.title)}</b>", *words, *map(plain, details.lines)])


def settings(lines: Sequence[str]) -> str:
    """The settings of a picture, in a block that a touch copies."""
    return f"<pre>{plain(chr(10).join(lines), TEXT - 100)}</pre>"


def _of_result(result: Result, brief: RunSummary, *more: str) -> str:
    return "\n".join([caption(result, brief), *more])


def plain(text: str, most: int = TEXT) -> str:
    """A sentence, for HTML."""
    return escape(cut(text, most), quote=False)
