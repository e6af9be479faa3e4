"""Buttons as data: what each means fits into 64 bytes, so that it still does after a restart."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.core.model import Cell
from bot.core.platform import LineEntry
from bot.i18n import _

_MOST = 20  # numbers to choose among
_UPDATES = UUID("7d1c3a0e-5f0b-4b6e-9a51-6c2f6f1f6d10")


class CallbackAction(StrEnum):
    """The action of a run's button."""

    CANCEL = "x"
    AGAIN = "a"
    CHANGE = "c"
    USE = "u"
    ORIGINAL = "o"
    DELETE = "d"
    DETAILS = "i"
    REPORT = "p"
    VARY = "v"
    MASK = "m"  #: a link with which a mask is drawn
    NUMBER = "n"  #: of a run of a group: its own buttons
    CANCEL_ALL = "X"  #: this and the next ones name a group
    AGAIN_ALL = "A"
    CHANGE_ALL = "C"
    ORIGINAL_ALL = "O"
    DELETE_ALL = "D"
    RESUME_ALL = "R"
    CHOOSE_ALL = "H"  #: a result with which a recipe goes on

    @property
    def is_for_all(self) -> bool:
        return self.value.isupper()


@dataclass(frozen=True)
class CallbackData:
    """A button of a run, or of a group; `run_id` is empty where the run is the one whose message it is. `number` is
    that of one of its pictures, counted from 1.
    """

    act: CallbackAction
    run_id: str = ""
    number: int = 0

    @property
    def data(self) -> str:
        short = base64.urlsafe_b64encode(UUID(self.run_id).bytes).decode().rstrip("=") if self.run_id else ""
        if self.number:
            return f"r:{self.act}:{short}:{self.number}"
        return f"r:{self.act}:{short}"

    @classmethod
    def read(cls, data: str) -> CallbackData | None:
        """Read a button's data; None if it is not a run's."""
        try:
            kind, act, short, *number = data.split(":")
            run_id = str(UUID(bytes=base64.urlsafe_b64decode(short + "=="))) if short else ""
            return cls(CallbackAction(act), run_id, *map(int, number[:1])) if kind == "r" else None
        except ValueError:
            return None


def opened(update: int) -> InlineKeyboardMarkup:
    """The buttons of a message that an update has opened for a run, which has no id yet: no other message has them."""
    return waiting(str(uuid5(_UPDATES, str(update))))


def waiting(run_id: str) -> InlineKeyboardMarkup:
    """The buttons of a run that is under way."""
    return InlineKeyboardMarkup([[_run_button(CallbackAction.CANCEL, run_id)]])


def ended(run_id: str, *, original: bool = False, masks: bool = False) -> InlineKeyboardMarkup:
    """The buttons of a run that brought no result, or one that could not be delivered: `original` sends that."""
    more = (CallbackAction.ORIGINAL,) if original else ()
    acts = (CallbackAction.AGAIN, CallbackAction.CHANGE, *more, CallbackAction.DELETE)
    return InlineKeyboardMarkup([[_run_button(act, run_id) for act in acts], *_mask(run_id, masks=masks)])


def delivered(
    run_id: str, *, picture: bool, original: bool, film: bool = False, count: int = 1, masks: bool = False
) -> InlineKeyboardMarkup:
    """The buttons of a result: one with a picture, or with a film, can be built on, a photo can be had as the file that
    it was. Each of several files has a number, which opens the buttons of that one.
    """
    numbers = _parts(run_id, count, 0) if picture or film else []
    use = [_run_button(CallbackAction.USE, run_id)] if picture else []
    if film and not picture:
        use = [button(_("Continue"), CallbackData(CallbackAction.USE, run_id).data)]
    second = [*([CallbackAction.ORIGINAL] if original else []), CallbackAction.DETAILS, CallbackAction.DELETE]
    first = [_run_button(act, run_id) for act in (CallbackAction.AGAIN, CallbackAction.CHANGE)]
    last = [_run_button(act, run_id) for act in second]
    return InlineKeyboardMarkup([*numbers, [*first, *use], *_mask(run_id, masks=masks), last])


def _mask(run_id: str, *, masks: bool) -> list[list[InlineKeyboardButton]]:
    return [[_run_button(CallbackAction.MASK, run_id)]] if masks else []


def part_opened(
    run_id: str, count: int, chosen: int, *, varies: bool, use: int, masks: bool = False
) -> InlineKeyboardMarkup:
    """The buttons of a result with several files, with those of the file that was chosen, which is number `use` of
    those that can be used; 0 if it cannot.
    """
    vary = [_run_button(CallbackAction.VARY, run_id)] if varies else []
    uses = [_run_button(CallbackAction.USE, run_id, use)] if use else []
    first = [*vary, _run_button(CallbackAction.CHANGE, run_id), *uses]
    second = [
        _run_button(CallbackAction.ORIGINAL, run_id, chosen),
        *(_run_button(act, run_id) for act in (CallbackAction.DETAILS, CallbackAction.DELETE)),
    ]
    return InlineKeyboardMarkup([*_parts(run_id, count, chosen), first, *_mask(run_id, masks=masks), second])


def _parts(run_id: str, count: int, chosen: int) -> list[Sequence[InlineKeyboardButton]]:
    numbers = range(1, min(count, _MOST) + 1) if count > 1 else ()
    labels = {each: f"· {each} ·" if each == chosen else str(each) for each in numbers}
    each = [button(label, CallbackData(CallbackAction.NUMBER, run_id, number).data) for number, label in labels.items()]
    return rows(each, 5)


def group_waiting(group: str, choices: int = 0) -> InlineKeyboardMarkup:
    """The buttons of a group that is under way: a recipe may wait until its person has chosen a result."""
    numbers = range(1, min(choices, _MOST) + 1)
    chosen = [button(str(each), CallbackData(CallbackAction.CHOOSE_ALL, group, each).data) for each in numbers]
    return InlineKeyboardMarkup([*rows(chosen, 5), [_run_button(CallbackAction.CANCEL_ALL, group)]])


def group_ended(
    group: str, cells: Sequence[Cell], chosen: str = "", *, original: bool = False, resumable: bool = False
) -> InlineKeyboardMarkup:
    """The buttons of a group that has ended: a number for each run, which opens the buttons of that one."""
    numbers = [
        button(
            f"· {cell.number} ·" if cell.run_id == chosen else str(cell.number),
            CallbackData(CallbackAction.NUMBER, cell.run_id).data,
        )
        for cell in cells
    ]
    own = [_own(cell) for cell in cells if cell.run_id == chosen]
    resume = [CallbackAction.RESUME_ALL] if resumable else []
    acts = [
        *resume,
        CallbackAction.AGAIN_ALL,
        CallbackAction.CHANGE_ALL,
        *([CallbackAction.ORIGINAL_ALL] if original else []),
    ]
    every = [_run_button(act, group) for act in (*acts, CallbackAction.DELETE_ALL)]
    return InlineKeyboardMarkup([*rows(numbers, 5), *(row for each in own for row in each), every])


def _own(cell: Cell) -> list[Sequence[InlineKeyboardButton]]:
    """The buttons of one run of a group."""
    if not cell.has_result:
        return [
            [
                _run_button(act, cell.run_id)
                for act in (CallbackAction.AGAIN, CallbackAction.CHANGE, CallbackAction.DELETE)
            ],
            *_mask(cell.run_id, masks=cell.masks),
        ]
    picture = any(file.kind == "image" for file in cell.files)
    vary = [CallbackAction.VARY] if cell.varies else []
    first = [*vary, CallbackAction.CHANGE, *([CallbackAction.USE] if picture else [])]
    second = [*([CallbackAction.ORIGINAL] if cell.files else []), CallbackAction.DETAILS, CallbackAction.DELETE]
    rows = [[_run_button(act, cell.run_id) for act in row] for row in (first, second)]
    return [*rows, *_mask(cell.run_id, masks=cell.masks)]


def which(act: CallbackAction, run_id: str, count: int) -> InlineKeyboardMarkup:
    """The question which of several pictures of a run is meant."""
    numbers = [button(str(number), CallbackData(act, run_id, number).data) for number in range(1, count + 1)]
    return InlineKeyboardMarkup(rows(numbers, 5))


def reporting(run_id: str) -> InlineKeyboardMarkup:
    """The button below the details of a result."""
    return InlineKeyboardMarkup([[_run_button(CallbackAction.REPORT, run_id)]])


def cancels(entries: Sequence[LineEntry]) -> InlineKeyboardMarkup | None:
    """A button for each run or group of a list that cancels it; None if there are none."""
    ids = [
        CallbackData(CallbackAction.CANCEL_ALL, each.group)
        if each.group
        else CallbackData(CallbackAction.CANCEL, each.run.id)
        for each in entries
    ]
    buttons = [[button(each.cancel, named.data)] for each, named in zip(entries, ids, strict=True)]
    return InlineKeyboardMarkup(buttons) if buttons else None


def rows(buttons: Iterable[InlineKeyboardButton], width: int) -> list[Sequence[InlineKeyboardButton]]:
    """Buttons in rows of a width."""
    every = list(buttons)
    return [every[first : first + width] for first in range(0, len(every), width)]


def button(text: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data)


def _run_button(act: CallbackAction, run_id: str, number: int = 0) -> InlineKeyboardButton:
    words = {
        CallbackAction.CANCEL: _("Cancel"),
        CallbackAction.AGAIN: _("Again"),
        CallbackAction.CHANGE: _("Change"),
        CallbackAction.USE: _("Use as input"),
        CallbackAction.ORIGINAL: _("Original"),
        CallbackAction.DELETE: _("Delete"),
        CallbackAction.DETAILS: _("Details"),
        CallbackAction.REPORT: _("Report this result"),
        CallbackAction.VARY: _("Vary"),
        CallbackAction.MASK: _("Draw a mask"),
        CallbackAction.CANCEL_ALL: _("Cancel"),
        CallbackAction.AGAIN_ALL: _("Again"),
        CallbackAction.CHANGE_ALL: _("Change"),
        CallbackAction.ORIGINAL_ALL: _("Original"),
        CallbackAction.DELETE_ALL: _("Delete all"),
        CallbackAction.RESUME_ALL: _("Go on"),
    }
    return button(words[act], CallbackData(act, run_id, number).data)
