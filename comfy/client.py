"""The ComfyUI client: submit, follow, collect and cancel prompts; upload and download files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from comfy.bodies import as_file
from comfy.errors import ComfyError, HistoryCleared, PromptLost, ServerUnavailable
from comfy.http import Download, Http, Queue, Submission, SystemStats
from comfy.library import manager, templates, userdata
from comfy.library.manager import PackResult
from comfy.library.templates import Template
from comfy.library.unchanged import End
from comfy.library.userdata import UserFile
from comfy.messages.events import Event
from comfy.messages.files import FileRef
from comfy.messages.history import Record
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.replaced import up_to_date
from comfy.retry import Retry, answered
from comfy.server import PromptLimits, Server
from comfy.socket import Socket
from comfy.tracking.follow import follow
from comfy.tracking.poller import Poller, PromptUnknown, Sighting
from comfy.tracking.sent_pictures import senders_of
from comfy.tracking.subscription import PACE

_LOOKS = 8  # tries to find a late history entry: the pause starts at 0.05 s and doubles, 12 s in total
_REMEMBERED = 1000  # prompts that have ended and are not collected yet
_CANCEL_PAUSE, _LONGEST_CANCEL_PAUSE = 0.1, 1.0  # seconds


class ComfyClient:
    """One ComfyUI server. Use it in `async with`; every method may be called from any number of tasks at once.

    All methods raise `ServerUnavailable` if the server cannot be reached, and `UnexpectedAnswer` if the answer is not
    ComfyUI's. Requests of a run are repeated before that (`comfy.retry`), so one bad answer does not end a run.
    """

    def __init__(
        self,
        server: Server | str,
        share: Callable[[bool], None] = lambda _has_others: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`share` is called with True when the server's queue has prompts that are not ours, and with False when that
        is over, or not known any longer; `on_lost` when the websocket, which opens with the first prompt, is closed.
        """
        self.server = Server(server) if isinstance(server, str) else server
        self._http = Http(self.server)
        self._socket = Socket(self._http, self.server, share, on_lost)
        self._poller = Poller(self._http, freshness=self.server.look_every / 2)
        self._repeat = Retry(self.server.gone_after, limit=self.server.answer_timeout)
        self._ended_at: dict[str, int | None] = {}  # the connection over which a prompt's end was seen, by its id
        self._saved: dict[tuple[str, str | None], userdata.Listing] = {}
        self._object_info: ObjectInfo | None = None
        self._object_info_lock = asyncio.Lock()

    async def __aenter__(self) -> ComfyClient:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._socket.close()
        await self._http.__aexit__(kind, error, traceback)

    async def submit(
        self,
        prompt: Prompt,
        *,
        prompt_id: str | None = None,
        extra_data: Mapping[str, Any] | None = None,
        targets: Sequence[str] = (),
        paid: bool = False,
    ) -> Submission:
        """Submit a prompt, with an id from the caller (a canonical UUID) or a new one. With `targets`, which are ids of
        output nodes, only these and what they need are executed.

        Raises `PromptRejected`. If the answer is lost, the client checks whether the server has the prompt before it
        sends it again, so it never runs twice. A `paid` prompt, which has nodes that cost money, is not sent again at
        all; with it goes the key of the account.
        """
        prompt_id = prompt_id or str(uuid4())
        if paid and self.server.account_key:
            extra_data = {**(extra_data or {}), "api_key_comfy_org": self.server.account_key}
        await self._socket.open()
        self._socket.register(prompt_id, ours=True, senders=senders_of(prompt))
        try:
            return await self._hand_over(prompt, prompt_id, extra_data or {}, targets, once=paid)
        except BaseException:
            self._socket.forget(prompt_id)
            raise

    async def follow(
        self, prompt_id: str, limits: PromptLimits | None = None, pace: float = PACE
    ) -> AsyncGenerator[Event]:
        """Yield the events of a prompt until its end. The prompt may have been submitted earlier or by another process.

        The last event is `ExecutionSuccess`. Every other end raises an error: `ExecutionFailed`, `PromptInterrupted`,
        `PromptRemoved`, `PromptLost`, `WorkerWedged`, `TimeLimitReached`, or `ServerUnavailable` if the server is gone.
        Of steps and previews the latest ones come, `pace` seconds apart or more. If you stop early, or a limit is
        reached, the prompt is not cancelled, and you may follow it again; but only one caller at a time may do so.
        """
        await self._socket.open()
        subscription = self._socket.register(prompt_id, ours=False)
        subscription.followed, subscription.pace = True, pace
        try:
            async for event in follow(subscription, self._socket, self._poller, self.server, limits or PromptLimits()):
                yield event
        except Exception:
            self._socket.forget(prompt_id)
            raise
        else:
            self._socket.forget(prompt_id)
            self._ended_at[prompt_id] = self._connection
            if len(self._ended_at) > _REMEMBERED:
                del self._ended_at[next(iter(self._ended_at))]
        finally:
            subscription.followed = False

    async def collect(self, prompt_id: str) -> Record:
        """Return the outputs of an ended prompt. Raises `PromptLost` if the server does not know the prompt, and
        `HistoryCleared` if that is the reason.
        """
        ended_at = self._ended_at.pop(prompt_id, None)
        for attempt in range(_LOOKS):
            record = await self._repeat(lambda: self._http.history(prompt_id))
            if record is not None:
                return record
            await asyncio.sleep(0.05 * 2**attempt)
        if ended_at is not None and ended_at == self._connection:
            raise HistoryCleared(prompt_id)
        raise PromptLost(prompt_id)

    async def cancel(self, prompt_id: str) -> None:
        """Cancel a waiting or running prompt, and return when it has ended. Other prompts are not affected.

        A node that does not check for interrupts finishes first, so set a time limit if you cannot wait.
        """
        pause = _CANCEL_PAUSE
        while not await self._repeat(lambda: self._stopped(prompt_id)):
            subscription = self._socket.subscription(prompt_id)
            try:
                async with asyncio.timeout(pause):
                    await (subscription.ended.wait() if subscription is not None else asyncio.sleep(pause))
            except TimeoutError:
                pause = min(pause * 2, _LONGEST_CANCEL_PAUSE)

    async def withdraw(self, prompt_id: str) -> bool:
        """Take a prompt out of the queue if it still waits there. False if it has begun, which is then left alone, or
        has ended.
        """
        await self._repeat(lambda: self._http.dequeue(prompt_id))
        if prompt_id in await self._repeat(self._http.queue):
            return False
        return await self._repeat(lambda: self._removed(prompt_id))

    async def forget(self, prompt_ids: Sequence[str], inputs: Sequence[str] = ()) -> None:
        """Remove ended prompts from the history. The built-in engine also deletes the files that they made, and these
        inputs, unless other prompts use them.
        """
        await self._repeat(lambda: self._http.forget(prompt_ids, inputs))

    async def upload_image(
        self,
        source: Path | AsyncIterable[bytes],
        *,
        filename: str | None = None,
        subfolder: str = "",
        overwrite: bool = False,
    ) -> FileRef:
        """Upload a picture, or any file that a node loads, to the input folder, as a stream.

        The answer has the name to use. It is a different name if other content already has this one. Chunks need
        `filename`. Raises `TooLarge`.
        """
        fields = {"subfolder": subfolder, "overwrite": "true" if overwrite else "false", "type": "input"}
        return await self._upload("upload/image", source, filename, fields)

    async def upload_mask(
        self,
        source: Path | AsyncIterable[bytes],
        original: FileRef,
        *,
        filename: str | None = None,
        subfolder: str = "",
    ) -> FileRef:
        """Upload a picture. Its alpha becomes the mask of `original`, a file on the server."""
        fields = {"subfolder": subfolder, "type": "input", "original_ref": original.to_json()}
        return await self._upload("upload/mask", source, filename, fields)

    async def download(self, file: FileRef, path: Path, most: int | None = None) -> Download:
        """Download a file to `path`, as a stream. A failed transfer leaves no file at `path`.

        Raises `FileMissing`, `FileRefused`, and `AnswerTooLarge` for a file of more than `most` bytes.
        """
        return await self._repeat(lambda: self._http.download(file, path, most))

    async def object_info(self, *, refresh: bool = False) -> ObjectInfo:
        """Return the inputs of the server's nodes. The server is asked once, and again with `refresh`."""
        async with self._object_info_lock:
            if self._object_info is None or refresh:
                self._object_info = await self._repeat(self._http.object_info, answered)
            return self._object_info

    async def system_stats(self) -> SystemStats:
        """Return the server's versions and devices."""
        return await self._http.system_stats()

    async def users(self) -> Mapping[str, str] | None:
        """Return the names of the server's users by their ids; None if it keeps everything for one user."""
        return await userdata.users(self._http)

    async def saved(self, folder: str, user: str | None = None) -> tuple[UserFile, ...]:
        """Return the files that a user has saved in a folder. None are there only if the server says so; whatever else
        stands in the way raises an error. It is the same tuple as the last one while nothing changes.
        """
        return await self._listing(folder, user).read()

    async def until_saved(self, folder: str, user: str | None, pause: Callable[[], float]) -> End:
        """Wait until the files that a user has saved in a folder may be others than `saved` returned last, asking after
        a `pause` of so many seconds. Nothing is asked where they cannot be recognized, and nothing raised.
        """
        return await self._listing(folder, user).until_changed(pause)

    def _listing(self, folder: str, user: str | None) -> userdata.Listing:
        if (folder, user) not in self._saved:
            self._saved[folder, user] = userdata.Listing(self._http, folder, user)
        return self._saved[folder, user]

    async def saved_file(self, path: str, user: str | None = None) -> bytes:
        """Return a file that a user has saved, by its path below the user's folder. Raises `FileMissing`."""
        return await userdata.file(self._http, path, user)

    async def templates(self, language: str = "en") -> tuple[Template, ...]:
        """Return the server's library of workflows, in a language where it has that. Raises `FileMissing`."""
        return await templates.index(self._http, language)

    async def template(self, wanted: Template) -> bytes:
        """Return the file of a workflow of the library. Raises `FileMissing`."""
        return await templates.template(self._http, wanted)

    async def has_manager(self) -> bool:
        """True if ComfyUI-Manager is there, and takes tasks."""
        return await manager.is_there(self._http)

    async def install_pack(self, pack: str, patience: float) -> PackResult | None:
        """Have ComfyUI-Manager install a pack of nodes by its id in the registry. None if that has not ended after so
        many seconds.
        """
        return await manager.install(self._http, pack, patience)

    async def free(self) -> None:
        """Have the server unload all models, once it has executed what runs there now. Raises `ComfyError`."""
        await self._repeat(self._http.free)

    async def queue(self) -> Queue:
        """Return all running and waiting prompts of the server."""
        return await self._http.queue()

    async def history(self, prompt_id: str) -> Record | None:
        """Return the server's record of a prompt; None if it has not ended or is unknown."""
        return await self._http.history(prompt_id)

    async def knows(self, prompt_id: str) -> bool:
        """True if the server has the prompt: waiting, running or ended."""
        return not isinstance(await self.find(prompt_id), PromptUnknown)

    async def find(self, prompt_id: str) -> Sighting:
        """Return where the server has the prompt: in its queue, running, in its history, or nowhere."""
        return await self._repeat(lambda: self._poller.settle(prompt_id, 3, asyncio.sleep))

    def never_began(self, prompt_id: str) -> bool:
        """True if the server had a prompt in its queue until it was cancelled, and did not restart meanwhile."""
        subscription = self._socket.subscription(prompt_id)
        return subscription is not None and subscription.removed and self._socket.hears(subscription)

    @property
    def _connection(self) -> int | None:
        """The number of the websocket's connection, which a restart of the server would end; None if it is closed."""
        return self._socket.connection if self._socket.is_open else None

    async def _upload(
        self, route: str, source: Path | AsyncIterable[bytes], filename: str | None, fields: Mapping[str, str]
    ) -> FileRef:
        """Upload a file or chunks. Both can be sent again: the server stores the same content and name once (§4)."""
        name = _name(source, filename)
        async with as_file(source) as path:
            return await self._repeat(lambda: self._http.upload(route, path, name, fields), answered)

    async def _hand_over(
        self,
        prompt: Prompt,
        prompt_id: str,
        extra_data: Mapping[str, Any],
        targets: Sequence[str],
        *,
        once: bool,
    ) -> Submission:
        known = self._object_info.data if self._object_info is not None else {}
        graph = up_to_date(prompt.as_sent(), known)

        unsure = False  # whether it may be there, because the last look for it failed

        async def post() -> Submission:
            nonlocal unsure
            if unsure and await self.knows(prompt_id):
                return Submission(prompt_id, 0)
            try:
                return await self._http.submit(graph, prompt_id, self._socket.client_id, extra_data, targets)
            except ComfyError as fault:
                unsure = answered(fault)
                if not unsure:
                    raise
                try:
                    is_there = await self.knows(prompt_id)
                except ComfyError as blind:
                    raise ServerUnavailable(f"{self.server} does not say if it has taken a prompt") from blind
                if is_there:
                    return Submission(prompt_id, 0)
                unsure = False
                raise

        return await (post() if once else self._repeat(post, answered))

    async def _stopped(self, prompt_id: str) -> bool:
        """Ask the server once to stop a prompt. Returns True if it has ended."""
        if await self._http.cancel_job(prompt_id) is None:
            await self._http.dequeue(prompt_id)
            if prompt_id in (await self._http.queue()).running:
                await self._http.interrupt(prompt_id)
        if prompt_id in await self._http.queue():
            return False
        await self._removed(prompt_id)
        return True

    async def _removed(self, prompt_id: str) -> bool:
        """Find out whether a prompt that has left the queue was never executed, and say so to its follower."""
        if await self._http.history(prompt_id) is not None:
            return False
        if (subscription := self._socket.subscription(prompt_id)) is not None:
            subscription.removed = True  # no event tells that a prompt left the queue unexecuted (§3)
            subscription.wake()
        return True


def _name(source: Path | AsyncIterable[bytes], filename: str | None) -> str:
    if filename:
        return filename
    if isinstance(source, Path):
        return source.name
    raise ValueError("chunks have no name: give a filename")
