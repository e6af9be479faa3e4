"""Asking for what is missing: one thing at a time, or all fields as buttons; each person's own, kept over restarts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from telegram import InlineKeyboardMarkup, Message

from bot.core.errors import BadValue, DeliveryFailed
from bot.core.model import RunRequest
from bot.core.platform import Field, FieldKind, Form, Workflow, in_turns, main_field
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Gone, Unsuitable
from bot.platforms.telegram.caller import BadInput, Caller, Responder
from bot.platforms.telegram.chats import NAME, Chat
from bot.platforms.telegram.forms import prompts
from bot.platforms.telegram.forms.files import MessageFile, sources
from bot.platforms.telegram.forms.prompts import PromptStep
from bot.platforms.telegram.forms.state import FormState, may_take, takes
from bot.platforms.telegram.runs import captions

_log = logging.getLogger(__name__)
_KEPT = 3600.0  # seconds that a question waits for an answer


class FormDialog:
    """Holds people's drafts. One person has one draft in a chat or topic: a new one ends the old one, and one without
    an answer ends after an hour.
    """

    def __init__(self, responder: Responder, clock: Callable[[], float] = time.time) -> None:
        self._responder, self._notes, self._clock = responder, responder.notes, clock

    async def begin(self, caller: Caller, draft: FormState) -> None:
        """Run what was asked for, or ask for what it lacks. Raises `CannotRun` before anything is asked in vain."""
        if draft.workflow:
            await self._form(caller, draft)
            await self._responder.services.workflows.check_able(draft.workflow)
        await self.end(caller)
        await self._advance(caller, draft)

    async def current(self, caller: Caller) -> FormState | None:
        """A person's draft, if it has not ended."""
        data = await self._notes.get(storage_keys.draft(caller.chat, caller.person))
        draft = None if data is None else FormState.from_json(data)
        if draft is not None and self._is_old(draft):
            await self._expire(storage_keys.draft(caller.chat, caller.person), caller.chat, draft)
            return None
        return draft

    async def expire(self) -> None:
        """End the drafts that are too old, with a word in their messages."""
        for name, data in (await self._notes.starting(storage_keys.DRAFT)).items():
            draft = FormState.from_json(data)
            if self._is_old(draft):
                _person, _colon, chat = name.removeprefix(storage_keys.DRAFT).partition(":")
                await self._expire(name, Chat.read(chat), draft)

    def _is_old(self, draft: FormState) -> bool:
        return self._clock() - draft.at > _KEPT

    async def _expire(self, name: str, chat: Chat, draft: FormState) -> None:
        await self._notes.drop(name)
        words = _("There was no answer for an hour, so this has ended. Please start again.")
        try:
            await self._responder.edit(chat, draft.message, captions.plain(words))
        except (DeliveryFailed, Gone, Unsuitable) as fault:
            _log.info("a question that ended could not say so: %s", fault)

    async def owner(self, draft: str) -> str:
        """The person whose a draft is, as "platform:id"; empty if it has ended."""
        for name, data in (await self._notes.starting(storage_keys.DRAFT)).items():
            if data["id"] == draft:
                return f"{NAME}:{name.removeprefix(storage_keys.DRAFT).partition(':')[0]}"
        return ""

    async def end(self, caller: Caller) -> bool:
        """Forget a draft; whether there was one."""
        draft = await self.current(caller)
        if draft is None:
            return False
        await self._notes.drop(storage_keys.draft(caller.chat, caller.person))
        await self._responder.remove(caller.chat, draft.message)
        return True

    async def hear(self, caller: Caller, draft: FormState, messages: Sequence[Message]) -> None:
        """Take messages for the answer to what was asked last. Of pictures and words, the newest count."""
        form = await self._form(caller, draft)
        found = sources(messages)
        words = next((text for each in messages if (text := each.text or each.caption)), "")
        asked = next((each for each in form.fields if each.name == draft.asking), None)
        if not draft.workflow:
            await self._hear_what_to_run(caller, draft, found, words)
        elif found:
            await self._hear_files(caller, draft, form, asked, found, words)
        elif asked is None:
            await self._advance(caller, replace(draft, words=words), fresh=True)
        elif asked.is_media:
            await self._ask(caller, draft, form, asked, _wanted(asked), fresh=True)
        else:
            await self._set(caller, draft, form, asked, words, fresh=True)

    async def _hear_what_to_run(
        self, caller: Caller, draft: FormState, found: Sequence[MessageFile], words: str
    ) -> None:
        """Take the name of a workflow, a part of one where there is nothing yet to run it with, or what to run with."""
        offered = await self._fitting(caller, draft)
        wanted = words.strip().removeprefix("/").casefold()
        named = [each.id for each in offered if wanted in prompts.names(each)]
        if named and not found:
            await self._advance(caller, replace(draft, workflow=named[0], search="", page=0), fresh=True)
        elif not found and not draft.spare and any(prompts.is_found(each, words) for each in offered):
            await self._ask_workflow(caller, replace(draft, search=words, page=0), fresh=True)
        else:
            newest = replace(draft, spare=tuple(found) or draft.spare, words=words or draft.words, search="", page=0)
            await self._ask_workflow(caller, newest, fresh=True)

    async def _hear_files(
        self,
        caller: Caller,
        draft: FormState,
        form: Form,
        asked: Field | None,
        found: Sequence[MessageFile],
        words: str,
    ) -> None:
        if asked is not None and asked.is_media:
            if not takes(asked, found[0]):
                await self._ask(caller, draft, form, asked, _wanted(asked), fresh=True)
                return
            draft = replace(draft, asking="", search="", page=0)
            draft, left = draft.with_newest(form, found, asked.name)
        else:
            draft, left = draft.with_newest(form, found)
        if left:
            await self._responder.say(caller, captions.plain(_("This workflow takes no file of that kind.")))
        if asked is None or asked.is_media:
            await self._advance(caller, replace(draft, words=words), fresh=True)
        elif words:
            await self._set(caller, draft, form, asked, words, fresh=True)
        else:
            await self._ask(caller, draft, form, asked, fresh=True)

    async def press(self, caller: Caller, draft: FormState, step: PromptStep) -> None:
        """Do what a button of the draft says."""
        form = await self._form(caller, draft)
        match step.kind:
            case "end":
                await self._notes.drop(storage_keys.draft(caller.chat, caller.person))
                await self._responder.edit(caller.chat, draft.message, captions.plain(_("Cancelled.")))
            case "workflow":
                await self._advance(caller, replace(draft, workflow=step.text, search="", page=0))
            case "all" | "back":
                await self._show_all(caller, replace(draft, wide=True, asking="", search="", page=0), form)
            case "more":
                await self._show_all(caller, replace(draft, more=True), form)
            case "field" if step.number < len(form.fields):
                await self._ask(caller, replace(draft, search="", page=0), form, form.fields[step.number])
            case "page":
                await self._turn(caller, replace(draft, page=step.number), form)
            case "value":
                await self._choose(caller, draft, form, step)
            case "default":
                await self._advance(caller, draft.with_value(draft.asking, None))
            case "each":
                await self._advance(caller, replace(draft, each=draft.may_be_each(form)))
            case "only":
                await self._advance(caller, replace(draft, spare=()))
            case "run":
                await self._advance(caller, replace(draft, wide=False))

    async def _advance(self, caller: Caller, draft: FormState, *, fresh: bool = False) -> None:
        """Ask for the next thing, or run it."""
        if not draft.workflow:
            await self._ask_workflow(caller, draft, fresh=fresh)
            return
        form = await self._form(caller, draft)
        draft = draft.filled(form)
        if not draft.each and draft.may_be_each(form):
            await self._show(caller, draft, *prompts.several(draft, len(draft.spare) + 1), fresh=fresh)
            return
        missing = draft.missing(form)
        if draft.wide:
            await self._show_all(caller, draft, form, fresh=fresh)
        elif missing is not None:
            await self._ask(caller, draft, form, missing, fresh=fresh)
        else:
            await self._run(caller, draft, form, fresh=fresh)

    async def _run(self, caller: Caller, draft: FormState, form: Form, *, fresh: bool) -> None:
        request = RunRequest(draft.workflow, draft.given(form), caller.person, caller.place, private=draft.private)
        message = draft.message if draft.message and not fresh else None
        again = partial(self._ask_again, caller, draft, form)
        if not await self._responder.open(caller, request, message=message, hidden=draft.hidden, ask_again=again):
            await self._notes.drop(storage_keys.draft(caller.chat, caller.person))
        if fresh and draft.message:
            await self._responder.remove(caller.chat, draft.message)

    async def _ask_again(self, caller: Caller, draft: FormState, form: Form, message: int, fault: BadInput) -> bool:
        """Ask for a value, or a file, that was refused, and keep the others; of several, show all fields, and what is
        wrong. False where no field is at fault.
        """
        faults = fault.each if isinstance(fault, BadValue) else (fault,)
        wrong = [each for each in form.fields if each.name in {one.field for one in faults}]
        if not wrong:
            return False
        draft = replace(draft, message=message)
        for field in wrong:
            draft = draft.without(field.name)
        if len(wrong) == 1:
            await self._ask(caller, draft, form, wrong[0], faults[0].reason)
        else:
            await self._show_all(caller, replace(draft, wide=True, asking=""), form, str(fault))
        return True

    async def _ask(
        self, caller: Caller, draft: FormState, form: Form, field: Field, fault: str = "", *, fresh: bool = False
    ) -> None:
        draft = replace(draft, asking=field.name)
        html = prompts.question(await self._title(caller, draft), field, fault, private=caller.is_private)
        await self._show(caller, draft, html, prompts.answers(draft, field), fresh=fresh)

    async def _ask_workflow(self, caller: Caller, draft: FormState, *, fresh: bool = False) -> None:
        workflows = await self._fitting(caller, draft)
        html, keyboard = prompts.which(draft, workflows, private=caller.is_private)
        await self._show(caller, draft, html, keyboard, fresh=fresh)

    async def _fitting(self, caller: Caller, draft: FormState) -> list[Workflow]:
        """The workflows that can run here with what the draft has."""
        workflows = self._responder.services.workflows
        offers = await workflows.offers(caller.person, caller.place)
        able = [each.workflow for each in offers if each.lacks is None]
        forms = [(each, each.form()) async for each in in_turns(able)]
        fitting = [(workflow, form) for workflow, form in forms if _takes(form, draft)]
        return workflows.onward(draft.after, fitting) if draft.after else [workflow for workflow, _form in fitting]

    async def _show_all(
        self, caller: Caller, draft: FormState, form: Form, faults: str = "", *, fresh: bool = False
    ) -> None:
        title = await self._title(caller, draft)
        await self._show(caller, draft, *prompts.overview(title, draft, form, faults), fresh=fresh)

    async def _title(self, caller: Caller, draft: FormState) -> str:
        """The title of a workflow, and what a run costs with the values so far, if it costs money."""
        workflows = self._responder.services.workflows
        price = await workflows.price(draft.workflow, draft.values)
        return " · ".join(part for part in (workflows.title(draft.workflow, caller.person.language), price) if part)

    async def _turn(self, caller: Caller, draft: FormState, form: Form) -> None:
        if not draft.workflow:
            await self._ask_workflow(caller, draft)
        elif draft.asking in form.names:
            await self._ask(caller, draft, form, form[draft.asking])
        else:
            await self._show_all(caller, draft, form)

    async def _choose(self, caller: Caller, draft: FormState, form: Form, step: PromptStep) -> None:
        """Set a choice, unless there are others now than when its button was drawn."""
        if draft.asking not in form.names:
            return
        field = form[draft.asking]
        choice = prompts.chosen(field, step)
        if choice is None:
            await self._ask(caller, draft, form, field)
        else:
            await self._set(caller, draft, form, field, choice)

    async def _set(
        self, caller: Caller, draft: FormState, form: Form, field: Field, text: str, *, fresh: bool = False
    ) -> None:
        try:
            field.parse(text)
        except BadValue as fault:
            found = prompts.searched(field, text) if text.strip() else []
            if len(found) == 1:
                await self._advance(caller, draft.with_value(field.name, found[0]), fresh=fresh)
            else:
                sought = replace(draft, search=text if found else "", page=0)
                await self._ask(caller, sought, form, field, "" if found else fault.reason, fresh=fresh)
            return
        await self._advance(caller, draft.with_value(field.name, text), fresh=fresh)

    async def _show(
        self, caller: Caller, draft: FormState, html: str, keyboard: InlineKeyboardMarkup, *, fresh: bool = False
    ) -> None:
        """Show a question in the draft's message; in a new one below, if the person has just written."""
        old, draft = draft.message, replace(draft, at=self._clock())
        if fresh or not old:
            draft = replace(draft, message=await self._responder.say(caller, html, keyboard))
            await self._notes.put(storage_keys.draft(caller.chat, caller.person), draft.to_json())
            if old:
                await self._responder.remove(caller.chat, old)
            return
        await self._notes.put(storage_keys.draft(caller.chat, caller.person), draft.to_json())
        await self._responder.edit(caller.chat, old, html, keyboard)

    async def _form(self, caller: Caller, draft: FormState) -> Form:
        if not draft.workflow:
            return Form(())
        return await self._responder.services.workflows.form(draft.workflow, caller.person, caller.place)


def _wanted(field: Field) -> str:
    """The kind of file that a field takes."""
    match field.kind:
        case FieldKind.VIDEO:
            return _("It takes a video.")
        case FieldKind.AUDIO:
            return _("It takes a sound: music, or a voice message.")
        case FieldKind.MODEL_3D:
            return _("It takes a 3D file, such as GLB, OBJ or STL.")
        case FieldKind.FILE:
            return _("It takes a file.")
        case _:
            return _("It takes a picture: a photo, or a file such as PNG, JPEG, WebP or GIF.")


def _takes(form: Form, draft: FormState) -> bool:
    """True if a workflow can use the files and words that the draft has already."""
    if draft.spare:
        return any(may_take(field, source) for source in draft.spare for field in form.fields)
    return not draft.words or main_field(form) is not None
