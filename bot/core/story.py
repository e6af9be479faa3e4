"""One run, from its place in line to the delivered picture."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid5

from bot.core.chat import Cancelled, Delivering, Done, Failed, Queued, Reply, Result, ResultFile, Status
from bot.core.errors import DeliveryFailed, UserError
from bot.core.explain import explain, warning, without_paths
from bot.core.pictures import without_metadata
from bot.core.progress import Progress
from bot.core.throttle import Throttle
from bot.words import _
from comfy.client import ComfyClient
from comfy.errors import ComfyError
from comfy.events import Event, ExecutionBlocked, ExecutionSuccess
from comfy.files import Kind
from comfy.history import FileOutput, Record
from comfy.http import Submission
from comfy.prompt import Prompt

if TYPE_CHECKING:
    from bot.core.desk import Run

_log = logging.getLogger(__name__)
_CANCEL_PATIENCE = 10.0  # seconds for the server to end a prompt that was cancelled


class Story:
    """Each step has an effect that may be asked for again without harm: uploads are named by their content, and the
    prompt's id is derived from the run's.
    """

    def __init__(
        self,
        client: ComfyClient,
        run: Run,
        reply: Reply,
        folder: Path,
        *,
        keep_metadata: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._run, self._reply, self._folder = client, run, reply, folder
        self._keep_metadata, self._clock, self._sleep = keep_metadata, clock, sleep
        self._prompt: Prompt | None = None
        self._submission: asyncio.Task[Submission] | None = None
        self._warnings: list[str] = []
        self._nothing_new = False

    @property
    def prompt_id(self) -> str:
        return str(uuid5(self._run.id, str(self._run.attempt)))

    async def tell(self) -> Status:
        """The whole story; its end is what the reply shows last. When cancelled, so is the prompt."""
        try:
            await self._reply.deliver(await self._develop())
            end: Status = Done()
        except asyncio.CancelledError:
            await self._say(await self._cancel())
            raise
        except Exception as error:  # noqa: BLE001 - the end of a run: whatever happened, its person hears of it
            end = self._failure(error)
        await self._say(end)
        return end

    async def _develop(self) -> Result:
        throttle = Throttle(self._reply.show, self._reply.limits.interval, clock=self._clock, sleep=self._sleep)
        async with throttle:
            throttle.offer(Queued())
            prompt = self._prompt = await self._fill()
            await self._submit(prompt)
            await self._follow(prompt, throttle)
            throttle.offer(Delivering())
            return await self._collect()

    async def _fill(self) -> Prompt:
        values = {**self._run.values, **await self._upload()}
        return self._run.workflow.fill(values, await self._client.object_info())

    async def _upload(self) -> dict[str, str]:
        names: dict[Path, str] = {}
        for path in self._run.media.values():
            if path not in names:
                names[path] = (await self._client.upload_image(path)).input_value
        return {field: names[path] for field, path in self._run.media.items()}

    async def _submit(self, prompt: Prompt) -> None:
        """Sent to its end even when cancelled meanwhile, so that it is known what there is to cancel."""
        self._submission = asyncio.create_task(self._client.submit(prompt, prompt_id=self.prompt_id))
        submission = await asyncio.shield(self._submission)
        self._warnings += [warning(fault, prompt) for fault in submission.warnings]

    async def _follow(self, prompt: Prompt, throttle: Throttle) -> None:
        progress = Progress(prompt, self._clock)
        events: AsyncGenerator[Event] = self._client.follow(self.prompt_id)
        async with aclosing(events):
            async for event in events:
                self._note(event)
                if (status := progress.fold(event)) is not None:
                    throttle.offer(status)

    def _note(self, event: Event) -> None:
        if isinstance(event, ExecutionBlocked):
            self._warnings.append(without_paths(event.message) or _("A part of the workflow was blocked."))
        elif isinstance(event, ExecutionSuccess):
            self._nothing_new = event.cached

    async def _collect(self) -> Result:
        record = await self._client.collect(self.prompt_id)
        chosen = self._chosen(record)
        files = [await self._fetch(output, number, len(chosen)) for number, output in enumerate(chosen, 1)]
        texts = tuple(output.text for output in record.texts)
        if not files and not texts:
            self._warnings.append(_("The workflow ran, but made no file and no text."))
        run = self._run
        return Result(
            str(run.id), run.workflow.name, run.values, tuple(files), texts, tuple(self._warnings), self._nothing_new
        )

    def _chosen(self, record: Record) -> list[FileOutput]:
        """The outputs that the workflow names; else what was saved; else what was only previewed."""
        if self._run.workflow.outputs:
            return [output for output in record.files if output.node_id in self._run.workflow.outputs]
        saved = [output for output in record.files if output.file.type == "output"]
        return saved or [output for output in record.files if output.file.type == "temp"]

    async def _fetch(self, output: FileOutput, number: int, count: int) -> ResultFile:
        """Store a file under a name of ours: the server's may be anything."""
        suffix = _suffix(output.file.filename)
        path = self._folder / f"output-{number}{suffix}"
        await self._client.download(output.file, path)
        if output.kind is Kind.IMAGE and not self._keep_metadata:
            await without_metadata(path)
        name = f"{self._run.stem}-{number}" if count > 1 else self._run.stem
        return ResultFile(path, name + suffix, str(output.kind))

    async def _cancel(self) -> Status:
        """Stop what was sent; what there is to say of it."""
        if self._submission is None:
            return Cancelled(self._run.person)
        stopping = asyncio.create_task(self._stop(self._submission))
        try:
            await asyncio.wait_for(asyncio.shield(stopping), _CANCEL_PATIENCE)
        except (ComfyError, TimeoutError) as error:
            _log.warning("run %s may still be on the server: %s", self._run.id, error)
            return Failed(_("You cancelled it, but the server could not be told: it may still be at work on it."))
        finally:
            stopping.cancel()
        return Cancelled(self._run.person)

    async def _stop(self, submission: asyncio.Task[Submission]) -> None:
        await asyncio.wait({submission})
        if not submission.cancelled() and submission.exception() is None:
            await self._client.cancel(self.prompt_id)

    def _failure(self, error: Exception) -> Failed:
        if not isinstance(error, ComfyError | UserError | DeliveryFailed):
            _log.error("run %s failed", self._run.id, exc_info=error)
        else:
            _log.info("run %s: %s", self._run.id, error)
        return Failed(explain(error, str(self._run.id), self._prompt))

    async def _say(self, status: Status) -> None:
        try:
            await self._reply.show(status)
        except DeliveryFailed as failure:
            _log.info("the end of run %s was not shown: %s", self._run.id, failure)


def _suffix(filename: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", filename)
    return found[0].lower() if found else ""
