"""/mine: a person's results by pages, with small pictures, found by words; the files of each, and each again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.core.model import ResultFile
from bot.core.platform import HistoryPage, RunRecord, State, work_folder
from bot.core.status_text import asked, seconds
from bot.i18n import _
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import CallbackAction, CallbackData, button
from bot.platforms.telegram.runs.media import OutgoingMedia, Way

MINE = "o:mine"  #: of the buttons that turn pages; the person, the page and the words follow
_SHOWN = 5  # runs on a page
_DATA = 64  # bytes of a button's data
_SAID = 60  # characters of what was asked


class OwnRuns:
    """Answers /mine, and turns its pages."""

    def __init__(self, responder: Responder) -> None:
        self._responder, self._services = responder, responder.services

    async def turn(self, caller: Caller, data: str) -> None:
        """Show the page that a button names."""
        _mine, _act, _person, number, words = data.split(":", 4)
        await self.show(caller, words, int(number))

    async def show(self, caller: Caller, words: str = "", number: int = 0) -> None:
        """Show a page of a person's runs; with words, of those that have them. In a group, pictures and words of runs
        from elsewhere stay out.
        """
        words = _fitting(caller, " ".join(words.split()))
        page = await self._services.history.page(caller.person, words, number, _SHOWN)
        if not page.runs:
            nothing = _("You have run nothing yet.") if not words else _("You have no result with these words.")
            await self._responder.say(caller, captions.plain(nothing))
            return
        head = _("Your results with “{words}”").format(words=words) if words else _("Your latest runs")
        lines = [head, *[f"{at}. {await self._line(caller, run)}" for at, run in enumerate(page.runs, 1)]]
        text, keyboard = captions.lines("\n".join(lines), captions.CAPTION), self._keyboard(caller, page, words)
        with work_folder() as folder:
            shown = {run.id for run in page.runs if _is_here(caller, run)}
            sheet = await self._services.history.sheet(page.runs, folder, shown)
            if sheet is None:
                await self._responder.say(caller, text, keyboard)
            else:
                await self._send(caller, sheet, text, keyboard)

    async def _send(self, caller: Caller, sheet: Path, text: str, keyboard: InlineKeyboardMarkup | None) -> None:
        api, topic = self._responder.api, caller.chat.topic
        media = OutgoingMedia(ResultFile(sheet, sheet.name, "image"), Way.PHOTO)
        await api.ask(
            caller.chat, lambda chat: media.post(api, chat, topic=topic, caption=text, keyboard=keyboard), once=True
        )

    def _keyboard(self, caller: Caller, page: HistoryPage, words: str) -> InlineKeyboardMarkup | None:
        numbered = list(enumerate(page.runs, 1))
        files = [
            _of_run(CallbackAction.ORIGINAL, run, _("Files {number}").format(number=at))
            for at, run in numbered
            if self._services.runs.files_for(run, caller.person, present=False)
        ]
        again = [
            _of_run(CallbackAction.AGAIN, run, _("Again {number}").format(number=at))
            for at, run in numbered
            if run.ended_at is not None
        ]
        turns = [(_("Newer"), page.number - 1)] if page.number else []
        turns += [(_("Older"), page.number + 1)] if page.more else []
        ways = [button(label, _data(caller, to, words)) for label, to in turns]
        rows: list[Sequence[InlineKeyboardButton]] = [row for row in (files, again, ways) if row]
        return InlineKeyboardMarkup(rows) if rows else None

    async def _line(self, caller: Caller, run: RunRecord) -> str:
        title = self._services.workflows.title(run.workflow)
        ago = _("{time} ago").format(time=seconds(time.time() - run.asked_at))
        said = captions.cut(asked(self._services.runs.summary(run)), _SAID) if _is_here(caller, run) else ""
        line = f"{title}: {await state_words(self._responder, run)} · {ago}"
        return f"{line}\n{said}" if said else line


async def state_words(responder: Responder, run: RunRecord) -> str:
    """Say how far a run is."""
    match run.state:
        case State.WAITING:
            place = await responder.services.runs.position(run.id)
            return _("number {place} in line").format(place=place) if place else _("in line")
        case State.LATER:
            return _("waits for the step before")
        case State.RUNNING:
            return _("under way")
        case State.DELIVERING:
            return _("finished, and being sent")
        case State.HELD:
            return _("waits for a moderator")
        case State.DONE:
            return _("done")
        case State.CANCELLED:
            return _("cancelled")
        case _:
            return _("failed")


def owner_of(data: str) -> str:
    """The id of the person whose pages a button turns."""
    return data.split(":", 4)[2]


def is_turn(data: str) -> bool:
    """True for the data of a button that turns pages; other data may be forged."""
    parts = data.split(":", 4)
    return len(parts) == 5 and data.startswith(MINE) and parts[3].isdecimal() and len(parts[3]) <= 4


def _data(caller: Caller, page: int, words: str) -> str:
    return f"{MINE}:{caller.person.id}:{page}:{words}"


def _fitting(caller: Caller, words: str) -> str:
    """As much of the words as the buttons that turn pages can carry."""
    room = _DATA - len(_data(caller, 9999, ""))
    return words.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")


def _is_here(caller: Caller, run: RunRecord) -> bool:
    """True if all who read the answer may know more of a run than its name."""
    return caller.is_private or (run.place.community == caller.place.community and not run.private)


def _of_run(act: CallbackAction, run: RunRecord, label: str) -> InlineKeyboardButton:
    return button(label, CallbackData(act, run.id).data)
