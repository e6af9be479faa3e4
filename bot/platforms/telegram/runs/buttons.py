"""The buttons of runs: what each does, and who may press it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from telegram import InlineKeyboardMarkup

from bot.core.errors import DeliveryFailed, UserError
from bot.core.model import ResultFile, RunRequest, StoredFile
from bot.core.platform import Button, ButtonPress, RunRecord, missing, work_folder
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Gone, Unchanged, Unconfirmed, Unsuitable
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME, Chat
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import callback_data, captions
from bot.platforms.telegram.runs.callback_data import CallbackAction, CallbackData
from bot.platforms.telegram.runs.erasing import MessageEraser, tell
from bot.platforms.telegram.runs.media import LOCAL_UPLOAD, UPLOAD, OutgoingMedia, Way, size_of, too_large

_PICTURES = 50  # that a question lists


class RunButtons:
    """Does what the buttons of a run say."""

    def __init__(self, responder: Responder, asking: FormDialog) -> None:
        self._responder, self._services, self._asking = responder, responder.services, asking
        self._eraser = MessageEraser(responder.api, responder.notes)

    async def run(self, caller: Caller, press: CallbackData) -> RunRecord | None:
        """The run that a button is of; else the one whose message it stands below."""
        if press.act.is_for_all:
            return next(iter(await self._services.groups.cells(press.run_id)), None)
        named = await self._services.runs.get(press.run_id) if press.run_id else None
        return named or (await self._responder.run_at(caller.chat, caller.message))[0]

    async def check(self, caller: Caller, press: CallbackData, run: RunRecord | None) -> RunRecord:
        """Return the run, if it is there and this person may do that to it. Raises `UserError`.

        A button works in the chat of its message, and anywhere for the one whose run it is: its data may be forged.
        """
        if run is None and press.act is CallbackAction.CANCEL:
            raise UserError(_("It is not in line yet: press again in a moment."))
        if run is None:
            raise UserError(_("This run has been deleted. Please start a new one."))
        below, _number = await self._responder.run_at(caller.chat, caller.message)
        if below is not None and below.id != run.id and (below.group_id is None or below.group_id != run.group_id):
            raise UserError(_("This button is of another message."))  # forged: no run's message has another's buttons
        present = run.place.platform == NAME and Chat.read(run.address.chat).id in await self._chats(caller)
        await self._services.runs.check_press(
            ButtonPress(
                Button[press.act.name.removesuffix("_ALL")],
                caller.person,
                caller.place,
                openly=True,
                writes=caller.writes,
                present=present,
            ),
            run,
        )
        return run

    async def _chats(self, caller: Caller) -> tuple[int, ...]:
        """The chat that a person is in, and what it was before it became a supergroup."""
        before = await self._responder.notes.get(storage_keys.migrated(caller.chat.id))
        return (caller.chat.id,) if before is None else (caller.chat.id, int(before))

    async def report(self, caller: Caller, run: RunRecord) -> str:
        """Report a result, after `check`. The answer is for the one who pressed alone. Raises `UserError`."""
        return await self._services.moderation.reports.report(caller.person, caller.place, run)

    async def hand_out_link(self, caller: Caller, run: RunRecord) -> str:
        """Send the one who pressed, after `check`, the link with which a mask is drawn, in the chat with them alone.
        Return what is left to be said. Raises `UserError`.
        """
        masks, chat = self._services.masks, Chat(int(caller.person.id))
        text = f"{masks.words()}\n{await masks.link(run, caller.person, caller.place)}"
        try:
            await self._responder.api.send(chat, captions.plain(text))
        except (Gone, Unsuitable, DeliveryFailed) as fault:
            words = _("I cannot write to you in private. Open a chat with me, press Start, and press this again.")
            raise UserError(words) from fault
        return "" if caller.is_private else _("I have sent you the link in our private chat.")

    async def press(self, caller: Caller, press: CallbackData, run: RunRecord) -> None:
        """Do it. Raises `UserError`."""
        if press.act.is_for_all:
            await self._press_all(caller, press, run)
            return
        match press.act:
            case CallbackAction.NUMBER if run.group_id is None:
                await self._open_part(caller, run, press.number)
            case CallbackAction.NUMBER:
                await self._open_number(caller, run)
            case CallbackAction.VARY:
                varied = await self._services.groups.vary(run.id, caller.person, caller.place)
                await self._responder.open(caller, varied, hidden=await self._is_hidden(run))
            case CallbackAction.DELETE if run.group_id is not None:
                await self._delete_cell(caller, run)
            case CallbackAction.CANCEL:
                await self._services.runs.cancel(run.id, caller.person)
            case CallbackAction.AGAIN:
                await self._responder.open(caller, await self._again(caller, run), hidden=await self._is_hidden(run))
            case CallbackAction.CHANGE:
                await self._asking.begin(caller, await self._changed(caller, run))
            case CallbackAction.USE:
                await self._use(caller, run, press.number)
            case CallbackAction.ORIGINAL:
                await self._send_originals(caller, run, press.number)
            case CallbackAction.DETAILS:
                await self._tell_details(caller, run)
            case CallbackAction.DELETE:
                await self._delete(caller, run)

    async def _press_all(self, caller: Caller, press: CallbackData, run: RunRecord) -> None:
        """Do what a button says to a group, of which the run is one."""
        groups, group = self._services.groups, press.run_id
        match press.act:
            case CallbackAction.CANCEL_ALL:
                await groups.cancel(group, caller.person)
            case CallbackAction.AGAIN_ALL:
                again = await groups.again(group, caller.person, caller.place)
                await self._responder.open(caller, again, hidden=await self._is_hidden(run))
            case CallbackAction.RESUME_ALL:
                onward = await groups.resumed(group, caller.person, caller.place)
                await self._responder.open(caller, onward, hidden=await self._is_hidden(run))
            case CallbackAction.CHOOSE_ALL:
                await groups.choose(group, press.number, caller.person)
            case CallbackAction.CHANGE_ALL:
                draft = FormState.of(await groups.changed(group, caller.person, caller.place))
                await self._asking.begin(caller, replace(draft, hidden=await self._is_hidden(run)))
            case CallbackAction.ORIGINAL_ALL:
                for each in await groups.cells(group):
                    if self._files(caller, each):
                        await self._send_originals(caller, each)
            case CallbackAction.DELETE_ALL:
                await self._delete_all(caller, group)

    async def _open_number(self, caller: Caller, run: RunRecord) -> None:
        """Show the buttons of one run of a group in the place of those of another one."""
        summary = await self._services.groups.summary(run.group_id or "")
        if summary is None or caller.message is None or not summary.has_ended:
            return
        resumable = summary.resumable
        keyboard = callback_data.group_ended(summary.id, summary.cells, run.id, original=True, resumable=resumable)
        await self._show_keyboard(caller, keyboard)

    async def _show_keyboard(self, caller: Caller, keyboard: InlineKeyboardMarkup) -> None:
        async def edit(chat: int) -> None:
            await self._responder.api.bot.edit_message_reply_markup(chat, caller.message, reply_markup=keyboard)

        with suppress(Unchanged):
            await self._responder.api.ask(caller.chat, edit, message=caller.message)

    async def _open_part(self, caller: Caller, run: RunRecord, number: int) -> None:
        """Show the buttons of one of several files in the place of those of all."""
        files = self._files(caller, run)
        if not 0 < number <= len(files) or caller.message is None:
            raise UserError(_("There are no files of this run."))
        usable = _usable(files)
        use = usable.index(files[number - 1]) + 1 if files[number - 1] in usable else 0
        brief = self._services.runs.summary(run)
        keyboard = callback_data.part_opened(
            run.id, len(files), number, varies=brief.varies, use=use, masks=brief.masks
        )
        await self._show_keyboard(caller, keyboard)

    async def _delete_cell(self, caller: Caller, run: RunRecord) -> None:
        """Delete one run of a group with its pictures; with the last result, all of the group."""
        group = run.group_id or ""
        others = [each for each in await self._services.groups.cells(group) if each.id != run.id]
        if not any(each.shown.files or each.shown.texts for each in others):
            await self._delete_all(caller, group)
            return
        await self._services.groups.delete_cell(run, caller.person)
        stay = await self._eraser.erase_cells(caller.chat, run.person, group, [run.id])
        await tell(self._responder, caller, stay)

    async def _delete_all(self, caller: Caller, group: str) -> None:
        """Delete a group with its messages and copies, and say which of them stay."""
        cells = await self._services.groups.cells(group)
        await self._services.groups.delete(group, caller.person)
        stay = await self._eraser.erase_cells(caller.chat, cells[0].person, group, [run.id for run in cells])
        await self._responder.notes.drop(storage_keys.album(group))
        if caller.message is not None and not await self._eraser.erase(caller.chat, caller.message):
            stay.append((caller.chat, caller.message))
        await tell(self._responder, caller, stay)

    async def _again(self, caller: Caller, run: RunRecord) -> RunRequest:
        return await self._services.runs.again(run.id, caller.person, caller.place, {})

    async def _changed(self, caller: Caller, run: RunRecord) -> FormState:
        person, place = caller.person, caller.place
        draft = FormState.of(await self._services.runs.changed(run.id, person, place))
        news = await self._services.workflows.changes_since(run.workflow, run.version, person, place)
        return replace(draft, hidden=await self._is_hidden(run), news=news)

    def _files(self, caller: Caller, run: RunRecord) -> tuple[StoredFile, ...]:
        """The result's files: `check` has let in only people who see its message, and the run's own person."""
        return self._services.runs.files_for(run, caller.person, present=True)

    async def _use(self, caller: Caller, run: RunRecord, number: int) -> None:
        """Ask what shall become of a picture, and first which of several is meant."""
        pictures = self._pictures(caller, run)
        if len(pictures) > 1 and not 0 < number <= len(pictures):
            keyboard = callback_data.which(CallbackAction.USE, run.id, min(len(pictures), _PICTURES))
            await self._responder.say(caller, captions.plain(_("Which of them?")), keyboard)
            return
        below, _part = await self._responder.run_at(caller.chat, caller.message)
        if number and caller.message is not None and below is None:  # the question has been answered
            await self._responder.remove(caller.chat, caller.message)
        await self._asking.begin(caller, FormState(spare=(pictures[max(0, number - 1)],), after=run.workflow))

    def _pictures(self, caller: Caller, run: RunRecord) -> tuple[StoredFile, ...]:
        pictures = _usable(self._files(caller, run))
        if not pictures:
            raise UserError(_("There is no picture in this result. Choose a result with a picture."))
        return pictures

    async def _is_hidden(self, run: RunRecord) -> bool:
        name = storage_keys.spoiler(Chat.read(run.address.chat), int(run.address.message))
        return bool(await self._responder.notes.get(name))

    async def _send_originals(self, caller: Caller, run: RunRecord, only: int = 0) -> None:
        """Send the files as they were made, or only one of them, by its number from 1."""
        files = self._files(caller, run)
        files = files[only - 1 : only] if only else files
        if not files:
            raise UserError(_("There are no files of this run."))
        most = LOCAL_UPLOAD if self._responder.api.local else UPLOAD
        with work_folder() as folder:
            for number, file in enumerate(files, 1):
                path = folder / f"{number}{Path(file.key).suffix}"
                found = ResultFile(await self._services.files.fetch(file, path), file.filename, file.kind)
                if (size := await size_of(found.path)) > most:
                    await self._responder.say(caller, captions.plain(too_large(found, size, most)))
                else:
                    await self._send_original(caller, run, found)

    async def _send_original(self, caller: Caller, run: RunRecord, file: ResultFile) -> None:
        api, topic, below = self._responder.api, caller.chat.topic, caller.message
        media = OutgoingMedia(file, Way.DOCUMENT)
        try:
            sent = await api.ask(
                caller.chat, lambda chat: media.post(api, chat, topic=topic, reply_to=below), once=True
            )
            await self._eraser.note_copy(run, caller.chat, sent.message_id)
        except Unconfirmed:
            words = _("Telegram has not said whether it took {name}: if it does not come, press Original again.")
            await self._responder.say(caller, captions.plain(words.format(name=file.filename)))

    async def _tell_details(self, caller: Caller, run: RunRecord) -> None:
        details = self._services.runs.details(run)
        below = None if caller.is_private else callback_data.reporting(run.id)
        if captions.units(details.text) <= captions.TEXT:
            await self._responder.say(caller, captions.of_details(details), below)
            return
        api = self._responder.api
        await api.ask(
            caller.chat,
            lambda chat: api.bot.send_document(
                chat, BytesIO(details.text.encode()), filename="details.txt", message_thread_id=caller.chat.topic
            ),
        )

    async def _delete(self, caller: Caller, run: RunRecord) -> None:
        """Delete a run with its messages and copies, and say which of them stay."""
        await self._services.runs.delete(run.id, caller.person)
        stay = await self._eraser.erase_run(caller.chat, caller.message, run.person, run.id)
        await tell(self._responder, caller, stay)


def _usable(files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
    """The pictures, or where there are none, the films whose last picture can be used."""
    pictures = tuple(file for file in files if file.kind == "image")
    if pictures or missing():
        return pictures
    return tuple(file for file in files if file.kind == "video")
