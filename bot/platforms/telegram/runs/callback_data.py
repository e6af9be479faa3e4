"""Buttons as data: what each means fits into 64 bytes, so that it still does after a restart."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.i18n import _

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


@dataclass(frozen=True)
class CallbackData:
    """A button of a run; `run_id` is empty where the run is the one whose message it is."""

    act: CallbackAction
    run_id: str = ""

    @property
    def data(self) -> str:
        short = base64.urlsafe_b64encode(UUID(self.run_id).bytes).decode().rstrip("=") if self.run_id else ""
        return f"r:{self.act}:{short}"

    @classmethod
    def read(cls, data: str) -> CallbackData | None:
        """Read a button's data; None if it is not a run's."""
        try:
            kind, act, short = data.split(":")
            run_id = str(UUID(bytes=base64.urlsafe_b64decode(short + "=="))) if short else ""
            return cls(CallbackAction(act), run_id) if kind == "r" else None
        except ValueError:
            return None


def opened(update: int) -> InlineKeyboardMarkup:
    """The buttons of a message that an update has opened for a run, which has no id yet: no other message has them."""
    return waiting(str(uuid5(_UPDATES, str(update))))


def waiting(run_id: str) -> InlineKeyboardMarkup:
    """The buttons of a run that is under way."""
    return InlineKeyboardMarkup([[_run_button(CallbackAction.CANCEL, run_id)]])


def ended(run_id: str, *, original: bool = False) -> InlineKeyboardMarkup:
    """The buttons of a run that brought no result, or one that could not be delivered: `original` sends that."""
    more = (CallbackAction.ORIGINAL,) if original else ()
    acts = (CallbackAction.AGAIN, CallbackAction.CHANGE, *more, CallbackAction.DELETE)
    return InlineKeyboardMarkup([[_run_button(act, run_id) for act in acts]])


def delivered(run_id: str, *, picture: bool, original: bool, film: bool = False) -> InlineKeyboardMarkup:
    """The buttons of a result: one with a picture, or with a film, can be built on, a photo can be had as the file that
    it was.
    """
    use = [_run_button(CallbackAction.USE, run_id)] if picture else []
    if film and not picture:
        use = [button(_("Continue"), CallbackData(CallbackAction.USE, run_id).data)]
    second = [*([CallbackAction.ORIGINAL] if original else []), CallbackAction.DETAILS, CallbackAction.DELETE]
    first = [_run_button(act, run_id) for act in (CallbackAction.AGAIN, CallbackAction.CHANGE)]
    return InlineKeyboardMarkup([[*first, *use], [_run_button(act, run_id) for act in second]])


def originals(runs: Sequence[tuple[str, str]]) -> InlineKeyboardMarkup | None:
    """A button for each run of a list, given with its label, that sends its files; None if there are none."""
    buttons = [button(label, CallbackData(CallbackAction.ORIGINAL, run_id).data) for run_id, label in runs]
    return InlineKeyboardMarkup(rows(buttons, 5)) if buttons else None


def rows(buttons: Iterable[InlineKeyboardButton], width: int) -> list[Sequence[InlineKeyboardButton]]:
    """Buttons in rows of a width."""
    every = list(buttons)
    return [every[first : first + width] for first in range(0, len(every), width)]


def button(text: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data)


def _run_button(act: CallbackAction, run_id: str) -> InlineKeyboardButton:
    words = {
        CallbackAction.CANCEL: _("Cancel"),
        CallbackAction.AGAIN: _("Again"),
        CallbackAction.CHANGE: _("Change"),
        CallbackAction.USE: _("Use as input"),
        CallbackAction.ORIGINAL: _("Original"),
        CallbackAction.DELETE: _("Delete"),
        CallbackAction.DETAILS: _("Details"),
    }
    return button(words[act], CallbackData(act, run_id).data)
