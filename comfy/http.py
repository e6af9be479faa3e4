"""ComfyUI's HTTP interface, with one method per route. Only this module turns statuses and bad answers into errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp import hdrs
from yarl import URL

from comfy.errors import (
    CertificateRefused,
    ComfyError,
    FileMissing,
    Garbled,
    NodeError,
    PromptRejected,
    Redirected,
    ServerUnavailable,
    TooLarge,
    UnexpectedAnswer,
)
from comfy.messages.files import FileRef
from comfy.messages.history import Record, read_entry
from comfy.object_info import ObjectInfo
from comfy.retry import wish
from comfy.server import Server

_CHUNK = 256 * 1024  # bytes of an upload that are read at a time
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ABSENT = frozenset({502, 503, 504, *range(520, 531)})  # a proxy or a CDN cannot reach the server behind it
_BLOCK = 2 * 2**20  # bytes of a download that are written at a time; a thread for each chunk would cost more


@dataclass(frozen=True)
class Submission:
    """The server accepted the prompt. `warnings` are the errors of branches that it leaves out (protocol sheet §2)."""

    prompt_id: str
    number: float
    warnings: tuple[NodeError, ...] = ()


@dataclass(frozen=True)
class Queue:
    """The ids of the running and the waiting prompts, next one first."""

    running: tuple[str, ...]
    pending: tuple[str, ...]

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


@dataclass(frozen=True)
class Download:
    """A downloaded file. `size` is in bytes."""

    path: Path
    size: int
    content_type: str


@dataclass(frozen=True)
class Device:
    """A device of the server; memory is in bytes."""

    name: str
    type: str
    vram_total: int
    vram_free: int


@dataclass(frozen=True)
class SystemStats:
    comfyui_version: str
    python_version: str
    devices: tuple[Device, ...]


class Http:
    """The routes of one server, over one pool of connections."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Http:
        # No Origin and no cookies: ComfyUI refuses foreign origins, and has no sessions (§1).
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(
            self._refuse_redirect
        )  # a websocket follows redirects, and has no option against it
        self._session = aiohttp.ClientSession(
            trace_configs=[trace],
            headers=self._server.headers,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._server.connect_timeout, sock_read=self._server.answer_timeout
            ),
            connector=aiohttp.TCPConnector(ssl=self._server.verify_tls, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is not open: use it in `async with`")
        return self._session

    async def _refuse_redirect(
        self, _session: object, _context: object, asked: aiohttp.TraceRequestRedirectParams
    ) -> None:
        asked.response.close()
        raise redirected(self._server, asked.url, asked.response.status, asked.response.headers)

    def url(self, path: str) -> URL:
        return (self._server.base / path).with_query(self._server.query)

    async def submit(
        self, prompt: Mapping[str, Any], prompt_id: str, client_id: str, extra_data: Mapping[str, Any]
    ) -> Submission:
        """POST /prompt. Raises `PromptRejected` with the nodes' error messages."""
        body = {"prompt": prompt, "prompt_id": prompt_id, "client_id": client_id, "extra_data": extra_data}
        try:
            payload = json.dumps(body, allow_nan=False).encode()
        except (ValueError, TypeError) as fault:
            raise PromptRejected("invalid_structure", f"the prompt cannot be written as JSON: {fault}") from None
        status, answer = await self._json("POST", "prompt", payload, accept=(200, 400))
        if status == 400:
            raise _rejection(answer)
        if not answer.get("prompt_id"):
            raise Garbled("the server's answer has no prompt id", status)
        taken_as = str(answer["prompt_id"])
        if taken_as != prompt_id:
            raise UnexpectedAnswer("the server gave the prompt another id: update ComfyUI", status)
        return Submission(taken_as, float(answer.get("number") or 0), _node_errors(answer))

    async def queue(self) -> Queue:
        """GET /queue, in the order in which the prompts will run. The server lists them in heap order (§3)."""
        _, answer = await self._json("GET", "queue")
        try:
            running = tuple(str(item[1]) for item in answer["queue_running"])
            waiting = sorted(answer["queue_pending"], key=lambda item: (item[0], item[1]))
            return Queue(running, tuple(str(item[1]) for item in waiting))
        except (KeyError, TypeError, IndexError) as fault:
            raise Garbled("the server's queue is not in ComfyUI's format") from fault

    async def history(self, prompt_id: str) -> Record | None:
        """GET /history of one prompt; None if it has not ended or is unknown."""
        _, answer = await self._json("GET", f"history/{prompt_id}")
        entry = answer.get(prompt_id)
        try:
            return None if entry is None else read_entry(prompt_id, entry)
        except ValueError as fault:
            raise Garbled(str(fault)) from fault

    async def object_info(self) -> ObjectInfo:
        """GET /object_info: nearly a megabyte on a real server."""
        _, answer = await self._json("GET", "object_info")
        if not answer or not all(isinstance(node, dict) and "input" in node for node in answer.values()):
            raise Garbled(f"{self._server} answers, but it is not ComfyUI: its /object_info lists no nodes")
        return ObjectInfo(answer)

    async def system_stats(self) -> SystemStats:
        """GET /system_stats."""
        _, answer = await self._json("GET", "system_stats")
        try:
            system, devices = answer["system"], answer["devices"]
            return SystemStats(
                str(system.get("comfyui_version", "")),
                str(system.get("python_version", "")),
                tuple(_device(device) for device in devices),
            )
        except (KeyError, TypeError, AttributeError) as fault:
            raise Garbled(f"{self._server} answers, but it is not ComfyUI") from fault

    async def dequeue(self, prompt_id: str) -> None:
        """POST /queue: remove a waiting prompt. Running and unknown prompts are not affected."""
        await self._empty("queue", {"delete": [prompt_id]})

    async def forget(self, prompt_ids: Sequence[str], inputs: Sequence[str]) -> None:
        """POST /history: remove ended prompts. The built-in engine also deletes their files, and these inputs."""
        await self._empty("history", {"delete": list(prompt_ids), "inputs": list(inputs)})

    async def interrupt(self, prompt_id: str) -> None:
        """POST /interrupt for one prompt. Without an id it would stop any running prompt (§3)."""
        await self._empty("interrupt", {"prompt_id": prompt_id})

    async def cancel_job(self, prompt_id: str) -> bool | None:
        """POST /api/jobs/{id}/cancel. None if the server is too old for it (405, 404)."""
        status, answer = await self._json("POST", f"api/jobs/{prompt_id}/cancel", b"", accept=(200, 404, 405))
        return bool(answer.get("cancelled")) if status == 200 else None

    async def upload(
        self,
        route: str,
        source: Path | AsyncIterable[bytes],
        filename: str,
        fields: Mapping[str, str],
    ) -> FileRef:
        """POST /upload/image or /upload/mask, as a stream. Use the name in the answer (§4)."""
        with aiohttp.MultipartWriter("form-data") as form:
            for name, value in fields.items():
                form.append(value).set_content_disposition("form-data", name=name)
            chunks = await _chunks(source) if isinstance(source, Path) else source
            part = form.append(chunks, {hdrs.CONTENT_TYPE: "application/octet-stream"})
            part.set_content_disposition("form-data", quote_fields=False, name="image", filename=_plain(filename))
            _, answer = await self._json("POST", route, form)
        if not answer.get("name"):
            raise Garbled("the server accepted the upload but gave no name")
        return FileRef.from_json({"type": "input", **answer})

    async def download(self, file: FileRef, path: Path) -> Download:
        """GET /view, written to `path` as it arrives. A failed transfer leaves no file."""
        async with self._answer("GET", "view", params={**self._server.query, **file.query}) as answer:
            if answer.status in (
                400,
                404,
            ):  # 400 for a name that the server creates but refuses to serve: "a..b.png" (§4)
                raise FileMissing(f"the server has no file {file.filename!r}", answer.status)
            await self._expect(answer, (200,))
            _refuse_page(answer, file)
            size = await _write(answer, path)
            return Download(path, size, answer.content_type)

    async def _empty(self, path: str, body: Mapping[str, Any]) -> None:
        async with self._answer("POST", path, data=json.dumps(body).encode()) as answer:
            await self._expect(answer, (200,))

    async def _json(
        self, method: str, path: str, data: Any = None, accept: tuple[int, ...] = (200,)
    ) -> tuple[int, dict[str, Any]]:
        async with self._answer(method, path, data=data) as answer:
            await self._expect(answer, accept)
            text = await answer.read()
        try:
            parsed = json.loads(text) if text or answer.status == 200 else {}
        except (ValueError, RecursionError):
            parsed = {} if answer.status in (404, 405) else None
        if not isinstance(parsed, dict):
            raise Garbled(
                f"{self._server} answers, but it is not ComfyUI: /{path} is not ComfyUI's JSON", answer.status
            )
        return answer.status, parsed

    async def _expect(self, answer: aiohttp.ClientResponse, accept: tuple[int, ...]) -> None:
        """Turn an unexpected status into an error. Its body may not be JSON (§1)."""
        if answer.status in accept:
            return
        where = f"{answer.method} {answer.url.path}"
        match answer.status:
            case status if status in _REDIRECTS:
                raise redirected(self._server, answer.url, status, answer.headers)
            case 413:
                raise TooLarge(f"the request is too large for {self._server}", 413)
            case status if status in _ABSENT:
                raise ServerUnavailable(f"{self._server} cannot be reached behind its proxy ({answer.status})")
            case 401 | 403:
                raise UnexpectedAnswer(f"{self._server} refuses access ({answer.status}) at {where}", answer.status)
            case status:
                raise UnexpectedAnswer(f"{self._server} answered {where} with {status}", status)

    @asynccontextmanager
    async def _answer(self, method: str, path: str, **request: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request. Every connection error is `ServerUnavailable`."""
        try:
            async with self.session.request(method, self.url(path), allow_redirects=False, **request) as answer:
                with _wished(answer):
                    yield answer
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError, ConnectionError) as fault:
            refused = isinstance(fault, aiohttp.ClientConnectorCertificateError)
            kind = CertificateRefused if refused else ServerUnavailable
            unavailable = kind(f"{self._server} {_reason(fault)}")
            unavailable.unsent = refused or isinstance(fault, aiohttp.ClientConnectorError)
            raise unavailable from fault
        except aiohttp.ClientError as fault:
            raise UnexpectedAnswer(f"{self._server} does not speak valid HTTP") from fault


@contextmanager
def _wished(answer: aiohttp.ClientResponse) -> Iterator[None]:
    """Add to an error when the server wants the next try."""
    try:
        yield
    except ComfyError as fault:
        fault.retry_after = wish(answer.headers.get(hdrs.RETRY_AFTER))
        raise


def _refuse_page(answer: aiohttp.ClientResponse, file: FileRef) -> None:
    """Reject a proxy's web page instead of a file. ComfyUI sends its own HTML files only as attachments."""
    if answer.content_type == "text/html" and not file.filename.lower().endswith((".html", ".htm")):
        raise Garbled(f"a web page came instead of the file {file.filename!r}", answer.status)


def redirected(server: Server, asked: URL, status: int, headers: Mapping[str, str]) -> Redirected:
    """Return the error for a redirect, without its secrets. If a route leads to the same route elsewhere,
    the whole server has moved there.
    """
    target, moved = "", False
    try:
        if location := headers.get(hdrs.LOCATION):
            url = asked.join(URL(location)).with_user(None).with_query(None).with_fragment(None)
            route = asked.path.removeprefix(server.base.path.rstrip("/"))
            moved = url.path.endswith(route)
            target = str(url.with_path(url.path.removesuffix(route) or "/")).rstrip("/") if moved else str(url)
    except ValueError:
        pass
    return Redirected(f"{server} redirects to {target or 'no address'}", status, target, moved)


def _reason(fault: BaseException) -> str:
    match fault:
        case aiohttp.ClientConnectorCertificateError():
            return "has a TLS certificate that cannot be verified"
        case aiohttp.ClientSSLError():
            return "does not speak valid TLS: is it http and not https?"
        case TimeoutError():
            return "takes too long to answer"
        case aiohttp.ClientConnectorError():
            return "cannot be reached"
        case _:
            return "closed the connection"


def _rejection(answer: Mapping[str, Any]) -> PromptRejected:
    error = answer.get("error")
    if not isinstance(error, dict):
        return PromptRejected("unknown", str(error or "the server rejected the prompt"), _node_errors(answer))
    message = str(error.get("message") or "the server rejected the prompt")
    return PromptRejected(str(error.get("type") or "unknown"), message, _node_errors(answer))


def _node_errors(answer: Mapping[str, Any]) -> tuple[NodeError, ...]:
    by_node = answer.get("node_errors")
    if not isinstance(by_node, dict):
        return ()
    return tuple(
        _node_error(str(node_id), str(node.get("class_type") or ""), error)
        for node_id, node in by_node.items()
        if isinstance(node, dict)
        for error in node.get("errors") or ()
        if isinstance(error, dict)
    )


def _node_error(node_id: str, class_type: str, error: Mapping[str, Any]) -> NodeError:
    extra = error.get("extra_info")
    input_name = extra.get("input_name") if isinstance(extra, dict) else None
    return NodeError(
        node_id,
        class_type,
        str(error.get("type") or ""),
        str(error.get("message") or ""),
        str(error.get("details") or ""),
        str(input_name) if input_name is not None else None,
    )


def _device(device: Mapping[str, Any]) -> Device:
    return Device(
        str(device.get("name", "")),
        str(device.get("type", "")),
        int(device.get("vram_total") or 0),
        int(device.get("vram_free") or 0),
    )


def _plain(filename: str) -> str:
    """Return a name without folders, quotes or control characters, because the server uses it literally (§4)."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return "".join("_" if ord(letter) < 32 or letter in '"%' else letter for letter in name) or "upload"


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    """Yield the chunks of a file. The first is read at once, so that an unreadable file fails before the request."""
    first = await asyncio.to_thread(_read, path, 0)

    async def chunks() -> AsyncIterator[bytes]:
        chunk, offset = first, 0
        while chunk:
            yield chunk
            offset += len(chunk)
            chunk = await asyncio.to_thread(_read, path, offset)

    return chunks()


def _read(path: Path, offset: int) -> bytes:
    """Open, read and close in one call, so that no file stays open if the caller is cancelled."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_CHUNK)


async def _write(answer: aiohttp.ClientResponse, path: Path) -> int:
    """Write a body as it arrives, in a thread. aiohttp raises an error if the body is too short."""
    size, held, mode = 0, list[bytes](), "wb"
    try:
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            held.append(chunk)
            if sum(map(len, held)) >= _BLOCK:
                await asyncio.to_thread(_put, path, mode, held)
                held, mode = [], "ab"
        await asyncio.to_thread(_put, path, mode, held)
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    return size


def _put(path: Path, mode: str, chunks: list[bytes]) -> None:
    with path.open(mode) as file:
        file.writelines(chunks)
