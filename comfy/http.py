"""ComfyUI's HTTP interface, with one method per route. Only this module turns statuses and bad answers into errors."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp import hdrs
from yarl import URL

from comfy import bodies
from comfy.bodies import MB, FileBody
from comfy.elsewhere import REDIRECTS, Elsewhere
from comfy.errors import (
    CertificateRefused,
    ComfyError,
    FileMissing,
    FileRefused,
    Garbled,
    NodeError,
    PromptRejected,
    Redirected,
    ServerUnavailable,
    TooLarge,
    UnexpectedAnswer,
    UploadFailed,
    WebPage,
    WrongScheme,
)
from comfy.json_text import LARGE, read_json, read_large_json
from comfy.library.unchanged import End, until_other
from comfy.messages.files import FileRef
from comfy.messages.history import Record, read_entry
from comfy.object_info import ObjectInfo
from comfy.replaced import with_outdated
from comfy.retry import wish
from comfy.server import Server
from comfy.tracking.websocket import Websocket

_log = logging.getLogger(__name__)
_ABSENT = frozenset({502, 503, 504, *range(520, 531)})  # a proxy or a CDN cannot reach the server behind it
_UPLOADS = ("/upload/image", "/upload/mask")
#: What OpenSSL says if the other side does not speak TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_MOST = 4 * MB  # bytes of an answer in JSON, after unpacking
_DEEP = 3  # the depth at which a queue or a history has its prompts' parts
_CLOSE = {"Connection": "close"}  # a check ends with such a request: to close the connection later is one more wake-up
_MOST_BY_ROUTE = {"object_info": 32 * MB, "queue": 32 * MB, "history": 32 * MB}  # these hold nodes and whole prompts


@dataclass(frozen=True)
class Submission:
    """The server accepted the prompt. `warnings` are the errors of branches that it leaves out."""

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
    argv: tuple[str, ...] = ()
    ram_total: int = 0  #: bytes of the machine's memory; 0 where the server does not say
    ram_free: int = 0

    @property
    def listens_to_others(self) -> bool:
        """True if the server says that it was started so that other computers can reach it."""
        values = [
            value
            for word, following in zip(self.argv, (*self.argv[1:], ""), strict=True)
            for value in _listens_at(word, following)
        ]
        return any(value not in ("localhost", "::1") and not value.startswith("127.") for value in values)


class Http:
    """The routes of one server, over one pool of connections."""

    def __init__(self, server: Server, elsewhere: Elsewhere | None = None) -> None:
        self._server = server
        self._session: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=server.connect_timeout, sock_read=server.answer_timeout
        )
        self._elsewhere = elsewhere or Elsewhere(self._timeout)
        self._has_answered = False
        self._told: tuple[bytes, ObjectInfo] | None = None  # the digest of what it said of its nodes, and what it is

    async def __aenter__(self) -> Http:
        # No Origin and no cookies: ComfyUI refuses foreign origins, and has no sessions (§1).
        trace = aiohttp.TraceConfig()
        # A websocket follows redirects, and has no option against it.
        trace.on_request_redirect.append(self._refuse_redirect)
        self._session = aiohttp.ClientSession(
            trace_configs=[trace],
            headers=self._server.headers,
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(ssl=self._server.verify_tls, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            ws_response_class=Websocket,
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
        self,
        prompt: Mapping[str, Any],
        prompt_id: str,
        client_id: str,
        extra_data: Mapping[str, Any],
        targets: Sequence[str] = (),
    ) -> Submission:
        """POST /prompt. Raises `PromptRejected` with the nodes' error messages."""
        body = {"prompt": prompt, "prompt_id": prompt_id, "client_id": client_id, "extra_data": extra_data}
        if targets:  # an empty list would be refused
            body["partial_execution_targets"] = list(targets)
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
        number = answer.get("number")
        return Submission(taken_as, number if isinstance(number, float | int) else 0, _node_errors(answer))

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
        """GET /object_info: nearly a megabyte on a real server. What replaces outdated class_types is in it. It is the
        same object as the last one while the server's words are the same.
        """
        status, nodes = await self._text("GET", "object_info")
        replaced = await self._node_replacements()
        digest = await asyncio.to_thread(_digest, nodes, replaced)
        if self._told is None or self._told[0] != digest:
            answer = await self._read_large(nodes, status, "object_info", 1)
            if not answer or not all(isinstance(node, dict) and "input" in node for node in answer.values()):
                raise Garbled(f"{self._server} answers, but it is not ComfyUI: its /object_info lists no nodes")
            try:
                replacements = self._read(replaced, 200, "node_replacements")
            except UnexpectedAnswer:
                replacements = {}
            self._told = digest, ObjectInfo(with_outdated(answer, replacements))
        return self._told[1]

    async def _node_replacements(self) -> bytes:
        """GET /node_replacements; servers have it since 2026."""
        try:
            return (await self._text("GET", "node_replacements", headers=_CLOSE))[1]
        except UnexpectedAnswer:
            return b"{}"

    async def system_stats(self) -> SystemStats:
        """GET /system_stats."""
        _, answer = await self._json("GET", "system_stats")
        try:
            system, devices = answer["system"], answer["devices"]
            return SystemStats(
                str(system.get("comfyui_version", "")),
                str(system.get("python_version", "")),
                tuple(_device(device) for device in devices),
                tuple(map(str, system.get("argv") or ())),
                int(system.get("ram_total") or 0),
                int(system.get("ram_free") or 0),
            )
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as fault:
            raise Garbled(f"{self._server} answers, but it is not ComfyUI") from fault

    async def free(self) -> None:
        """POST /free: unload the models. The server does so after the prompt that runs."""
        await self._empty("free", {"unload_models": True, "free_memory": True})

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
        path: Path,
        filename: str,
        fields: Mapping[str, str],
    ) -> FileRef:
        """POST /upload/image or /upload/mask, as a stream of a known length. Use the name in the answer (§4)."""
        with aiohttp.MultipartWriter("form-data") as form:
            for name, value in fields.items():
                form.append(value).set_content_disposition("form-data", name=name)
            part = form.append_payload(await FileBody.of(path))
            part.set_content_disposition("form-data", quote_fields=False, name="image", filename=_plain(filename))
            _, answer = await self._json("POST", route, form)
        if not answer.get("name"):
            raise Garbled("the server accepted the upload but gave no name")
        return FileRef.from_json({"type": "input", **answer})

    async def download(self, file: FileRef, path: Path, most: int | None = None) -> Download:
        """GET /view, written to `path` as it arrives. A failed transfer leaves no file."""
        async with self._answer("GET", "view", params={**self._server.query, **file.query}) as answer:
            if answer.status in REDIRECTS and self._server.files_elsewhere:
                async with self._elsewhere.get(answer) as file_answer:
                    return await self._store(file_answer, file, path, most)
            return await self._store(answer, file, path, most)

    async def _store(self, answer: aiohttp.ClientResponse, file: FileRef, path: Path, most: int | None) -> Download:
        if answer.status == 404:
            raise FileMissing(f"the server has no file {file.filename!r}", 404)
        if answer.status == 400:  # a name that the server creates but refuses to serve: "a..b.png" (§4)
            raise FileRefused(f"the server does not hand out {file.filename!r}", 400, file.filename)
        await self._expect(answer, (200,))
        if answer.content_type == "text/html" and not file.filename.lower().endswith((".html", ".htm")):
            raise WebPage(f"a web page came instead of the file {file.filename!r}", 200)  # §4: own ones are attachments
        limit = self._server.largest_file if most is None else min(most, self._server.largest_file)
        size = await bodies.write(answer, path, limit)
        return Download(path, size, answer.content_type)

    async def get(
        self,
        path: str,
        most: int,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (200,),
    ) -> tuple[int, bytes]:
        """GET a path that is percent-encoded already: the status, which is one of `accept`, and at most `most` bytes.
        Every answer that is not the server's own raises an error, a web page too.
        """
        async with self._answer("GET", self._asked(path, query), headers=headers) as answer:
            await self._expect(answer, accept)
            body = await bodies.read(answer, most)
            if (title := bodies.page_title(body)) is not None:
                raise self._web_page(answer.status, title)
            return answer.status, body

    async def until_other(
        self,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        status: int,
        body: bytes,
        pause: Callable[[], float],
    ) -> End:
        """Wait until `get` returns another status or body, as `comfy.library.unchanged` does."""
        headers = {**self._server.headers, **headers}
        return await until_other(self._asked(path, query), headers, status, body, pause)

    def _asked(self, path: str, query: Mapping[str, str] | None) -> URL:
        return self._server.base.joinpath(path, encoded=True).with_query({**self._server.query, **(query or {})})

    def parsed(self, body: bytes, path: str) -> Any:
        """Return what a body in JSON says. Raises `Garbled`."""
        try:
            return read_json(body)
        except (ValueError, RecursionError):
            raise Garbled(f"{self._server} answers, but it is not ComfyUI: /{path} is not ComfyUI's JSON") from None

    def _web_page(self, status: int, title: str) -> WebPage:
        return WebPage(f"a web page answers instead of {self._server}: {title!r}", status, title)

    async def post(self, path: str, body: Mapping[str, Any], accept: tuple[int, ...] = (200,)) -> int:
        """POST JSON to a path, of which the answer says nothing but its status."""
        headers = {"Content-Type": "application/json"}
        async with self._answer("POST", path, data=json.dumps(body).encode(), headers=headers) as answer:
            await self._expect(answer, accept)
            return answer.status

    async def _empty(self, path: str, body: Mapping[str, Any]) -> None:
        async with self._answer("POST", path, data=json.dumps(body).encode()) as answer:
            await self._expect(answer, (200,))

    async def _json(
        self, method: str, path: str, data: Any = None, accept: tuple[int, ...] = (200,)
    ) -> tuple[int, dict[str, Any]]:
        status, text = await self._text(method, path, data, accept)
        if len(text) > LARGE:
            return status, await self._read_large(text, status, path, _DEEP)
        return status, self._read(text, status, path)

    async def _text(
        self, method: str, path: str, data: Any = None, accept: tuple[int, ...] = (200,), **request: Any
    ) -> tuple[int, bytes]:
        async with self._answer(method, path, data=data, **request) as answer:
            await self._expect(answer, accept)
            return answer.status, await bodies.read(answer, _MOST_BY_ROUTE.get(path.partition("/")[0], _MOST))

    def _read(self, text: bytes, status: int, path: str) -> dict[str, Any]:
        try:
            parsed = read_json(text) if text or status == 200 else {}
        except (ValueError, RecursionError):
            parsed = {} if status in (404, 405) else None
        return self._object(parsed, text, status, path)

    async def _read_large(self, text: bytes, status: int, path: str, depth: int) -> dict[str, Any]:
        try:
            parsed = await read_large_json(text, depth)
        except (ValueError, RecursionError):
            parsed = {} if status in (404, 405) else None
        return self._object(parsed, text, status, path)

    def _object(self, parsed: Any, text: bytes, status: int, path: str) -> dict[str, Any]:
        if parsed is None and (title := bodies.page_title(text)) is not None:
            raise self._web_page(status, title)
        if not isinstance(parsed, dict):
            raise Garbled(f"{self._server} answers, but it is not ComfyUI: /{path} is not ComfyUI's JSON", status)
        return parsed

    async def _expect(self, answer: aiohttp.ClientResponse, accept: tuple[int, ...]) -> None:
        """Turn an unexpected status into an error. Its body may not be JSON (§1)."""
        if answer.status in accept:
            return
        where = f"{answer.method} {answer.url.path}"
        match answer.status:
            case status if status in REDIRECTS:
                raise redirected(self._server, answer.url, status, answer.headers)
            case 413:
                raise TooLarge(f"the request is too large for {self._server}", 413)
            case 500 | 507 if answer.url.path.endswith(_UPLOADS):
                raise UploadFailed(f"{self._server} could not save a file ({answer.status})", answer.status)
            case status if status in _ABSENT:
                raise ServerUnavailable(f"{self._server} cannot be reached behind its proxy ({answer.status})")
            case 401 | 403:
                raise UnexpectedAnswer(f"{self._server} refuses access ({answer.status}) at {where}", answer.status)
            case status:
                raise UnexpectedAnswer(f"{self._server} answered {where} with {status}", status)

    @asynccontextmanager
    async def _answer(self, method: str, path: str | URL, **request: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request. Every connection error is `ServerUnavailable`."""
        url = path if isinstance(path, URL) else self.url(path)
        try:
            async with self.session.request(method, url, allow_redirects=False, **request) as answer:
                _log.debug("%s answered %s %s with %d", self._server, method, url.path, answer.status)
                with _wished(answer):
                    yield answer
            self._has_answered = True
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError, ConnectionError) as fault:
            await self._check_scheme(fault)
            raise self._unavailable(fault) from fault
        except aiohttp.ClientError as fault:
            await self._check_scheme(fault)
            raise UnexpectedAnswer(f"{self._server} does not speak valid HTTP") from fault
        except UnexpectedAnswer as fault:
            await self._check_scheme(fault)
            raise

    def _unavailable(self, fault: BaseException) -> ServerUnavailable:
        unavailable = ServerUnavailable(f"{self._server} {_reason(fault)}")
        if isinstance(fault, aiohttp.ClientConnectorCertificateError):
            unavailable = CertificateRefused(f"{self._server} {_reason(fault)}")
            unavailable.reason = getattr(fault.certificate_error, "verify_message", "")
            unavailable.unsent = True
        elif isinstance(fault, aiohttp.ClientConnectorError):
            unavailable.unsent = True
        return unavailable

    async def _check_scheme(self, fault: BaseException) -> None:
        """Raise `WrongScheme` if the server speaks the other one of http and https. A server that has ever given a
        good answer is not in doubt, and neither is one that merely cannot be reached.
        """
        if isinstance(fault, aiohttp.ClientConnectorSSLError):
            if getattr(fault.os_error, "reason", "") in _NO_TLS:
                raise WrongScheme(f"{self._server} does not speak https, but http", "http") from fault
        elif self._has_answered or self._server.base.scheme == "https" or not _may_be_tls(fault):
            return
        elif await _speaks_tls(self._server):
            raise WrongScheme(f"{self._server} does not speak http, but https", "https") from fault


def _may_be_tls(fault: BaseException) -> bool:
    """True for what a server with TLS makes of a request without: it closes the connection, or answers nonsense."""
    match fault:
        case aiohttp.ClientConnectorError() | TimeoutError():
            return False
        case UnexpectedAnswer(status=status):
            return status == 400
        case _:
            return True


async def _speaks_tls(server: Server) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # we send nothing
    try:
        async with asyncio.timeout(server.connect_timeout):
            _, writer = await asyncio.open_connection(server.base.host, server.base.port, ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


@contextmanager
def _wished(answer: aiohttp.ClientResponse) -> Iterator[None]:
    """Add to an error when the server wants the next try."""
    try:
        yield
    except ComfyError as fault:
        fault.retry_after = wish(answer.headers.get(hdrs.RETRY_AFTER))
        raise


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
            return "does not speak valid TLS"
        case TimeoutError():
            return "takes too long to answer"
        case aiohttp.ClientConnectorError():
            return "cannot be reached"
        case _:
            return "closed the connection"


def _digest(*texts: bytes) -> bytes:
    return b"".join(sha256(text).digest() for text in texts)


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


def _listens_at(word: str, following: str) -> list[str]:
    """Return the addresses that an option names; ComfyUI takes all addresses where `--listen` names none."""
    option, equals, value = word.partition("=")
    if option != "--listen":
        return []
    value = value if equals else "" if following.startswith("-") else following
    return [each.strip() for each in (value or "0.0.0.0").split(",")]  # noqa: S104 - we only compare it


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
