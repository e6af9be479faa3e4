"""One attempt to execute a run that must not be lost: its steps are remembered, from the upload to the delivery."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from bot.core import events_log
from bot.core.error_text import explain, in_log, is_out_of_memory, trouble, went_away
from bot.core.errors import CannotRun, PlatformAway, StorageAway
from bot.core.execution.durable.step import FOLLOW, SUBMIT, DurableStep
from bot.core.execution.leased import AttemptLease, AttemptLost, LeasedReply
from bot.core.execution.payment import Payment
from bot.core.execution.results import result_of
from bot.core.execution.sending_order import SendingPlace
from bot.core.execution.steps import Execution, failure
from bot.core.execution.throttle import Shown, Throttle
from bot.core.media.blank import blank_words
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import (
    Cancelled,
    Delivering,
    Done,
    Failed,
    Held,
    Paused,
    Person,
    Queued,
    StoredFile,
)
from bot.core.port import show_status
from bot.core.retry import Pauses, retry
from bot.core.run import ExecutionEnd, HandedOver, Outcome, RunRecord, State, person_of
from bot.core.runs.locks import RunLocks
from bot.core.runs.queue import MOST_ATTEMPTS, RunQueue
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.runs.validation import InputFile, ValidatedRequest
from bot.core.servers.lease import Lease
from bot.core.storage.temporary import room, work_folder
from bot.core.traces.spans import attempt_key, follow_key, since, timed
from bot.core.workflows.form import FieldKind
from bot.core.workflows.identity.versions import WorkflowVersions
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.client import ComfyClient
from comfy.errors import (
    ComfyError,
    ExecutionFailed,
    FileMissing,
    HistoryCleared,
    PicturesLost,
    PromptRejected,
    PromptRemoved,
    ServerUnavailable,
    TimeLimitReached,
    UploadFailed,
    WorkerWedged,
)
from comfy.messages.files import input_folder
from comfy.prompt import Prompt
from comfy.scheduling.node_times import NodeTimes

_log = logging.getLogger(__name__)
_Kept = TypeVar("_Kept")
_AWAY = (ServerUnavailable, UploadFailed)  # the server gets no runs until it answers again
_TROUBLE = (*_AWAY, FileMissing)  # of one server, while another may do better
_MAY_PASS = (*_AWAY, StorageAway, PicturesLost)  # the next attempt may do better, on another server above all
_PAUSES = Pauses(1.0, 30.0)  # before something is kept again
_FAREWELL = 3.0  # seconds: a shutdown waits no longer for a chat
_SLACK = 1.25  # times the pause between two edits: what is heard can be shown at once
_DELIVERY_PAUSES = Pauses(5.0, 120.0, 725)  # before a result is delivered again: for about a day
_UPLOADS = 10_000  # files of which a server's names are remembered: about 2 MB


@dataclass(frozen=True)
class ExecutionContext:
    """The parts of the process that every attempt needs."""

    versions: WorkflowVersions
    records: RunRepository
    queue: RunQueue
    media: BlobStore
    replies: RunReplies
    links: SignedLinks
    lease: Lease
    keep_metadata: bool = False
    locks: RunLocks = field(default_factory=RunLocks)
    times: NodeTimes = field(default_factory=NodeTimes)

    def attempt_lease(self, run: RunRecord) -> AttemptLease:
        return AttemptLease(self.lease, self.records, run)

    def reply(self, run: RunRecord, lease: AttemptLease | None = None) -> LeasedReply:
        """The message of a run, rebuilt from its record, as far as this attempt may still speak."""
        lease = lease or self.attempt_lease(run)
        return LeasedReply(self.replies.to(run), run, lease, self.records, self.media, self.links)


class UploadCache:
    """The names that one server gave to our files, so that the same file is not sent to it twice.

    It remembers the files that were used last, and forgets the others: those are sent again.
    """

    def __init__(self, most: int = _UPLOADS) -> None:
        self._names: dict[str, str] = {}  # the file that was used last is at the end
        self._most = most
        self._users: dict[str, set[object]] = {}
        self._turns = WeakValueDictionary[str, asyncio.Lock]()

    def turn(self, key: str) -> asyncio.Lock:
        """Return the lock of those who may send a file: two at once would write over each other at the server."""
        return self._turns.setdefault(key, asyncio.Lock())

    def use(self, key: str, user: object) -> None:
        """Note that an attempt needs a file, until it leaves."""
        self._users.setdefault(key, set()).add(user)

    def leave(self, user: object) -> list[str]:
        """Note that an attempt needs its files no longer. Returns those that no other attempt needs, by their keys."""
        used = [key for key, users in self._users.items() if user in users]
        for key in used:
            self._users[key].discard(user)
        unused = [key for key in used if not self._users[key]]
        for key in unused:
            del self._users[key]
        return unused

    def name(self, key: str) -> str | None:
        name = self._names.get(key)
        if name is not None:
            self.note(key, name)
        return name

    def note(self, key: str, name: str) -> None:
        self._names.pop(key, None)
        self._names[key] = name
        if len(self._names) > self._most:
            del self._names[next(iter(self._names))]

    def drop(self, keys: Iterable[str]) -> list[str]:
        """Forget some files. Returns their names."""
        return [name for key in keys if (name := self._names.pop(key, None)) is not None]

    def __len__(self) -> int:
        return len(self._names)

    def forget(self) -> None:
        self._names.clear()


class Attempt:
    """`freed` is called as soon as the server has done its part, with whether what it took is worth to be learnt, and
    `troubled` before that where it gave trouble, or `stuck`
    where it does not stop what it was told to. `began` is called when the server begins a run that was ahead.

    `resumed` says that an earlier process may have begun the attempt, and that the prompt may be at the server already.
    """

    def __init__(
        self,
        context: ExecutionContext,
        run: RunRecord,
        client: ComfyClient,
        uploads: UploadCache,
        step: DurableStep,
        freed: Callable[[bool], None],
        troubled: Callable[[str], None],
        stuck: Callable[[str], None],
        began: Callable[[RunRecord], None],
        place: SendingPlace,
        *,
        resumed: bool,
    ) -> None:
        self._context, self._run, self._client, self._uploads = context, run, client, uploads
        self._step, self._told_free, self._began = step, freed, began
        self._troubled, self._stuck, self._place = troubled, stuck, place
        self._lease = context.attempt_lease(run)
        self._reply = context.reply(run, self._lease)
        self._resumed = resumed
        self._sent: dict[str, str] = {}  # the names of our files at the server, by their keys
        self._collected: dict[str, Path] = {}  # what came out and is still in the folder, by its key
        self._handed_over: HandedOver | None = None  # by this process
        self._is_over = False  # the server's part is on record for good, and its history may forget it
        self._execution: Execution | None = None
        #: Whether the server could execute the run; None if that is not known, or not its fault.
        self.went_well: bool | None = None
        #: The node at which the server went away, empty if it did not say; None if it did not, or had executed the run.
        self.went_away_at: str | None = None
        self._is_wanted_back = False
        self._payment = Payment(run, context.records, self._written, client.server.gone_after)

    async def make(self) -> None:
        """Go through the steps, from wherever an earlier process came to, to the end of the attempt."""
        with ExitStack() as stack:
            execution = self._prepared(Path())  # it has no folder and no workflow, and needs none to be cancelled
            self._note_wait()
            try:
                await self._context.locks.wait_until_free(self._run.id)
                folder = await self._written(partial(_made, stack))
                workflow = partial(self._context.versions.get, self._run.workflow, self._run.version)
                execution = self._execution = self._prepared(folder, await self._written(workflow))
                await self._written(self._lease.hold)
                await self._develop(execution, folder)
            except AttemptLost:
                self._place.leave()
                await self._give_up(execution)
            except asyncio.CancelledError:
                if not execution.was_sent:
                    self._place.leave()
                await self._stopped(execution)
            except Exception as error:  # noqa: BLE001 - the end of a run: whatever happened, its person hears of it
                self._place.leave()
                await self._ended(error, execution)
            await self._clear(execution)

    async def take_back(self) -> bool:
        """Let a run that is ahead wait in the queue again; False if its server has begun it, or does not answer."""
        if self._execution is None or not self._run.is_ahead:
            return False
        self._is_wanted_back = True
        if (
            self._run.attempt > 1 or self._resumed or self._execution.was_sent
        ):  # otherwise the server has no prompt of it
            try:
                self._is_wanted_back = await self._execution.withdraw()
            except ComfyError as fault:
                _log.info("run %s stays at %s: %s", self._run.id, self._run.server, fault)
                self._is_wanted_back = False
        if self._is_wanted_back:
            self._place.call_back()
        return self._is_wanted_back

    def _freed(self, learn: bool) -> None:
        self._place.leave()
        self._told_free(learn)

    def _prepared(self, folder: Path, workflow: Workflow | None = None) -> Execution:
        return Execution(
            self._client,
            self._checked(workflow or _unread(self._run)),
            folder,
            attempt=self._run.attempt,
            keep_metadata=self._context.keep_metadata,
            previews=self._run.brief().previews and self._reply.limits.previews,
            pace=self._reply.limits.interval * _SLACK,
            about_to_pay=self._payment.authorize,
            turn=self._turn,
            times=self._context.times.at(self._run.server or ""),
        )

    async def _develop(self, execution: Execution, folder: Path) -> None:
        outcome = self._run.outcome
        if outcome is None:
            async with Throttle(self._reply.show, self._reply.limits.interval, clock=time.monotonic) as throttle:
                warnings = await self._submitted(execution, folder)
                ended = await self._followed(execution, self._offer(throttle))
                self.went_well = self.went_well is not False
                self._freed(False)  # where it was an earlier process that followed it
                told = self._ended_with(ended)
                executed = await self._written(partial(self._context.records.executed, self._run, told))
                executed = executed or await self._executed_before()
                if executed is None:
                    return
                self._run = executed
                self._freed(False)  # by the records too: its person may have another run started now
                throttle.offer(Delivering())
                with self._timed("collect"):
                    outcome = await self._collect(execution, folder, [*warnings, *ended.warnings], ended.nothing_new)
                    is_done = await self._record(outcome, execution)
            if is_done is not None:
                if is_done:
                    await show_status(self._reply, Done())
                return
        else:
            self._freed(False)
        if self._run.review:
            if await self._written(partial(self._context.records.hold_result, self._run)):
                await show_status(self._reply, Held())
            return
        if not self._context.replies.has(self._run):
            await self._written(partial(self._context.records.leave, self._run))
            return
        with self._timed("deliver"):
            await self._deliver(outcome, folder)
            if await self._written(partial(self._context.records.end, self._run, State.DONE)):
                await show_status(self._reply, Done())

    async def _submitted(self, execution: Execution, folder: Path) -> tuple[str, ...]:
        """Submit it, and put on record that it was: where the server has lost it, that costs the run an attempt, so
        that a prompt which takes the whole machine down does so four times at most. That of a run which is ahead stands
        on record once its server begins it.
        """
        known = self._run.handed_over
        if known is not None and known.attempt == self._run.attempt:
            self._place.leave()
        else:
            with self._timed("submit"):
                known = await (self._submitted_again if self._resumed else self._submit)(execution, folder)
            self._place.leave()
            if not self._resumed:
                await self._note(known)
        execution.prompt_id = known.adopted or execution.prompt_id
        return known.warnings

    async def _note(self, handed_over: HandedOver) -> None:
        """Put on record that it was handed over. Where that fails, a resumed attempt asks the server."""
        self._handed_over = handed_over
        if self._run.is_ahead:
            return
        try:
            await self._context.records.hand_over(self._run, handed_over)
        except StorageAway as fault:
            _log.warning("run %s goes on, and it is not on record that it was submitted: %s", self._run.id, fault)

    async def _submitted_again(self, execution: Execution, folder: Path) -> HandedOver:
        """Submit it, unless the engine knows that an earlier process did. What the engine remembers has the form that
        all versions write.
        """

        async def work() -> str:
            sent = await self._submit(execution, folder)
            return json.dumps({"adopted": sent.adopted} if sent.adopted is not None else sent.warnings)

        kept = json.loads(await self._step(SUBMIT, work))
        if isinstance(kept, dict):  # the prompt of an earlier attempt
            return HandedOver(self._run.attempt, adopted=str(kept["adopted"]))
        return HandedOver(self._run.attempt, tuple(map(str, kept)))

    async def _followed(self, execution: Execution, offer: Callable[[Shown], None]) -> ExecutionEnd:
        """Follow it to its end, unless an earlier process did, by the records or by what its engine remembers."""
        if not self._resumed:
            return await self._follow(execution, offer)
        known = self._run.handed_over
        if known is not None and known.attempt == self._run.attempt and known.ended is not None:
            return known.ended

        async def work() -> str:
            ended = await self._follow(execution, offer)
            return json.dumps({"nothing_new": ended.nothing_new, "warnings": ended.warnings})

        kept = json.loads(await self._step(FOLLOW, work))
        return ExecutionEnd(kept["nothing_new"], tuple(kept["warnings"]))

    def _ended_with(self, ended: ExecutionEnd) -> HandedOver | None:
        """Return what the record does not say yet of an end; mostly nothing."""
        return replace(self._handed_over, ended=ended) if ended.warnings and self._handed_over is not None else None

    async def _submit(self, execution: Execution, folder: Path) -> HandedOver:
        attempt = self._run.attempt
        if self._resumed and await self._payment.patiently(partial(self._client.knows, execution.prompt_id)):
            return HandedOver(attempt)
        if await self._payment.patiently(execution.adopt):
            if self._is_wanted_back:
                await self.take_back()  # that was asked before this prompt was found
            return HandedOver(attempt, adopted=execution.prompt_id)
        if self._payment.posted:
            raise CannotRun(self._payment.in_vain(_("The server does not have this run any longer.")))
        known = any(self._uploads.name(stored.key) for stored in self._run.inputs.values())
        try:
            warnings = await self._sent_over(execution, folder)
        except PromptRejected:
            if not known:
                raise
            self._uploads.forget()  # the server's folder may have been emptied
            warnings = await self._sent_over(execution, folder)
        return HandedOver(attempt, warnings)

    async def _sent_over(self, execution: Execution, folder: Path) -> tuple[str, ...]:
        try:
            return await execution.submit(await self._upload(folder))
        except ComfyError as fault:
            await self._payment.refused(fault)
            if not isinstance(fault, ServerUnavailable) or not self._payment.posted:
                raise
            if not await self._payment.patiently(partial(self._client.knows, execution.prompt_id)):
                raise
            return ()  # only the answer was lost

    async def _turn(self) -> None:
        """Let a run that is ahead wait for those taken before it. Raises `PromptRemoved` if it is taken back."""
        if not self._run.is_ahead:
            return
        if not await self._place.wait():
            raise PromptRemoved(str(self._run.id))

    async def _upload(self, folder: Path) -> dict[str, str]:
        with self._timed("upload") if self._run.inputs else nullcontext():
            return await self._names_of_files(folder)

    async def _names_of_files(self, folder: Path) -> dict[str, str]:
        names = {}
        for name, stored in self._run.inputs.items():
            self._uploads.use(stored.key, self)
            async with self._uploads.turn(stored.key):
                sent = self._uploads.name(stored.key)
                if sent is None:
                    path = await self._context.media.fetch(stored.key, folder / Path(stored.key).name)
                    sent = (await self._client.upload_image(path, subfolder=input_folder(stored.kind))).input_value
                    self._uploads.note(stored.key, sent)
            names[name] = self._sent[stored.key] = sent
        return names

    async def _follow(self, execution: Execution, offer: Callable[[Shown], None]) -> ExecutionEnd:
        if execution.prompt is None:
            await execution.fill({name: file.filename for name, file in self._run.inputs.items()})
        try:
            with self._timed("follow", follow_key(self._run.attempt)):
                ended = await self._payment.patiently(partial(execution.follow, offer, self._begun, self._spent))
        except ExecutionFailed as failed:
            if self._is_tried_once_more(failed) or self._goes_on:
                raise
            ended, self.went_well = await execution.part_of(failed, self._payment.patiently), False
            await self._make_room(failed)
        except PromptRemoved as removed:
            if not self._resumed:
                raise
            raise ServerUnavailable(str(removed)) from removed  # it was lost while this process was away
        self._freed(not self._resumed and not ended.nothing_new and self.went_well is not False)
        return ended

    @property
    def _goes_on(self) -> bool:
        """True if another step of a recipe needs the result: a part of it may be the wrong one."""
        step = self._run.step
        return step is not None and step.number + 1 < step.count

    @property
    def _spent(self) -> float:
        """The seconds for which the server had the run before this process followed it."""
        run = self._run
        if not self._resumed or run.is_ahead or run.started_at is None:
            return 0.0
        return max(0.0, time.time() - run.started_at)

    async def _begun(self) -> None:
        """The server begins: a run that was ahead waits no longer. Raises `AttemptLost` if it was refused meanwhile."""
        if not self._run.is_ahead:
            return
        run = await self._written(partial(self._context.records.begin, self._run, self._handed_over))
        if run is None:
            raise AttemptLost
        self._run = run
        self._note_wait()
        self._began(run)
        await self._context.locks.wait_until_free(run.id)

    def _timed(self, name: str, key: str = "") -> AbstractContextManager[None]:
        """Record what is done in `with` in the trace of the run."""
        return timed(self._run.id, name, key=key, within=attempt_key(self._run.attempt))

    def _note_wait(self) -> None:
        """Record that a run has waited for its first attempt."""
        if self._run.attempt == 1 and not self._resumed and self._run.started_at is not None:
            since(self._run.id, "line", self._run.asked_at, self._run.started_at)

    def _offer(self, throttle: Throttle) -> Callable[[Shown], None]:
        """The callback for new statuses. Of a run that is ahead, the queue tells its person."""

        def offer(status: Shown) -> None:
            if not self._run.is_ahead:
                throttle.offer(status)

        return offer

    async def _collect(self, execution: Execution, folder: Path, warnings: list[str], nothing_new: bool) -> Outcome:
        """Put what came out where it outlives this process."""
        result = await self._payment.patiently(partial(self._written, partial(_with_room, execution.collect)))
        files = list[StoredFile]()
        for file in result.files:
            key = await self._written(partial(self._context.media.keep, file.path))
            files.append(StoredFile(key, file.filename, file.kind))
            self._collected[key] = file.path
        blank = await blank_words(result.files, partial(self._pictures_given, folder))
        return Outcome(tuple(files), result.texts, (*warnings, *result.warnings, *blank), nothing_new)

    async def _record(self, outcome: Outcome, execution: Execution) -> bool | None:
        """Put an outcome on record. Where nothing has to be sent, the run ends with it: then return whether it had not
        ended before. Else return None.
        """
        records, run, is_done = self._context.records, self._run, None
        if self._reply.limits.sends or run.review or not self._context.replies.has(run):
            await self._written(partial(records.save_outputs, run, outcome))
        else:
            is_done = await self._written(partial(records.end, run, State.DONE, outcome=outcome))
        self._is_over = True
        await self._clear(execution)
        return is_done

    async def _pictures_given(self, folder: Path) -> list[Path]:
        given = [stored.key for stored in self._run.inputs.values() if stored.kind == FieldKind.IMAGE]
        fetch = self._context.media.fetch
        return [await self._written(partial(fetch, key, folder / f"given-{Path(key).name}")) for key in given]

    async def _clear(self, execution: Execution) -> None:
        """Have our own engine delete the files of this attempt, but for those that another one needs: they are kept
        here, and only here can people delete them.
        """
        unused = self._uploads.leave(self)
        if self._client.server.clears_history and self._is_over:
            self._is_over = False
            await self._forget(execution)
        if not self._client.server.forgets:
            return
        inputs = {*(self._sent[key] for key in unused if key in self._sent), *self._uploads.drop(unused)}
        await self._forget(execution, inputs)

    async def _forget(self, execution: Execution, inputs: Iterable[str] = ()) -> None:
        try:
            await execution.forget(inputs)
        except ComfyError as fault:
            _log.warning("run %s: its server may still have what it was sent: %s", self._run.id, fault)

    async def _written(self, write: Callable[[], Awaitable[_Kept]]) -> _Kept:
        """Keep something as soon as that is possible, so that nothing was done in vain: a database may be locked,
        and a disk full, for a while.
        """
        return await retry(write, StorageAway, _PAUSES, f"run {self._run.id} waits until it can be written down")

    async def _deliver(self, outcome: Outcome, folder: Path) -> None:
        """Deliver the result. While its platform is away, it waits; a new process tries at once."""
        run, media, links = self._run, self._context.media, self._context.links
        result = await self._written(partial(result_of, run, outcome, media, links, folder, self._collected))
        what = f"run {run.id}: its result waits until it can be delivered"
        await retry(lambda: self._reply.deliver(result), PlatformAway, _DELIVERY_PAUSES, what)

    async def _stopped(self, execution: Execution) -> None:
        """Cancelled by a person, or only put aside because this process ends."""
        if not await self._written(self._lease.holds) or await self._waits_elsewhere():
            await self._give_up(execution)
            return
        by = await self._cancelled_by()
        if by is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await show_status(self._reply, Paused())
            raise asyncio.CancelledError
        await self._cancel(execution, by)

    async def _give_up(self, execution: Execution) -> None:
        """The run is no longer ours: let the server here stop, and put right what was said too late."""
        if not self._run.is_ahead:
            _log.warning("run %s, attempt %s: another worker has taken it over", self._run.id, self._run.attempt)
        await execution.cancel(whatever=True)
        self._freed(False)
        await self._written(self._reply.correct)

    async def _cancel(self, execution: Execution, by: Person) -> None:
        if not self._run.is_ahead:  # of one that is ahead, the person has heard already
            with self._timed("tell"):
                await show_status(self._reply, Cancelled(by))  # a node that does not listen may keep its server long
        sure = await execution.cancel(whatever=True)
        self._freed(False)
        if sure and execution.never_began:
            await self._payment.take_back()
        ended = await self._written(partial(self._context.records.end, self._run, State.CANCELLED))
        self._is_over = ended and sure
        if ended and not sure:
            unsure = _("It was cancelled, but the server could not be told: it may still be at work on it.")
            await show_status(self._reply, Failed(unsure))

    async def _ended(self, error: Exception, execution: Execution) -> None:
        """Bring a failed attempt to its end, also if it is cancelled meanwhile."""
        try:
            await self._failed(error, execution)
        except asyncio.CancelledError:
            await self._stopped(execution)

    async def _failed(self, error: Exception, execution: Execution) -> None:
        if isinstance(error, PromptRemoved) and self._is_wanted_back:
            self._freed(False)
            if await self._written(partial(self._context.queue.requeue, self._run, self._run.reason, None)):
                return  # else it was cancelled meanwhile, or has no attempts left
        if execution.holds_on:
            self._stuck(str(execution.prompt_id))
        elif isinstance(error, _AWAY) and not isinstance(error, HistoryCleared | WorkerWedged):
            self._troubled(str(execution.prompt_id))
            if self._handed_over is not None and self.went_well is None and not self._run.is_ahead:
                self.went_away_at = execution.at_work_on
        if isinstance(error, ExecutionFailed | WorkerWedged | UploadFailed | FileMissing):
            self.went_well = False
        self._freed(False)
        if (by := await self._cancelled_by()) is not None:
            await self._cancel(execution, by)
            return
        if isinstance(error, PromptRemoved):
            await self._payment.take_back()
        if self._payment.posted and isinstance(error, (*_TROUBLE, TimeLimitReached)):
            why = explain(error, self._run.id) if isinstance(error, TimeLimitReached) else None
            said = Failed(self._payment.in_vain(why or trouble(error, self._run.server or "")))
            await self._end(said, in_log(error))
        elif not await self._may_pass(error) or _is_paid(error) or not await self._again(error):
            await self._end(self._last_words(error, execution), in_log(error))

    def _last_words(self, error: Exception, execution: Execution) -> Failed:
        failed = failure(error, execution)
        return failed if self.went_away_at is None else Failed(went_away(self.went_away_at, self._run.tries))

    async def _end(self, said: Failed, cause: str) -> None:
        """Write the end down, and then tell the person. The log tells the cause."""
        if await self._written(partial(self._context.records.end, self._run, State.FAILED, said.sentence, cause)):
            self._is_over = True
            run = await self._written(partial(self._context.records.get, self._run.id))
            with self._timed("tell"):
                await show_status(self._reply, run.end if run is not None and run.end is not None else said)

    async def _may_pass(self, error: Exception) -> bool:
        """True if the next attempt may do better: a server that ran out of memory has its models unloaded first."""
        await self._make_room(error)
        return self._is_tried_once_more(error) or (isinstance(error, _MAY_PASS) and not isinstance(error, WorkerWedged))

    async def _make_room(self, error: Exception) -> None:
        """Unload the models of a server that ran out of memory."""
        if is_out_of_memory(error):
            with suppress(ComfyError):
                await self._client.free()
                events_log.models_unloaded(self._run.server or "", "out of memory")

    def _is_tried_once_more(self, error: Exception) -> bool:
        """True for what most likely happens again: no memory, no progress, or no file of what was made. It is tried a
        second time, unless it failed because of memory and may cost money again.
        """
        if is_out_of_memory(error):
            return self._run.tries == 1 and not self._payment.posted
        return isinstance(error, WorkerWedged | FileMissing) and self._run.tries == 1

    async def _again(self, error: Exception) -> bool:
        """Say why, and let the run wait for another attempt; False where this was the last."""
        run = self._run
        if not run.is_ahead and run.tries >= MOST_ATTEMPTS:
            return False
        _log.info("run %s, attempt %s, on %s: %s", run.id, run.attempt, run.server, error)
        at_fault = None if isinstance(error, StorageAway | PicturesLost) else run.server
        reason = str(error) if isinstance(error, StorageAway) else trouble(error, run.server or "")
        if not await self._written(partial(self._context.queue.requeue, run, reason, at_fault)):
            return False
        async with self._context.locks.hold(run.id):
            if await self._context.queue.is_queued(run.id):
                await show_status(self._context.reply(replace(run, attempt=run.attempt + 1)), Queued(reason=reason))
        return True

    async def _waits_elsewhere(self) -> bool:
        """True if a run that was ahead is held, was refused, or was given to another worker."""
        if not self._run.is_ahead:
            return False
        run = await self._written(partial(self._context.records.get, self._run.id))
        return run is None or (run.worker != self._run.worker and run.cancelled_by is None)

    async def _cancelled_by(self) -> Person | None:
        run = await self._written(partial(self._context.records.get, self._run.id))
        return person_of(run.cancelled_by) if run is not None and run.cancelled_by else None

    async def _executed_before(self) -> RunRecord | None:
        """Return the record if this attempt delivers the run already; another process may have taken it over or
        finished it.
        """
        run = await self._context.records.get(self._run.id)
        is_ours = run is not None and run.attempt == self._run.attempt and run.state is State.DELIVERING
        return run if is_ours else None

    def _checked(self, workflow: Workflow) -> ValidatedRequest:
        run = self._run
        media = {
            name: InputFile(Path(file.key), file.filename, FieldKind(file.kind)) for name, file in run.inputs.items()
        }
        return ValidatedRequest(workflow, run.values, media, run.stem, run.kind, run.person, UUID(run.id))


def _unread(run: RunRecord) -> Workflow:
    """Stands for a workflow that is not read yet: enough to cancel with, and never sent."""
    return Workflow(run.workflow, "", "", Prompt({"0": {"class_type": "Nothing", "inputs": {}}}))


def _is_paid(error: Exception) -> bool:
    """True if it must not be made again by itself, because that costs money."""
    return isinstance(error, PicturesLost) and error.paid


async def _with_room(work: Callable[[], Awaitable[_Kept]]) -> _Kept:
    """Raises `DiskFull`."""
    with room():
        return await work()


async def _made(stack: ExitStack) -> Path:
    """A folder for the files of an attempt. Raises `DiskFull`."""
    return stack.enter_context(work_folder())
