"""One run, from its place in line to the delivered picture."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID, uuid5

from bot.core.error_text import explain, in_log, warning, without_paths
from bot.core.errors import BadResult, CannotRun, DeliveryFailed, StorageFailed, UserError
from bot.core.execution.collection import ResultFetcher, SentFiles
from bot.core.execution.progress import ProgressTracker
from bot.core.execution.submission import execution_targets, extra_data
from bot.core.execution.throttle import Shown, Throttle, Ticker
from bot.core.media.blank import blank_words
from bot.core.model import Cancelled, Delivering, Done, Failed, Queued, Result, ResultFile, Status
from bot.core.port import Reply, show_status
from bot.core.run import ExecutionEnd
from bot.core.traces.phases import PromptPhases
from bot.core.traces.spans import follow_key
from bot.i18n import _
from comfy.client import ComfyClient
from comfy.errors import (
    ComfyError,
    ExecutionFailed,
    FileMissing,
    NodeError,
    PicturesLost,
    TimeLimitReached,
    WorkerWedged,
)
from comfy.http import Submission
from comfy.messages.events import (
    Event,
    Executing,
    ExecutionBlocked,
    ExecutionError,
    ExecutionSuccess,
    PictureSent,
    PromptQueued,
)
from comfy.messages.files import Kind, input_folder
from comfy.messages.history import Record
from comfy.object_info import ObjectInfo
from comfy.prices import paid_nodes
from comfy.prompt import Prompt
from comfy.scheduling.node_times import ServerTimes
from comfy.server import PromptLimits
from comfy.tracking.poller import PromptEnded, PromptRunning, PromptWaiting, Sighting
from comfy.tracking.sent_pictures import senders_of
from comfy.tracking.subscription import PACE

if TYPE_CHECKING:
    from bot.core.runs.validation import ValidatedRequest

_log = logging.getLogger(__name__)
#: Asks a server for the record of a prompt, and waits while it is away.
Patience: TypeAlias = Callable[[Callable[[], Awaitable[Record]]], Awaitable[Record]]
_MOST_ATTEMPTS = 3  # of a whole execution, where pictures that were sent are lost
_SHORT = 30  # nodes of a prompt that is made at once: a thread would take longer
_SLOWEST = 0.25  # seconds between two steps that are heard: when they came tells how long the next ones take
_MORE = 1.1  # times the pace of a platform: so what is heard can be shown at once
_CANCEL_PATIENCE = 10.0  # seconds for the server to end a prompt that was cancelled


async def _at_once(ask: Callable[[], Awaitable[Record]]) -> Record:
    return await ask()


class Execution:
    """One run on one server, step by step. Each step may be asked for again without harm: uploads are named by their
    content, and the prompt's id is derived from the run's id and the attempt.
    """

    def __init__(
        self,
        client: ComfyClient,
        run: ValidatedRequest,
        folder: Path,
        *,
        attempt: int = 1,
        keep_metadata: bool = False,
        previews: bool = True,
        pace: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        about_to_pay: Callable[[Prompt, ObjectInfo], Awaitable[None]] | None = None,
        turn: Callable[[], Awaitable[None]] | None = None,
        times: ServerTimes | None = None,
    ) -> None:
        """`folder` keeps files on their way; it is the caller's to empty. `previews`: they are shown to people.
        A platform shows something new at most each `pace` seconds.
        `about_to_pay` is awaited before a prompt is posted that costs money, and raises if it must not be. `turn`
        is awaited before any is posted. `times` are those of the server's nodes.
        """
        self.run = run
        self._begin(attempt)
        self.prompt: Prompt | None = None
        self._sent = SentFiles(folder, client.server.largest_file)
        self._targets: tuple[str, ...] = ()
        self._extra: dict[str, Any] = {}
        self._fetcher = ResultFetcher(client, run, folder, keep_metadata)
        self._client, self._previews, self._clock = client, previews, clock
        self._pace = min(max(PACE, _MORE * pace), _SLOWEST)
        self._submission: asyncio.Task[Submission] | None = None
        self._about_to_pay, self._turn, self._times = about_to_pay, turn, times
        self._info: ObjectInfo | None = None
        #: True if the server was told to stop the prompt, and goes on with it.
        self.holds_on = False
        self._paid, self._began = False, False  # whether the prompt costs money, and whether the server has begun it
        #: The title of the node that the server began last; empty if none is known.
        self.at_work_on = ""

    def _begin(self, attempt: int) -> None:
        self._attempt = attempt
        self.prompt_id, *self._earlier = prompt_ids(self.run.id, attempt)
        self._heard = frozenset[str]()  # nodes whose sent pictures are all here

    def begin_again(self) -> None:
        """Go on with a further attempt, which has a prompt of its own."""
        self._begin(self._attempt + 1)
        self._sent.forget()

    async def upload(self) -> dict[str, str]:
        """Send the run's files; the name of each at the server, by field."""
        names: dict[Path, str] = {}
        for given in self.run.media.values():
            if given.path not in names:
                folder = input_folder(given.kind)
                names[given.path] = (await self._client.upload_image(given.path, subfolder=folder)).input_value
        return {field: names[given.path] for field, given in self.run.media.items()}

    async def adopt(self) -> bool:
        """Go on with the prompt of an earlier attempt if this server still has it: it was only out of reach. False if
        it must be submitted. What the last attempt but one left in the history may be what that one could not use.

        Raises `PicturesLost` if that prompt costs money and its results cannot come to us.
        """
        for prompt_id in self._earlier:
            match await self._client.find(prompt_id):
                case sighting if self._senders():
                    await self._abandon(prompt_id, sighting)
                case PromptWaiting() | PromptRunning():
                    self.prompt_id = prompt_id
                    return True
                case PromptEnded(Record(end=ExecutionSuccess())) if prompt_id == self._earlier[0]:
                    self.prompt_id = prompt_id
                    return True
        return False

    async def _abandon(self, prompt_id: str, sighting: Sighting) -> None:
        """End a prompt whose pictures go to a connection that is lost. Raises `PicturesLost`."""
        began = isinstance(sighting, PromptRunning | PromptEnded)
        if began and not (isinstance(sighting, PromptEnded) and not isinstance(sighting.record.end, ExecutionSuccess)):
            lost = await self._lost()
            if lost.paid:
                raise lost
        if isinstance(sighting, PromptWaiting | PromptRunning):
            await self._client.cancel(prompt_id)

    async def submit(self, names: Mapping[str, str]) -> tuple[str, ...]:
        """Hand the filled prompt over; warnings. `names` are those of the files at the server.

        It is sent to its end even when cancelled meanwhile, so that it is known what there is to cancel.
        """
        prompt = await self.fill(names)
        submission = await asyncio.shield(await self._send(prompt, self.prompt_id))
        return tuple(warning(fault, prompt) for fault in submission.warnings if not self._is_known(fault))

    def _is_known(self, fault: NodeError) -> bool:
        """True if the author has left a branch without an input, such as by muting a node. The person can do nothing
        about that, and `darkroom check` tells it to the operator.
        """
        graph = self.run.workflow.prompt
        is_missing = fault.type == "required_input_missing" and fault.node_id in graph
        return is_missing and (fault.input_name or fault.details) not in graph[fault.node_id].inputs

    async def _send(self, prompt: Prompt, prompt_id: str) -> asyncio.Task[Submission]:
        info, targets, extra = await self._client.object_info(), self._targets, self._extra
        self._paid = bool(paid_nodes(prompt, info))
        if self._paid:
            self._check_account()
            if self._about_to_pay is not None:
                await self._about_to_pay(prompt, info)
        if self._turn is not None:
            await self._turn()
        sending = self._client.submit(prompt, prompt_id=prompt_id, extra_data=extra, targets=targets, paid=self._paid)
        self._submission = asyncio.create_task(sending)
        return self._submission

    async def fill(self, names: Mapping[str, str]) -> Prompt:
        """The prompt with the run's values in it."""
        info = self._info = await self._client.object_info()
        fill = partial(self._filled, {**self.run.values, **names}, info)
        is_short = len(self.run.workflow.prompt) <= _SHORT and self.run.workflow.source is None
        prompt, self._extra = fill() if is_short else await asyncio.to_thread(fill)
        self.prompt, self._targets = prompt, execution_targets(prompt, self.run.workflow.outputs, info)
        return prompt

    def _filled(self, values: Mapping[str, Any], info: ObjectInfo) -> tuple[Prompt, dict[str, Any]]:
        """Return the prompt with these values, and what is sent beside it."""
        prompt = self.run.workflow.fill(values, info)
        return prompt, extra_data(prompt, info, self.run.workflow.source, previews=self._previews)

    async def follow(
        self,
        offer: Callable[[Shown], None],
        begun: Callable[[], Awaitable[None]] | None = None,
        spent: float = 0.0,
    ) -> ExecutionEnd:
        """Wait for the prompt's end, and offer every status on the way. `begun` is awaited when the server begins; it
        may have executed it for so many seconds already. A prompt that takes longer than it may is stopped.
        """
        try:
            return await self._follow(offer, begun, spent)
        except (TimeLimitReached, WorkerWedged):
            self.holds_on = not await self.cancel(whatever=True)
            raise

    async def _follow(
        self, offer: Callable[[Shown], None], begun: Callable[[], Awaitable[None]] | None, spent: float
    ) -> ExecutionEnd:
        workflow = self.run.workflow
        limits = PromptLimits(workflow.time_limit, workflow.stall_limit, spent)
        prompt = self.prompt or self.run.workflow.prompt
        part = prompt.part_for(self._targets) if self._targets else prompt
        progress = ProgressTracker(part, self._clock, self._info, self._times, previews=self._previews)
        warnings, nothing_new = list[str](), False
        events: AsyncGenerator[Event] = self._client.follow(self.prompt_id, limits, self._pace)
        phases = PromptPhases(str(self.run.id), follow_key(self._attempt), part)
        async with aclosing(events), Ticker(lambda: offer(progress.now)) as ticker, phases:
            async for event in events:
                phases.note(event)
                if not self._began and not isinstance(event, PromptQueued):
                    self._began = True
                    if begun is not None:
                        await begun()
                if isinstance(event, Executing) and (node := event.display_node or event.node) in part:
                    self.at_work_on = part[str(node)].title
                elif isinstance(event, ExecutionBlocked):
                    warnings.append(without_paths(event.message) or _("A part of the workflow was blocked."))
                elif isinstance(event, PictureSent):
                    await self._sent.keep(event)
                elif isinstance(event, ExecutionSuccess):
                    nothing_new, self._heard = event.cached, frozenset(event.sent)
                if (status := progress.fold(event)) is not None:
                    ticker.note(ticks=callable(status))
                    offer(status)
        return ExecutionEnd(nothing_new, tuple(warnings))

    async def part_of(self, failed: ExecutionFailed, patiently: Patience = _at_once) -> ExecutionEnd:
        """Return the end of a run in which a node failed after others had saved files: these are its result, and the
        error becomes a warning. Raises the error if nothing was saved, or `patiently` asking the server is in vain.
        """
        try:
            record = await patiently(partial(self._client.collect, self.prompt_id))
        except ComfyError as fault:
            raise failed from fault
        if not self._fetcher.saved(record):
            raise failed
        _log.info("run %s has a part of its result: %s", self.run.id, in_log(failed))
        words = _("This is only a part of the result. {reason}")
        return ExecutionEnd(warnings=(words.format(reason=explain(failed, str(self.run.id), self.prompt)),))

    async def collect(self) -> Result:
        """Fetch all that came out; if a node failed, what was saved before. Raises `BadResult` if none of it can be
        delivered, and `PicturesLost` if pictures that were sent have not come.
        """
        record = await self._client.collect(self.prompt_id)
        if isinstance(record.end, ExecutionError):
            saved = replace(record, outputs=(*self._fetcher.saved(record), *record.texts))
            return await self._result(saved, await self._fetcher.fetch(saved, self._sent))
        if (senders := self._senders()) & (record.targets or senders) - self._heard:
            raise await self._lost()
        try:
            fetched = await self._fetcher.fetch(record, self._sent)
        except FileMissing:
            record = await self._made_anew()
            fetched = await self._fetcher.fetch(record, self._sent)
        return await self._result(record, fetched)

    async def _result(self, record: Record, fetched: list[ResultFile]) -> Result:
        usable = await self._fetcher.usable(fetched)
        files, left_out = usable.files, [*usable.left_out, *usable.faults]
        named = self.run.workflow.outputs
        texts = tuple(output.text for output in record.texts if not named or output.node_id in named)
        if usable.faults and not (files or texts):
            raise BadResult(" ".join([_("The workflow ran, but its result cannot be used."), *left_out]))
        if not (files or texts or left_out):
            left_out = [_("The workflow ran, but made no file and no text.")]
        workflow = self.run.workflow.name
        return Result(str(self.run.id), workflow, self.run.values, tuple(files), texts, tuple(left_out))

    async def cancel(self, *, whatever: bool = False) -> bool:
        """Stop what was sent; whether that is certain. `whatever`: also what an earlier process may have sent."""
        if self._submission is None and not whatever:
            return True
        stopping = asyncio.create_task(self._stop(self._submission))
        try:
            await asyncio.wait_for(asyncio.shield(stopping), _CANCEL_PATIENCE)
        except (ComfyError, TimeoutError) as error:
            _log.warning("run %s may still be on the server: %s", self.run.id, error)
            return False
        finally:
            stopping.cancel()
        return True

    async def withdraw(self) -> bool:
        """Take the prompt back, unless the server has begun it, or it was not handed over yet. Its follower gets
        `PromptRemoved`. Raises `ComfyError`.
        """
        sent = self._submission
        if self._began or (sent is not None and not sent.done()):
            return False
        return await self._client.withdraw(self.prompt_id)

    async def pictures_given(self) -> list[Path]:
        """Return the pictures that were sent, where they lie here."""
        return [file.path for file in self.run.media.values() if file.kind.value == Kind.IMAGE.value]

    @property
    def was_sent(self) -> bool:
        """True if this process has begun to hand the prompt over."""
        return self._submission is not None

    @property
    def never_began(self) -> bool:
        """True if the server says that it never began the prompt, after it was cancelled."""
        return not self._began and self._client.never_began(self.prompt_id)

    async def forget(self, inputs: Iterable[str]) -> None:
        """Have the server forget what it was sent, with these files. Raises `ComfyError`."""
        await self._client.forget((self.prompt_id, self._second_id), sorted(inputs))

    def _check_account(self) -> None:
        """Raises `CannotRun` if nothing can pay at this server."""
        if not self._client.server.account_key:
            words = _("This workflow costs money, and its server has no account key. The operator can set {setting}.")
            raise CannotRun(words.format(setting="COMFYUI_ACCOUNT_KEY"))

    async def _made_anew(self) -> Record:
        """The server remembers a result, but its file was deleted: have the outputs written once more, unless that may
        cost money again.

        It does so for nodes that differ from those before, be it by an input that they do not have.
        """
        if self.prompt is None or self._submission is None or self._paid:
            raise FileMissing("the server no longer has a file that it made")
        info, prompt = await self._client.object_info(), self.prompt
        for node in self.prompt:
            declared = info.node(node.class_type)
            if declared is not None and declared.output_node:
                prompt = prompt.with_input(node.id, "written_for", self.prompt_id)
        again = await asyncio.shield(await self._send(prompt, self._second_id))
        async for _event in self._client.follow(again.prompt_id):
            pass
        return await self._client.collect(again.prompt_id)

    @property
    def _second_id(self) -> str:
        return str(uuid5(self.run.id, f"{self.prompt_id} anew"))

    def _senders(self) -> frozenset[str]:
        """The nodes that send their results, of those that are delivered."""
        senders, named = senders_of(self.prompt or self.run.workflow.prompt), self.run.workflow.outputs
        return senders & frozenset(named) if named else senders

    async def _lost(self) -> PicturesLost:
        lost, info = PicturesLost("the connection was lost while pictures were sent"), await self._client.object_info()
        nodes = [info.node(node.class_type) for node in self.prompt or self.run.workflow.prompt]
        lost.paid = any(node is not None and node.api_node for node in nodes)
        return lost

    async def _stop(self, submission: asyncio.Task[Submission] | None) -> None:
        if submission is not None:
            await asyncio.wait({submission})
            if submission.cancelled() or submission.exception() is not None:
                return
        for prompt_id in dict.fromkeys((self.prompt_id, *self._earlier)):
            await self._client.cancel(prompt_id)


def prompt_ids(run_id: UUID, attempt: int) -> Iterator[str]:
    """Return the ids of the prompts of an attempt and of those before it, the last one first."""
    return (str(uuid5(run_id, str(each))) for each in range(attempt, 0, -1))


async def execute(
    execution: Execution,
    reply: Reply,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Status:
    """A whole execution at once; its end is what the reply shows last. When cancelled, so is the prompt."""
    try:
        await reply.deliver(
            await _develop(execution, Throttle(reply.show, reply.limits.interval, clock=clock, sleep=sleep))
        )
        end: Status = Done()
    except asyncio.CancelledError:
        sure = await execution.cancel()
        unsure = _("You cancelled it, but the server could not be told: it may still be at work on it.")
        await show_status(reply, Cancelled(execution.run.person) if sure else Failed(unsure))
        raise
    except Exception as error:  # noqa: BLE001 - the end of a run: whatever happened, its person hears of it
        end = failure(error, execution)
    await show_status(reply, end)
    return end


async def _develop(execution: Execution, throttle: Throttle) -> Result:
    async with throttle:
        throttle.offer(Queued())
        names = await execution.upload()
        for left in reversed(range(_MOST_ATTEMPTS)):
            warnings = await execution.submit(names)
            try:
                ended = await execution.follow(throttle.offer)
            except ExecutionFailed as failed:
                ended = await execution.part_of(failed)
            throttle.offer(Delivering())
            try:
                result = await execution.collect()
                break
            except PicturesLost as lost:
                if lost.paid or not left:
                    raise
                _log.warning("run %s is made again: %s", execution.run.id, lost)
                execution.begin_again()
    notes = [file.note for file in execution.run.media.values() if file.note]
    blank = await blank_words(result.files, execution.pictures_given)
    said = (*notes, *warnings, *ended.warnings, *result.warnings, *blank)
    return replace(result, warnings=said, nothing_new=ended.nothing_new)


def failure(error: Exception, execution: Execution) -> Failed:
    """Turn the error that ended a run into a `Failed`; a bug of ours is logged with its traceback."""
    if not isinstance(error, ComfyError | UserError | BadResult | DeliveryFailed | StorageFailed):
        _log.error("run %s failed", execution.run.id, exc_info=error)
    else:
        _log.info("run %s: %s", execution.run.id, in_log(error))
    return Failed(explain(error, str(execution.run.id), execution.prompt))
