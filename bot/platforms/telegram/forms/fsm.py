"""Asking for what is missing: one thing at a time, or all fields as buttons; each person's own, kept over restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from telegram import InlineKeyboardMarkup, Message

from bot.core.errors import BadValue
from bot.core.model import RunRequest
from bot.core.platform import Field, FieldKind, Form
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME
from bot.platforms.telegram.forms import prompts
from bot.platforms.telegram.forms.files import MessageFile, sources
from bot.platforms.telegram.forms.prompts import PromptStep
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions


class FormDialog:
    """Holds people's drafts. One person has one draft in a chat or topic: a new one ends the old one."""

    def __init__(self, responder: Responder) -> None:
        self._responder, self._notes = responder, responder.notes

    async def begin(self, caller: Caller, draft: FormState) -> None:
        """Run what was asked for, or ask for what it lacks."""
        await self.end(caller)
        await self._advance(caller, draft)

    async def current(self, caller: Caller) -> FormState | None:
        data = await self._notes.get(storage_keys.draft(caller.chat, caller.person))
        return None if data is None else FormState.from_json(data)

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
        """Take messages for the answer to what was asked last."""
        form = await self._form(caller, draft)
        found = sources(messages)
        words = next((text for each in messages if (text := each.text or each.caption)), "")
        asked = next((each for each in form.fields if each.name == draft.asking), None)
        if asked is None or (asked.is_media and found):
            named = draft if asked is None else draft.with_file(asked.name, found.pop(0))
            rest = replace(named, spare=(*named.spare, *found), words=words if asked is None else "")
            await self._advance(caller, rest, fresh=True)
        elif asked.is_media:
            await self._ask(caller, draft, form, asked, _wanted(asked), fresh=True)
        else:
            await self._set(caller, draft, form, asked, words, fresh=True)

    async def press(self, caller: Caller, draft: FormState, step: PromptStep) -> None:
        """Do what a button of the draft says."""
        form = await self._form(caller, draft)
        match step.kind:
            case "end":
                await self._notes.drop(storage_keys.draft(caller.chat, caller.person))
                await self._responder.edit(caller.chat, draft.message, captions.plain(_("Cancelled.")))
            case "workflow":
                await self._advance(caller, replace(draft, workflow=step.text))
            case "all" | "back":
                await self._show_all(caller, replace(draft, wide=True, asking="", page=0), form)
            case "field" if step.number < len(form.fields):
                await self._ask(caller, replace(draft, page=0), form, form.fields[step.number])
            case "page":
                await self._turn(caller, replace(draft, page=step.number), form)
            case "value":
                await self._choose(caller, draft, form, step)
            case "default":
                await self._advance(caller, draft.with_value(draft.asking, None))
            case "run":
                await self._advance(caller, replace(draft, wide=False))

    async def _advance(self, caller: Caller, draft: FormState, *, fresh: bool = False) -> None:
        """Ask for the next thing, or run it."""
        if not draft.workflow:
            await self._ask_workflow(caller, draft)
            return
        form = await self._form(caller, draft)
        draft = draft.filled(form)
        missing = draft.missing(form)
        if draft.wide:
            await self._show_all(caller, draft, form, fresh=fresh)
        elif missing is not None:
            await self._ask(caller, draft, form, missing, fresh=fresh)
        else:
            await self._run(caller, draft, form, fresh=fresh)

    async def _run(self, caller: Caller, draft: FormState, form: Form, *, fresh: bool) -> None:
        values = {name: text for name, text in draft.values.items() if name in form.names}
        files = {name: source for name, source in draft.files.items() if name in form.names}
        request = RunRequest(draft.workflow, {**values, **files}, caller.person, caller.place)
        message = draft.message if draft.message and not fresh else None
        await self._responder.open(caller, request, message=message, hidden=draft.hidden)
        await self._notes.drop(storage_keys.draft(caller.chat, caller.person))
        if fresh:
            await self._responder.remove(caller.chat, draft.message)

    async def _ask(
        self, caller: Caller, draft: FormState, form: Form, field: Field, fault: str = "", *, fresh: bool = False
    ) -> None:
        draft = replace(draft, asking=field.name)
        html = prompts.question(
            self._responder.services.workflows.title(draft.workflow), field, fault, private=caller.is_private
        )
        await self._show(caller, draft, html, prompts.answers(draft, field), fresh=fresh)

    async def _ask_workflow(self, caller: Caller, draft: FormState) -> None:
        offers = await self._responder.services.workflows.offers(caller.person, caller.place)
        fitting = [offer for offer in offers if offer.lacks is None and _takes(offer.workflow.form(), draft)]
        await self._show(caller, draft, *prompts.which(draft, [offer.workflow for offer in fitting]))

    async def _show_all(self, caller: Caller, draft: FormState, form: Form, *, fresh: bool = False) -> None:
        html, keyboard = prompts.overview(self._responder.services.workflows.title(draft.workflow), draft, form)
        await self._show(caller, draft, html, keyboard, fresh=fresh)

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
            await self._ask(caller, draft, form, field, fault.reason, fresh=fresh)
            return
        await self._advance(caller, draft.with_value(field.name, text), fresh=fresh)

    async def _show(
        self, caller: Caller, draft: FormState, html: str, keyboard: InlineKeyboardMarkup, *, fresh: bool = False
    ) -> None:
        """Show a question in the draft's message; in a new one below, if the person has just written."""
        old = draft.message
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
    try:
        field.parse("")
    except BadValue as fault:
        return fault.reason
    return ""


def _takes(form: Form, draft: FormState) -> bool:
    """True if a workflow can use the files and words that the draft has already."""
    files = sum(each.kind is FieldKind.IMAGE for each in form.fields)
    if any(isinstance(source, MessageFile) or source.kind == "image" for source in draft.spare):
        return files > 0
    return not draft.words or any(each.kind is FieldKind.TEXT for each in form.fields)
