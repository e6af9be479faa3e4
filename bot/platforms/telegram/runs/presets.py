"""`/preset` on Telegram: words for the values that a person keeps, and a button for each preset."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from telegram import InlineKeyboardMarkup, Message

from bot.core.errors import UserError
from bot.core.model import Person, RunRequest
from bot.core.platform import Button, ButtonPress, FilledForm, RunRecord
from bot.i18n import _
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import button, rows

PRESET = "preset"
_DATA = re.compile(r"p:([0-9]{1,20}):([0-9]{1,18})", re.ASCII)  # a button of a list: whose preset, and which
_LABEL = 40  # characters of a button


class PresetCommand:
    """The core decides what becomes of presets; here is what people type for it."""

    def __init__(self, responder: Responder, asking: FormDialog) -> None:
        self._responder, self._services, self._asking = responder, responder.services, asking
        self._presets = responder.services.presets
        self._acts: dict[str, Callable[[Person, str], Awaitable[str]]] = {
            "delete": self._presets.delete,
            "share": self._presets.share,
            "unshare": self._presets.unshare,
            "copy": self._presets.take,
            "default": lambda person, name: self._presets.make_usual(person, name, on=True),
            "nodefault": lambda person, name: self._presets.make_usual(person, name, on=False),
            "rename": self._rename,
        }

    async def answer(self, caller: Caller, rest: str, messages: Sequence[Message]) -> None:
        """Do what was typed behind the command; alone, list the presets. Raises `UserError`."""
        act, _space, name = rest.strip().partition(" ")
        if not act:
            await self._list(caller)
        elif act.lower() == "save":
            await self._say(caller, await self._presets.keep(caller.person, await self._meant(caller, messages), name))
        elif (do := self._acts.get(act.lower())) is not None:
            await self._say(caller, await do(caller.person, name))
        else:
            wanted = name if act.lower() == "use" else rest
            await self._open(caller, await self._presets.fill(caller.person, caller.place, wanted))

    async def check(self, caller: Caller, data: str) -> int | None:
        """Return the number of the preset that a button is for; None if it is no such button. Raises `NotAllowed` if it
        is another person's.
        """
        found = _DATA.fullmatch(data)
        if found is None:
            return None
        await self._responder.check_press(caller, Button.FORM, f"{NAME}:{found[1]}")
        return int(found[2])

    async def press(self, caller: Caller, number: int) -> None:
        """Open the form with the values of a preset, after `check`."""
        preset = await self._presets.at(caller.person, number)
        await self._open(caller, await self._presets.fill(caller.person, caller.place, preset.name))

    async def _open(self, caller: Caller, filled: FilledForm) -> None:
        request = RunRequest(filled.workflow, filled.values, caller.person, caller.place)
        await self._asking.begin(caller, replace(FormState.of(request), news=filled.news))

    async def _list(self, caller: Caller) -> None:
        presets, lines = await self._presets.of(caller.person), await self._presets.lines(caller.person)
        buttons = [button(captions.cut(each.name, _LABEL), f"p:{caller.person.id}:{each.number}") for each in presets]
        text = "\n".join([*(lines or [_("You have no presets yet.")]), "", *_usage()])
        keyboard = InlineKeyboardMarkup(rows(buttons, 2)) if buttons else None
        await self._responder.say(caller, captions.lines(text, captions.TEXT), keyboard)

    async def _rename(self, person: Person, text: str) -> str:
        old, equals, new = text.partition("=")
        if not equals:
            raise UserError("\n".join(_usage()))
        return await self._presets.rename(person, old, new)

    async def _meant(self, caller: Caller, messages: Sequence[Message]) -> RunRecord:
        """Return the run of the message that was replied to; else the person's latest one. Raises `UserError`."""
        before = messages[0].reply_to_message
        if before is None:
            runs = await self._services.runs.last_of(caller.person, 1)
            if not runs:
                raise UserError(_("You have run nothing yet."))
            return runs[0]
        run, _number = await self._responder.run_at(caller.chat, before.message_id)
        if run is None:
            raise UserError(_("This message is of no run. Reply to a result."))
        press = ButtonPress(Button.CHANGE, caller.person, caller.place, writes=caller.writes)
        await self._services.runs.check_press(press, run)
        return run

    async def _say(self, caller: Caller, words: str) -> None:
        await self._responder.say(caller, captions.plain(words))


def _usage() -> list[str]:
    return [
        "/preset NAME: " + _("open the form with its values"),
        "/preset save NAME: " + _("keep the values of your latest run, or of the run that you reply to"),
        "/preset rename NAME = NEW, delete NAME",
        "/preset share NAME, unshare NAME, copy CODE: " + _("let others have a copy"),
        "/preset default NAME, nodefault NAME: " + _("use it for all that you leave out"),
    ]
