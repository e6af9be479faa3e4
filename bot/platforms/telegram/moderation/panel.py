"""The moderators' panel: the state of a group at a glance, and a button for each thing that is decided often."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.core.model import DisplayOptions, RunSummary
from bot.core.platform import EVERYONE, Limit, Overview, Review, Rule
from bot.core.status_text import asked
from bot.i18n import _
from bot.platforms.telegram.chats import Chat
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import button, rows

_PAGE = 10  # workflows that are seen at a time
_A_DAY = ("", "5", "20", "100")  # limits that the button goes through; the first is none
_ACTS = {
    "a": "allow",
    "d": "deny",
    "l": "day",
    "r": "review",
    "p": "previews",
    "s": "spoilers",
    "u": "undo",
    "g": "page",
    "v": "private",
    "y": "approve",
    "n": "refuse",
    "t": "take away",
    "k": "leave",
    "w": "alone",
}
_LETTERS = {act: letter for letter, act in _ACTS.items()}
OF_RUNS = ("approve", "refuse", "take away", "leave")  #: acts about a run


@dataclass(frozen=True)
class Click:
    """A button of the panel: for which group or topic, what it does, with what, and on which page it stands."""

    spot: str
    act: str
    text: str = ""
    page: int = 0

    @property
    def data(self) -> str:
        text = base64.urlsafe_b64encode(UUID(self.text).bytes).decode().rstrip("=") if self._is_run else self.text
        return f"m:{self.spot}:{_LETTERS[self.act]}:{self.page}:{text}"

    @property
    def _is_run(self) -> bool:
        return self.act in OF_RUNS

    @classmethod
    def read(cls, data: str) -> Click | None:
        """Read a button's data; None if it is not the panel's, or is forged and makes no sense."""
        parts = data.split(":", 4)
        if len(parts) != 5 or parts[0] != "m" or parts[2] not in _ACTS or not parts[3].isdecimal():
            return None
        try:
            Chat.read(parts[1])
            click = cls(parts[1], _ACTS[parts[2]], parts[4], int(parts[3]))
            if click.act == "day" and parts[4] not in _A_DAY:
                return None
            if click._is_run:
                return cls(click.spot, click.act, str(UUID(bytes=base64.urlsafe_b64decode(parts[4] + "=="))))
        except ValueError:
            return None
        return click


def draw(
    overview: Overview, spot: Chat, page: int = 0, *, other: Chat | None = None
) -> tuple[str, InlineKeyboardMarkup]:
    """The panel of a group, or of a topic in it; `other` is the one that can be turned to instead."""
    allowed = sum(row.decision.allowed for row in overview.rows)
    first = (
        _("Allowed here: {count} of {all} workflows")
        if spot.topic is None
        else _("Allowed in this topic: {count} of {all} workflows")
    ).format(count=allowed, all=len(overview.rows))
    lines = [first, *overview.lines, _("For more: /moderate help")]
    return captions.lines("\n".join(lines), captions.TEXT), _keyboard(overview, spot, page, other)


def reviewing(run_id: str, group: str) -> InlineKeyboardMarkup:
    """The buttons below a run that waits for a moderator."""
    yes, no = Click(group, "approve", run_id), Click(group, "refuse", run_id)
    return InlineKeyboardMarkup([[button(_("Approve"), yes.data), button(_("Refuse"), no.data)]])


def deciding(run_id: str, group: str) -> InlineKeyboardMarkup:
    """The buttons below a result that members have reported."""
    take, leave = Click(group, "take away", run_id), Click(group, "leave", run_id)
    return InlineKeyboardMarkup([[button(_("Take it away"), take.data), button(_("Leave it"), leave.data)]])


def request(brief: RunSummary) -> str:
    """The request of a run, for a moderator to read."""
    return _titled(_("{title} for {name} waits for approval"), brief)


def reported(brief: RunSummary) -> str:
    """The request behind a reported result, for a moderator to read."""
    return _titled(_("A member has reported this result: {title} for {name}"), brief)


def _titled(words: str, brief: RunSummary) -> str:
    head = words.format(title=brief.title, name=brief.person.name or brief.person.id)
    note = _("It was asked for in private.") if brief.private else ""
    return captions.lines("\n".join(part for part in (head, note, asked(brief)) if part), captions.CAPTION)


def _keyboard(overview: Overview, spot: Chat, page: int, other: Chat | None) -> InlineKeyboardMarkup:
    group = str(spot)
    last = max(0, (len(overview.rows) - 1) // _PAGE)
    page = max(0, min(page, last))
    shown = [
        button(
            f"{'✓' if row.decision.allowed else '✗'} {captions.cut(row.title or row.name, 30)}",
            Click(group, "deny" if row.decision.allowed else "allow", row.name, page).data,
        )
        for row in overview.rows[page * _PAGE : (page + 1) * _PAGE]
    ]
    ways = [("«", page - 1), ("»", page + 1)]
    turns = [button(mark, Click(group, "page", page=to).data) for mark, to in ways if 0 <= to <= last]
    ends = [button(_("Take back the last"), Click(group, "undo", page=page).data)]
    ends.append(button(_("In private"), Click(group, "private").data))
    switches = rows(_switches(overview, spot, page), 2)
    return InlineKeyboardMarkup([*_places(spot, other), *rows(shown, 2), *([turns] if turns else []), *switches, ends])


def _places(spot: Chat, other: Chat | None) -> Iterator[list[InlineKeyboardButton]]:
    if other is not None:
        words = _("For: the whole group") if spot.topic is None else _("For: this topic")
        yield [button(words, Click(str(other), "page").data)]


def _switches(overview: Overview, spot: Chat, page: int) -> Iterator[InlineKeyboardButton]:
    group = str(spot)
    rules = [rule for rule in overview.rules if _is_general(rule, "" if spot.topic is None else group)]
    day = next((str(rule.body.most) for rule in rules if isinstance(rule.body, Limit) and rule.name == "day"), "")
    after = _A_DAY[(_A_DAY.index(day) + 1) % len(_A_DAY)] if day in _A_DAY else ""
    words = _("Runs a day: {most}").format(most=day or _("no limit"))
    yield button(words, Click(group, "day", after, page).data)
    review = any(isinstance(rule.body, Review) and rule.body.on for rule in rules)
    yield _switch(group, "review", _("Look first: {state}"), page, on=review)
    display = next((rule.body for rule in rules if isinstance(rule.body, DisplayOptions)), DisplayOptions())
    yield _switch(group, "previews", _("Previews: {state}"), page, on=display.previews is not False)
    yield _switch(group, "spoilers", _("Covered: {state}"), page, on=display.spoilers is True)
    yield _switch(group, "alone", _("Private runs: {state}"), page, on=display.private is True)


def _switch(group: str, act: str, words: str, page: int, *, on: bool) -> InlineKeyboardButton:
    label = words.format(state=_("yes") if on else _("no"))
    return button(label, Click(group, act, "off" if on else "on", page).data)


def _is_general(rule: Rule, place: str) -> bool:
    """True if a rule holds in all of a place, or of a group if that is empty, for everyone and every workflow."""
    scope = rule.scope
    return bool(scope.community) and scope.place == place and not scope.workflow and scope.who == EVERYONE
