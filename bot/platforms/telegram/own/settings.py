"""/settings: what a picture says of how it was made, and the form of a workflow that is filled in with it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from telegram import InlineKeyboardMarkup, Message

from bot.core.errors import UserError
from bot.core.model import RunRequest, UploadedFile
from bot.core.platform import Button, FilledForm, FoundSettings, work_folder
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME
from bot.platforms.telegram.forms.files import fetch, sources
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import button, rows

SETTINGS = "settings"  #: the command
PICK = "o:set"  #: of the buttons that open a form; the person, what was found and the place of the workflow follow
_OFFERED = 10


class SettingsCommand:
    """Reads the settings of a picture that came with the command, or that it replies to."""

    def __init__(self, responder: Responder, asking: FormDialog) -> None:
        self._responder, self._asking = responder, asking
        self._readback, self._notes = responder.services.readback, responder.notes

    async def answer(self, caller: Caller, messages: Sequence[Message]) -> None:
        """Say the settings, and offer workflows that take them. Raises `UserError`."""
        with work_folder() as folder:
            given = await self._given(caller, messages, folder)
            read = await self._readback.read(caller.person, caller.place, given.path)
        if read.filled is not None:
            await self._responder.say(caller, captions.settings(read.lines))
            await self._open(caller, read.filled)
            return
        name = secrets.token_hex(8)
        offered = read.workflows[:_OFFERED]
        kept = {"found": msgspec.to_builtins(read.found), "workflows": [each.id for each in offered]}
        await self._notes.put(storage_keys.settings(caller.person.id, name), kept)
        buttons = [
            button(captions.cut(each.label, 40), f"{PICK}:{caller.person.id}:{name}:{number}")
            for number, each in enumerate(offered)
        ]
        keyboard = InlineKeyboardMarkup(rows(buttons, 2)) if buttons else None
        await self._responder.say(caller, captions.settings(read.lines), keyboard)

    async def check(self, caller: Caller, data: str) -> None:
        """Raise `NotAllowed` if a button is another person's, and `UserError` if what was found is gone."""
        await self._responder.check_press(caller, Button.FORM, f"{NAME}:{data.split(':')[2]}")
        await self._kept(data)

    async def press(self, caller: Caller, data: str) -> None:
        """Open the form of a workflow, filled in, after `check`."""
        kept, number = await self._kept(data), int(data.rpartition(":")[2])
        found = msgspec.convert(kept["found"], FoundSettings)
        workflow = kept["workflows"][number]
        await self._open(caller, await self._readback.fill(caller.person, caller.place, workflow, found))

    async def _kept(self, data: str) -> dict[str, Any]:
        _o, _set, person, name, number = [*data.split(":"), "", "", ""][:5]
        kept = await self._notes.get(storage_keys.settings(person, name))
        if not (isinstance(kept, dict) and number in map(str, range(len(kept["workflows"])))):
            raise UserError(_("This button has expired. Please start again."))
        return kept

    async def _given(self, caller: Caller, messages: Sequence[Message], folder: Any) -> UploadedFile:
        before = messages[0].reply_to_message
        sent = sources([*messages, *([before] if before is not None else [])])
        if not sent:
            words = _("Send a picture as a file with /settings as its caption, or reply to one with /settings.")
            raise UserError(words)
        return await fetch(self._responder.api, sent[0], folder, "settings")

    async def _open(self, caller: Caller, filled: FilledForm) -> None:
        request = RunRequest(filled.workflow, filled.values, caller.person, caller.place)
        await self._asking.begin(caller, replace(FormState.of(request), news=filled.news))
