"""Servers behind a proxy: a path before theirs, a token, a certificate of their own making."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.core.error_text import explain
from comfy import CertificateRefused, ComfyClient, ComfyError, Prompt, Server, UnexpectedAnswer, WrongScheme
from comfy.embedded import EmbeddedServer
from comfy.messages.events import Event, ExecutionStart, ExecutionSuccess

#: Self-signed, for 127.0.0.1: a certificate with its key.
CERTIFICATE = Path(__file__).parent.parent / "data" / "self-signed.pem"
PREFIX = "/gpu 1/comfy"
TOKEN = {"Authorization": "Bearer sesame"}
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 7}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a b/ü #1"}},
}


class Proxy:
    """Hands on what comes under its prefix with the right token, as nginx or Caddy would."""

    def __init__(self, target: str, authorization: str) -> None:
        self._target, self._authorization = target, authorization
        self.passed: list[str] = []

    @asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            scheme = "https" if tls else "http"
            yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/gpu%201/comfy/"
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != self._authorization:
            return web.Response(status=401, text="who are you?")
        assert request.path.startswith(f"{PREFIX}/")
        assert "Origin" not in request.headers
        path = request.path_qs.removeprefix("/gpu%201/comfy")
        self.passed.append(request.path.removeprefix(PREFIX).split("/")[1])
        async with aiohttp.ClientSession(self._target) as session:
            if "Upgrade" in request.headers:
                return await _websocket(request, session, path)
            kept = {"Content-Type": request.headers["Content-Type"]} if "Content-Type" in request.headers else {}
            url = URL(self._target + path, encoded=True)
            async with session.request(request.method, url, data=await request.read(), headers=kept) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


async def _websocket(request: web.Request, session: aiohttp.ClientSession, path: str) -> web.StreamResponse:
    ours = web.WebSocketResponse()
    await ours.prepare(request)
    async with session.ws_connect(path) as theirs:
        await theirs.send_str(await ours.receive_str())
        async for message in theirs:
            await (ours.send_str if message.type is aiohttp.WSMsgType.TEXT else ours.send_bytes)(message.data)
    return ours


@pytest.fixture
async def engine() -> AsyncIterator[str]:
    async with EmbeddedServer() as server:
        yield server.url


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def run(server: Server, folder: Path) -> list[Event]:
    async with ComfyClient(server) as client:
        await client.object_info()
        photo = folder / "photo.png"
        photo.write_bytes(b"x")
        assert (await client.upload_image(photo)).input_value == "photo.png"
        submission = await client.submit(Prompt(GRAPH))
        events = [event async for event in client.follow(submission.prompt_id)]
        (output,) = (await client.collect(submission.prompt_id)).files
        assert output.file.filename == "ü #1_00001_.png"
        await client.download(output.file, folder / "out.png")
        assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")
        return events


@pytest.mark.parametrize("secure", [False, True])
async def test_a_path_a_token_and_tls_hold_for_every_request_and_the_websocket(
    secure: bool, engine: str, tmp_path: Path
) -> None:
    proxy = Proxy(engine, TOKEN["Authorization"])
    async with proxy.serve(tls() if secure else None) as url:
        events = await run(Server(url, headers=TOKEN, verify_tls=False), tmp_path)
    assert isinstance(events[0], ExecutionStart)  # so the websocket was heard
    assert isinstance(events[-1], ExecutionSuccess)
    assert proxy.passed == ["object_info", "node_replacements", "upload", "ws", "prompt", "history", "view"]


async def test_a_certificate_is_checked_unless_that_is_switched_off(engine: str) -> None:
    async with Proxy(engine, TOKEN["Authorization"]).serve(tls()) as url:
        async with ComfyClient(Server(url, headers=TOKEN)) as client:
            with pytest.raises(CertificateRefused) as refused:
                await client.object_info()
            assert refused.value.unsent
        async with ComfyClient(Server(url.replace("https", "http"), headers=TOKEN)) as client:
            with pytest.raises(WrongScheme) as plain:
                await client.object_info()
    assert "speaks https, but its address says http." in explain(plain.value, "run")
    async with ComfyClient(Server(engine.replace("http", "https"))) as client:
        with pytest.raises(WrongScheme) as wrong:
            await client.object_info()
    assert "speaks http, but its address says https." in explain(wrong.value, "run")


async def test_the_sentence_for_a_certificate_says_what_is_wrong_with_it(engine: str) -> None:
    async with Proxy(engine, TOKEN["Authorization"]).serve(tls()) as url, ComfyClient(Server(url)) as client:
        with pytest.raises(CertificateRefused) as refused:
            await client.object_info()
    assert "cannot be verified: self-signed certificate." in explain(refused.value, "run")


@pytest.mark.parametrize("answer", [b"", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 400 Bad Request\r\n\r\nuse https"])
async def test_a_server_that_is_merely_broken_is_not_said_to_speak_https(answer: bytes) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(broken, "127.0.0.1", 0)
    async with listener, ComfyClient(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(ComfyError) as caught:
            await client.system_stats()
    assert not isinstance(caught.value, WrongScheme)


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("me:pass@", {}, "Basic bWU6cGFzcw=="),
        ("me:pass@", {"authorization": "Bearer sesame"}, "Bearer sesame"),
        ("", TOKEN, "Bearer sesame"),
    ],
)
async def test_who_we_are(address: str, headers: dict[str, str], expected: str, engine: str, tmp_path: Path) -> None:
    async with Proxy(engine, expected).serve() as url:
        server = Server(url.replace("//", f"//{address}"), headers=headers)
        assert "pass" not in str(server)
        assert isinstance((await run(server, tmp_path))[-1], ExecutionSuccess)


async def test_a_wrong_token_is_refused_and_kept_to_ourselves(engine: str) -> None:
    wrong = {"Authorization": "Bearer guess"}
    async with Proxy(engine, "right").serve() as url, ComfyClient(Server(url, headers=wrong)) as client:
        with pytest.raises(UnexpectedAnswer) as refused:
            await client.object_info()
        assert refused.value.status == 401
        assert "guess" not in f"{refused.value!r} {client.server!r}"
