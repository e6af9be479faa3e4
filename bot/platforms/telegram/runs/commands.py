"""The commands that are there whatever the workflows: help, the line, one's own runs, and about."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from telegram import InlineKeyboardMarkup, InputFile

from bot.core.errors import BadValue, NotAllowed
from bot.core.model import RunRequest, UploadedFile
from bot.core.platform import (
    OWN_DATA_NAME,
    UNFINISHED,
    Button,
    FieldKind,
    RunRecord,
    State,
    Workflow,
    WorkflowOffer,
    example,
    in_turns,
    main_field,
)
from bot.core.status_text import private_words, seconds
from bot.i18n import _, ngettext
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.own.linking import LINK, UNLINK, LinkCommands
from bot.platforms.telegram.own.mine import OwnRuns, is_turn, owner_of, state_words
from bot.platforms.telegram.runs import callback_data, captions
from bot.platforms.telegram.runs.callback_data import button
from bot.platforms.telegram.runs.erasing import MessageEraser, tell
from bot.platforms.telegram.runs.media import UPLOAD, opened

_SHOWN, _LISTED = 10, 20  # runs, and workflows, in a list
_PHOTO = Path(__file__).parents[3] / "demo" / "coffee.jpg"
TRY, FORGET, DATA = "o:try", "o:forget", "o:data"  # what the buttons here say
REALLY, EVERYWHERE = "o:really", "o:everywhere"  # these name a person


class BasicCommands:
    """Answers commands that are no workflow's."""

    def __init__(self, responder: Responder, asking: FormDialog) -> None:
        self._responder, self._services, self._asking = responder, responder.services, asking
        self._own_runs, self._linking = OwnRuns(responder), LinkCommands(responder)
        self._answers: dict[str, Callable[[Caller], Awaitable[None]]] = {
            "start": self._start,
            "help": self._help,
            "workflows": self._workflows,
            "queue": self._queue,
            "limits": self._limits,
            "cancel": self._cancel,
            "about": self._about,
        }

    def knows(self, command: str) -> bool:
        return command in self._answers or command in ("mine", "notify", LINK, UNLINK)

    async def answer(self, caller: Caller, command: str, rest: str = "") -> None:
        if command == "mine":
            await self._own_runs.show(caller, rest)
        elif command == "notify":
            await self._notify(caller, rest)
        elif command in (LINK, UNLINK):
            await self._linking.answer(caller, command, rest)
        else:
            await self._answers[command](caller)

    async def check(self, caller: Caller, data: str) -> None:
        """Raise `NotAllowed` if a person may not press a button of these answers."""
        if data == TRY:
            await self._responder.check_press(caller, Button.TRY)
        elif data == FORGET:
            await self._responder.check_press(caller, Button.FORGET)
        elif data == DATA:
            if not caller.chat.is_private:
                raise NotAllowed(_("Ask me for your data in a private chat, where no one else sees it."))
            await self._responder.check_press(caller, Button.OWN_DATA, caller.person.key)
        elif is_turn(data):
            await self._responder.check_press(caller, Button.FORM, f"{NAME}:{owner_of(data)}")
        elif data.startswith((REALLY, EVERYWHERE)):
            await self._responder.check_press(caller, Button.FORGET_SURELY, f"{NAME}:{data.rpartition(':')[2]}")

    async def press(self, caller: Caller, data: str, message: int) -> None:
        """Do what a button of these answers says, after `check`."""
        if data == TRY:
            await self._try(caller)
        elif data == FORGET:
            await self._ask_to_forget(caller)
        elif data == DATA:
            await self._send_data(caller)
        elif is_turn(data):
            await self._own_runs.turn(caller, data)
        elif data.startswith((REALLY, EVERYWHERE)):
            await self._forget(caller, message, everywhere=data.startswith(EVERYWHERE))

    async def _ask_to_forget(self, caller: Caller) -> None:
        person = caller.person
        asked = _("{name}, shall I delete your data?").format(name=person.name or person.id)
        question = await self._services.erasure.question(person, caller.place)
        rows = [[button(question.yes, f"{REALLY}:{person.id}")]]
        if question.everywhere:
            rows.append([button(question.everywhere, f"{EVERYWHERE}:{person.id}")])
        lines = [asked, *question.lines]
        await self._responder.say(caller, captions.plain("\n".join(lines)), InlineKeyboardMarkup(rows))

    async def _start(self, caller: Caller) -> None:
        words = _(
            "I turn pictures and words into pictures. Choose what to run, and watch one message become the result."
        )
        keyboard = InlineKeyboardMarkup([[button(_("Show me: one from a photograph"), TRY)]])
        await self._responder.say(caller, captions.plain(words), keyboard if await self._demo(caller) else None)
        await self._workflows(caller)

    async def _help(self, caller: Caller) -> None:
        offers = await self._runnable(caller)
        lines = [
            *await _first_example([offer.workflow for offer in offers]),
            _("Other fields are set as name=value, with quotes where there are spaces."),
            *self._services.workflows.hints(caller.person, caller.place),
            _("Send a photo with the command as its caption, several as an album, or reply to a picture with it."),
            _("/preset keeps the values of a run under a name, and uses them again."),
            _("What is missing, I ask for. /cancel ends that, or your latest run."),
            _("“spoiler=yes” covers the result. Original gives you a picture as the file that it was."),
        ]
        if self._services.runs.may_be_private(caller.place):
            lines.append(_("“private=yes” sends the result to you in private.") + " " + private_words())
        if not caller.is_private:
            lines.append(_("In this group I may hear only commands and replies to my messages."))
        await self._responder.say(caller, captions.plain("\n".join(lines)) + "\n\n" + _list(offers))

    async def _workflows(self, caller: Caller) -> None:
        await self._asking.begin(caller, FormState())

    async def _queue(self, caller: Caller) -> None:
        """Show what runs and waits here, in its order, and a button to cancel each of the person's own."""
        counts = await self._services.runs.counts()
        waiting = counts.get(State.WAITING, 0)
        running = sum(counts.values()) - waiting
        lines = [
            ngettext("{count} run under way", "{count} runs under way", running).format(count=running)
            + ", "
            + ngettext("{count} in line", "{count} in line", waiting).format(count=waiting)
        ]
        entries = await self._services.line.entries(caller.person, caller.place)
        words = _("{number}. {title} for {name}: {words}")
        lines += [
            words.format(
                number=each.number, title=each.title, name=each.run.person.name or each.run.person.id, words=each.words
            )
            for each in entries[:_SHOWN]
        ]
        if len(entries) > _SHOWN:
            lines.append(_("… and {count} more").format(count=len(entries) - _SHOWN))
        mine = [each for each in entries if each.cancel and self._services.runs.is_of(each.run, caller.person)]
        keyboard = callback_data.cancels(mine[:_SHOWN])
        await self._responder.say(caller, captions.lines("\n".join(lines), captions.TEXT), keyboard)

    async def _limits(self, caller: Caller) -> None:
        """Say what the person may still do here, and when more."""
        told = await self._services.line.limits(caller.person, caller.place)
        await self._responder.say(caller, captions.lines("\n".join(told), captions.TEXT))

    async def _notify(self, caller: Caller, rest: str) -> None:
        """Note when a person wants to be told of an end: "5 direct", "never", "here"."""
        words = rest.lower().split()
        ways = {"direct": True, "private": True, "here": False}
        direct = next((ways[word] for word in words if word in ways), None)
        when = " ".join(word for word in words if word not in ways)
        try:
            told = await self._services.pings.choose(caller.person, when, direct=direct)
        except BadValue as fault:
            told = f"{fault} /notify 5 direct"
        if not rest:
            told += "\n" + _(
                "To change it, send /notify always, never, default, or a number of minutes. "
                "Add direct for a private message, or here."
            )
        await self._responder.say(caller, captions.plain(told))

    async def _cancel(self, caller: Caller) -> None:
        """End a draft, or else the latest run in this chat that has not ended."""
        if await self._asking.end(caller):
            words = _("Cancelled.")
        else:
            here = [run for run in await self._own(caller) if _is_of(run, caller)]
            done = bool(here) and await self._services.groups.cancel_with(here[0], caller.person)
            words = _("Cancelled: {run}").format(run=self._services.workflows.title(here[0].workflow)) if done else ""
        await self._responder.say(caller, captions.plain(words or _("There is nothing to cancel.")))

    async def _about(self, caller: Caller) -> None:
        words = _(
            "Darkroom runs ComfyUI workflows in chat. Your pictures, words and results are kept for a while, so that"
            " buttons work, and presets until you delete them; other people do not see them here. You can have all of"
            " it deleted at any time."
        )
        own = [button(_("Send me my data"), DATA)] if caller.chat.is_private else []
        keyboard = InlineKeyboardMarkup([[*own, button(_("Delete my data"), FORGET)]])
        await self._responder.say(caller, captions.plain(words), keyboard)

    async def _send_data(self, caller: Caller) -> None:
        """Send a person what is kept of them. Raises `UserError`."""
        bot = self._responder.api.bot
        async with self._services.data.handed_over(caller.person, UPLOAD) as packed, opened(packed.path) as file:
            document = InputFile(file, OWN_DATA_NAME, read_file_handle=False)
            await self._responder.api.ask(
                caller.chat, lambda chat: bot.send_document(chat, document, caption=packed.words)
            )

    async def _forget(self, caller: Caller, message: int, *, everywhere: bool) -> None:
        words = await self._services.erasure.forget(caller.person, everywhere=everywhere)
        eraser = MessageEraser(self._responder.api, self._responder.notes)
        stay = await eraser.erase_all_copies(caller.person)
        for name in await self._responder.notes.starting(f"{storage_keys.DRAFT}{caller.person.id}:"):
            await self._responder.notes.drop(name)
        for name in await self._responder.notes.starting(storage_keys.settings(caller.person.id)):
            await self._responder.notes.drop(name)
        await self._responder.notes.drop(storage_keys.stranger(caller.person.id))
        await self._responder.edit(caller.chat, message, captions.plain(words))
        await tell(self._responder, caller, stay)

    async def _try(self, caller: Caller) -> None:
        offer = await self._demo(caller)
        if offer is None:
            await self._workflows(caller)
            return
        name = next(each.name for each in offer.workflow.form().fields if each.is_media)
        values = {name: UploadedFile(_PHOTO, _PHOTO.name)}
        await self._responder.open(caller, RunRequest(offer.workflow.id, values, caller.person, caller.place))

    async def _demo(self, caller: Caller) -> WorkflowOffer | None:
        """A workflow that needs one picture and nothing else."""
        offers = await self._runnable(caller)
        async for offer in in_turns(sorted(offers, key=lambda offer: offer.workflow.name != "poster")):
            if _needs_one_picture(offer.workflow):
                return offer
        return None

    async def _runnable(self, caller: Caller) -> list[WorkflowOffer]:
        """The workflows that this person can run here, now."""
        offers = await self._services.workflows.offers(caller.person, caller.place)
        return [offer for offer in offers if offer.lacks is None]

    async def _own(self, caller: Caller) -> list[RunRecord]:
        return [run for run in await self._services.runs.last_of(caller.person, 50) if run.state in UNFINISHED]

    async def _line(self, run: RunRecord, *, named: bool = False) -> str:
        """A run in a line of a list."""
        words = self._services.workflows.title(run.workflow)
        if named:
            words = _("{title} for {name}").format(title=words, name=run.person.name or run.person.id)
        ago = _("{time} ago").format(time=seconds(time.time() - run.asked_at))
        return f"{words}: {await state_words(self._responder, run)} · {ago}"


def _is_of(run: RunRecord, caller: Caller) -> bool:
    """True if a run is of a chat: asked for there, or if it is private, shown there."""
    return str(caller.chat) == run.address.chat if run.private else run.place.id == caller.place.id


def _needs_one_picture(workflow: Workflow) -> bool:
    required = [each for each in workflow.form().fields if each.required]
    return len(required) == 1 and required[0].kind is FieldKind.IMAGE


async def _first_example(workflows: Sequence[Workflow]) -> list[str]:
    """A command that works here: with words alone if there is such a workflow, else with a photo; none without any."""
    async for each in in_turns(workflows):
        form = each.form()
        main = main_field(form)
        if main is not None and not any(other.required and other is not main for other in form.fields):
            return [_("Write a command and words: {example}").format(example=example(each.name, form, main.name))]
    async for each in in_turns(workflows):
        if _needs_one_picture(each):
            return [_("Send a photo with this caption: /{command}").format(command=each.name)]
    return []


def _list(offers: Sequence[WorkflowOffer]) -> str:
    """The commands of workflows as HTML, as many as there is room for, and where the others are."""
    listed = [offer.workflow for offer in offers[:_LISTED]]
    texts = [captions.plain(captions.cut(each.description or each.title, 100)) for each in listed]
    every = [f"/{each.name} {text}" for each, text in zip(listed, texts, strict=True)]
    prices = (offer.price for offer in offers)
    every = [f"{line} · {captions.plain(price)}" if price else line for line, price in zip(every, prices, strict=False)]
    if len(offers) > _LISTED:
        words = _("… and {count} more: /workflows has them all, by pages and by typing.")
        every.append(words.format(count=len(offers) - _LISTED))
    return "\n".join(every)
