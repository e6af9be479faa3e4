"""From a message to a request: which command it holds, what was typed behind it, and the pictures that belong to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from telegram import Message

from bot.core.errors import UnknownWorkflow
from bot.core.platform import Form, read_arguments
from bot.i18n import _
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.forms.files import Source, sources
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@(\w+))?(?:\s+|$)")


@dataclass(frozen=True)
class Command:
    """A command, the bot that it is meant for where it names one, and what stands behind it."""

    name: str
    bot: str
    rest: str

    @classmethod
    def read(cls, text: str) -> Command | None:
        found = _COMMAND.match(text)
        return cls(found[1].lower(), found[2] or "", text[found.end() :].strip()) if found else None


def words_of(messages: Sequence[Message]) -> str:
    """The text of messages that belong together: an album has it at any one of its pictures."""
    return next((text for each in messages if (text := each.text or each.caption)), "")


class Requests:
    """Turns workflows' commands, and pictures without one, into runs or drafts."""

    def __init__(self, responder: Responder, asking: FormDialog) -> None:
        self._responder, self._services, self._asking = responder, responder.services, asking

    def workflow(self, command: str) -> str | None:
        """The workflow that a command means."""
        every = self._services.workflows.catalog.workflows.values()
        return next((each.id for each in every if command in (each.name, each.id)), None)

    async def ask(self, caller: Caller, workflow: str, rest: str, messages: Sequence[Message]) -> None:
        """Run a workflow with what came along, or say what will not do, or ask for what is missing."""
        form = await self._services.workflows.form(workflow, caller.person, caller.place)
        read = read_arguments(rest, form)
        if read.faults:
            lines = [await self._responder.sentence(caller, workflow, fault) for fault in read.faults[:5]]
            await self._responder.say(caller, "\n\n".join(lines))
            return
        spare = tuple(await self._pictures(caller, messages))
        if len(spare) > (room := _room(form)) and room != 1:
            await self._responder.say(caller, captions.plain(_too_many(len(spare), room)))
            return
        hidden = read.hidden or any(each.has_media_spoiler for each in messages)
        draft = FormState(workflow, read.values, spare=spare, hidden=hidden, private=read.private).filled(form)
        if draft.spare and (field := draft.may_be_each(form)) and read.each is not None:
            draft = replace(draft, each=field) if read.each else replace(draft, spare=())
        if draft.spare and not draft.may_be_each(form):
            await self._responder.say(caller, captions.plain(_("This workflow takes no file of that kind.")))
        else:
            await self._asking.begin(caller, draft)

    async def unknown(self, caller: Caller, command: str) -> None:
        """Say that there is no such command, and what comes near it."""
        try:
            self._services.workflows.catalog.find(command)
        except UnknownWorkflow as fault:
            await self._responder.say(caller, captions.plain(str(fault)))

    async def offer(self, caller: Caller, messages: Sequence[Message]) -> None:
        """Somebody sent words or pictures and no command: ask what is to become of them."""
        spare = tuple(await self._pictures(caller, messages))
        words = words_of(messages)
        if spare or words:
            await self._asking.begin(caller, FormState(spare=spare, words=words))

    async def _pictures(self, caller: Caller, messages: Sequence[Message]) -> Sequence[Source]:
        """The files of the messages; else those of the message that they reply to, an earlier result's own files."""
        if (own := sources(messages)) or not messages:
            return own
        before, elsewhere = messages[0].reply_to_message, messages[0].external_reply
        if before is None:
            return sources([elsewhere]) if elsewhere is not None else ()
        run, number = await self._responder.run_at(caller.chat, before.message_id)
        files = self._services.runs.files_for(run, caller.person, present=True) if run is not None else ()
        return (files if number is None else files[number : number + 1]) or sources([before])


def _room(form: Form) -> int:
    return sum(field.is_media for field in form.fields)


def _too_many(count: int, room: int) -> str:
    if not room:
        return _("This workflow takes no pictures; send the command alone.")
    return _("These are {count} files, and this workflow takes {room}.").format(count=count, room=room)
