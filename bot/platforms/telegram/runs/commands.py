"""The commands that are there whatever the workflows: help, the line, one's own runs, and about."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from telegram import InlineKeyboardMarkup

from bot.core.model import RunRequest, UploadedFile
from bot.core.platform import UNFINISHED, FieldKind, RunRecord, State, WorkflowOffer
from bot.core.status_text import seconds
from bot.i18n import _, ngettext
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.caller import Caller, Responder, command_of
from bot.platforms.telegram.chats import NAME
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import button

_SHOWN = 10  # runs in a list
_PHOTO = Path(__file__).parents[3] / "demo" / "coffee.jpg"
TRY, FORGET, REALLY = "o:try", "o:forget", "o:really"  # what the buttons here say


class BasicCommands:
    """Answers commands that are no workflow's."""

    def __init__(self, counter: Responder, asking: FormDialog) -> None:
        self._counter, self._services, self._asking = counter, counter.services, asking
        self._answers: dict[str, Callable[[Caller], Awaitable[None]]] = {
            "start": self._start,
            "help": self._help,
            "workflows": self._workflows,
            "queue": self._queue,
            "mine": self._mine,
            "cancel": self._cancel,
            "about": self._about,
        }

    def knows(self, command: str) -> bool:
        return command in self._answers

    async def answer(self, guest: Caller, command: str) -> None:
        await self._answers[command](guest)

    async def press(self, guest: Caller, data: str, message: int) -> None:
        """Do what a button of these answers says."""
        match data:
            case "o:try":
                await self._try(guest)
            case "o:forget":
                words = _("Shall I delete all your runs that have ended, with their files? It cannot be undone.")
                keyboard = InlineKeyboardMarkup([[button(_("Yes, delete everything"), REALLY)]])
                await self._counter.say(guest, captions.plain(words), keyboard)
            case "o:really":
                await self._forget(guest, message)

    async def _start(self, guest: Caller) -> None:
        words = _(
            "I turn pictures and words into pictures. Choose what to run, and watch one message become the result."
        )
        keyboard = InlineKeyboardMarkup([[button(_("Show me: one from a photograph"), TRY)]])
        shown = keyboard if await self._demo(guest) else None
        await self._counter.say(guest, captions.plain(words) + "\n\n" + await self._list(guest), shown)

    async def _help(self, guest: Caller) -> None:
        lines = [
            _("Write a command and words: /imagine a lighthouse at dusk"),
            _("Other fields are set as name=value, with quotes where there are spaces."),
            _("Send a photo with the command as its caption, several as an album, or reply to a picture with it."),
            _("What is missing, I ask for. /cancel ends that, or your latest run."),
            _("“spoiler=yes” covers the result. Original gives you a picture as the file that it was."),
        ]
        if not guest.is_private:
            lines.append(_("In this group I may hear only commands and replies to my messages."))
        await self._counter.say(guest, captions.plain("\n".join(lines)) + "\n\n" + await self._list(guest))

    async def _workflows(self, guest: Caller) -> None:
        await self._asking.begin(guest, FormState())

    async def _queue(self, guest: Caller) -> None:
        counts = await self._services.runs.counts()
        waiting = counts.get(State.WAITING, 0)
        running = sum(counts.values()) - waiting
        lines = [
            ngettext("{count} run under way", "{count} runs under way", running).format(count=running)
            + ", "
            + ngettext("{count} in line", "{count} in line", waiting).format(count=waiting)
        ]
        if guest.place.community:
            here = await self._services.runs.unfinished_in(f"{NAME}:{guest.place.community}", _SHOWN)
            lines += [await self._line(run, named=True) for run in here]
        else:
            lines += [await self._line(run) for run in await self._own(guest)]
        await self._counter.say(guest, captions.lines("\n".join(lines), captions.TEXT))

    async def _mine(self, guest: Caller) -> None:
        runs = await self._services.runs.last_of(guest.person, _SHOWN)
        lines = [_("Your latest runs"), *[await self._line(run) for run in runs]]
        if not runs:
            lines = [_("You have run nothing yet.")]
        await self._counter.say(guest, captions.lines("\n".join(lines), captions.TEXT))

    async def _cancel(self, guest: Caller) -> None:
        """End a draft, or else the latest run in this chat that has not ended."""
        if await self._asking.end(guest):
            words = _("Cancelled.")
        else:
            here = [run for run in await self._own(guest) if run.place.id == guest.place.id]
            done = bool(here) and await self._services.runs.cancel(here[0].id, guest.person)
            words = _("Cancelled: {run}").format(run=self._services.workflows.title(here[0].workflow)) if done else ""
        await self._counter.say(guest, captions.plain(words or _("There is nothing to cancel.")))

    async def _about(self, guest: Caller) -> None:
        words = _(
            "Darkroom runs ComfyUI workflows in chat. Your pictures, words and results are kept for a while, so that"
            " buttons work; other people do not see them here. You can have them deleted at any time."
        )
        keyboard = InlineKeyboardMarkup([[button(_("Delete my data"), FORGET)]])
        await self._counter.say(guest, captions.plain(words), keyboard)

    async def _forget(self, guest: Caller, message: int) -> None:
        count = await self._services.runs.forget(guest.person)
        for name in await self._counter.notes.starting(f"{storage_keys.DRAFT}{guest.person.id}:"):
            await self._counter.notes.drop(name)
        await self._counter.notes.drop(storage_keys.stranger(guest.person.id))
        words = ngettext("{count} run deleted, with its files.", "{count} runs deleted, with their files.", count)
        await self._counter.edit(guest.chat, message, captions.plain(words.format(count=count)))

    async def _try(self, guest: Caller) -> None:
        offer = await self._demo(guest)
        if offer is None:
            await self._workflows(guest)
            return
        name = next(each.name for each in offer.workflow.form().fields if each.is_media)
        values = {name: UploadedFile(_PHOTO, _PHOTO.name)}
        await self._counter.open(guest, RunRequest(offer.workflow.name, values, guest.person, guest.place))

    async def _demo(self, guest: Caller) -> WorkflowOffer | None:
        """A workflow that needs one picture and nothing else."""
        offers = await self._services.workflows.offers(guest.person, guest.place)
        fitting = [offer for offer in offers if offer.lacks is None and _needs_one_picture(offer)]
        return next((each for each in fitting if each.workflow.name == "poster"), fitting[0] if fitting else None)

    async def _list(self, guest: Caller) -> str:
        offers = await self._services.workflows.offers(guest.person, guest.place)
        lines = [
            f"/{command_of(each.workflow.name)} {captions.plain(each.workflow.description or each.workflow.title)}"
            for each in offers
            if each.lacks is None
        ]
        return "\n".join(lines)[: captions.TEXT - 1500]

    async def _own(self, guest: Caller) -> list[RunRecord]:
        return [run for run in await self._services.runs.last_of(guest.person, 50) if run.state in UNFINISHED]

    async def _line(self, run: RunRecord, *, named: bool = False) -> str:
        """A run in a line of a list."""
        words = self._services.workflows.title(run.workflow)
        if named:
            words = _("{title} for {name}").format(title=words, name=run.person.name or run.person.id)
        ago = _("{time} ago").format(time=seconds(time.time() - run.asked_at))
        return f"{words}: {await self._state(run)} · {ago}"

    async def _state(self, run: RunRecord) -> str:
        match run.state:
            case State.WAITING:
                place = await self._services.runs.position(run.id)
                return _("number {place} in line").format(place=place) if place else _("in line")
            case State.RUNNING | State.DELIVERING:
                return _("under way")
            case State.DONE:
                return _("done")
            case State.CANCELLED:
                return _("cancelled")
            case _:
                return _("failed")


def _needs_one_picture(offer: WorkflowOffer) -> bool:
    required = [each for each in offer.workflow.form().fields if each.required]
    return len(required) == 1 and required[0].kind is FieldKind.IMAGE
