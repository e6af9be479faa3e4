"""The buttons of runs: what each does, and who may press it."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

from bot.core.errors import UserError
from bot.core.model import ResultFile, RunRequest, StoredFile
from bot.core.platform import Button, ButtonPress, RunRecord, missing, work_folder
from bot.core.status_text import seconds
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Unconfirmed
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME, Chat
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import CallbackAction, CallbackData
from bot.platforms.telegram.runs.erasing import MessageEraser
from bot.platforms.telegram.runs.media import LOCAL_UPLOAD, UPLOAD, OutgoingMedia, Way, size_of, too_large


class RunButtons:
    """Does what the buttons of a run say."""

    def __init__(self, responder: Responder, asking: FormDialog) -> None:
        self._responder, self._services, self._asking = responder, responder.services, asking
        self._eraser = MessageEraser(responder)

    async def run(self, caller: Caller, press: CallbackData) -> RunRecord | None:
        """The run that a button is of; else the one whose message it stands below."""
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
        if below is not None and below.id != run.id:
            raise UserError(_("This button is of another message."))  # forged: no run's message has another's buttons
        present = run.place.platform == NAME and Chat.read(run.address.chat).id in await self._chats(caller)
        await self._services.runs.check_press(
            ButtonPress(
                Button[press.act.name],
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

    async def press(self, caller: Caller, press: CallbackData, run: RunRecord) -> None:
        """Do it. Raises `UserError`."""
        match press.act:
            case CallbackAction.CANCEL:
                await self._services.runs.cancel(run.id, caller.person)
            case CallbackAction.AGAIN:
                await self._responder.open(caller, await self._again(caller, run), hidden=await self._is_hidden(run))
            case CallbackAction.CHANGE:
                await self._asking.begin(caller, await self._changed(caller, run))
            case CallbackAction.USE:
                await self._asking.begin(caller, FormState(spare=self._pictures(caller, run)))
            case CallbackAction.ORIGINAL:
                await self._send_originals(caller, run)
            case CallbackAction.DETAILS:
                await self._tell_details(caller, run)
            case CallbackAction.DELETE:
                await self._delete(caller, run)

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

    def _pictures(self, caller: Caller, run: RunRecord) -> tuple[StoredFile, ...]:
        files = self._files(caller, run)
        pictures = tuple(file for file in files if file.kind == "image")
        if not pictures and not missing():
            pictures = tuple(file for file in files if file.kind == "video")
        if not pictures:
            raise UserError(_("There is no picture in this result. Choose a result with a picture."))
        return pictures

    async def _is_hidden(self, run: RunRecord) -> bool:
        name = storage_keys.spoiler(Chat.read(run.address.chat), int(run.address.message))
        return bool(await self._responder.notes.get(name))

    async def _send_originals(self, caller: Caller, run: RunRecord) -> None:
        files = self._files(caller, run)
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
        text = "\n".join(_details(run, self._services.workflows.title(run.workflow)))
        if captions.units(text) <= captions.TEXT:
            await self._responder.say(caller, captions.lines(text, captions.TEXT))
            return
        api = self._responder.api
        await api.ask(
            caller.chat,
            lambda chat: api.bot.send_document(
                chat, BytesIO(text.encode()), filename="details.txt", message_thread_id=caller.chat.topic
            ),
        )

    async def _delete(self, caller: Caller, run: RunRecord) -> None:
        """Delete a run with its messages and copies, and say which of them stay."""
        await self._services.runs.delete(run.id, caller.person)
        stay = await self._eraser.erase_copies_of(run)
        name = storage_keys.album(run.id)
        for group in await self._responder.notes.get(name) or ():
            for message in group:
                if not await self._eraser.erase(caller.chat, message):
                    stay.append((caller.chat, message))
                await self._responder.notes.drop(storage_keys.part(caller.chat, message))
        await self._responder.notes.drop(name)
        if caller.message is not None and not await self._eraser.erase(caller.chat, caller.message):
            stay.append((caller.chat, caller.message))
        await self._eraser.tell(caller, stay)


def _details(run: RunRecord, title: str) -> list[str]:
    """Everything that is known of a run, a line each."""
    lines = [_("{title} for {name}").format(title=title, name=run.person.name or run.person.id)]
    lines += [f"{name}: {value}" for name, value in run.values.items()]
    if run.wording is not None:
        lines += [
            _("{name}, as written: {text}").format(name=name, text=text) for name, text in run.wording.written.items()
        ]
    lines += [f"{name}: {file.filename}" for name, file in run.inputs.items()]
    if run.took is not None:
        lines.append(_("took {time}").format(time=seconds(run.took)))
    if run.waited is not None:
        lines.append(_("waited {time}").format(time=seconds(run.waited)))
    lines += [*run.shown.texts, *run.shown.warnings, *(file.filename for file in run.shown.files)]
    return [*lines, run.id]
