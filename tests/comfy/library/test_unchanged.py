"""An answer that is still the same is recognized, and nothing else is ever taken for it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from comfy import ComfyClient
from comfy.embedded import EmbeddedServer
from comfy.library import unchanged
from comfy.library.unchanged import End, until_other
from tests.patience import PATIENCE

BODY = b'[{"path": "a.json"}]'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nDate: %d\r\n\r\n"


def same(number: int) -> bytes:
    return HEAD % (len(BODY), number) + BODY


class Teller:
    """A server that gives its answers in turn, each in pieces, and stays silent after the last one."""

    def __init__(self, answers: Sequence[Sequence[bytes]], *, closes: bool = False) -> None:
        self.answers, self.closes = list(answers), closes
        self.requests: list[bytes] = []
        self.connections = 0
        self.silent, self.left = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(request)
                if not self.answers:
                    self.silent.set()
                    if self.closes:
                        break
                    continue
                for piece in self.answers.pop(0):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.left.set()
            writer.close()


@asynccontextmanager
async def telling(teller: Teller) -> AsyncIterator[URL]:
    server = await asyncio.start_server(teller.serve, "127.0.0.1", 0)
    async with server:
        yield URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/userdata?dir=work%2Fflows")


async def wait(teller: Teller, *, headers: Mapping[str, str] | None = None, patience: float = PATIENCE) -> End:
    """Wait as a caller would whose last answer had this body, without a pause between two questions."""
    async with telling(teller) as url, asyncio.timeout(PATIENCE):
        return await until_other(url, headers or {}, 200, BODY, lambda: 0.0, patience)


@pytest.mark.parametrize(
    "other",
    [
        HEAD % (len(BODY), 0) + BODY.replace(b"a", b"b"),
        HEAD % (2, 0) + b"[]",
        HEAD % (len(BODY) + 1, 0) + BODY + b" ",
        same(0).replace(b"200 OK", b"404 Not Found"),
        same(0).replace(b"1.1 200", b"1.1 2000"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
        same(0) + b"HTTP/1.1 200",
        b"<html>",
        b"\0" * 100,
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 20_000,
    ],
)
async def test_any_other_answer_ends_the_wait(other: bytes) -> None:
    teller = Teller([[same(1)], [same(2)], [other]])
    assert await wait(teller) is End.ANOTHER
    assert len(teller.requests) == 3
    assert teller.connections == 1


async def test_the_same_answer_is_known_whatever_its_date_and_pieces() -> None:
    answer = same(1)
    cuts = [answer[:3], answer[3:40], answer[40:-1], answer[-1:]]
    teller = Teller([cuts, [same(2)], [same(3).replace(b"Content-Length", b"content-length")]], closes=True)
    await wait(teller)
    assert len(teller.requests) == 4


async def test_a_server_that_hangs_up_ends_the_wait() -> None:
    teller = Teller([[same(1)]], closes=True)
    assert await wait(teller) is End.NO_ANSWER
    assert len(teller.requests) == 2


async def test_a_server_that_is_silent_ends_the_wait() -> None:
    teller = Teller([])
    assert await wait(teller, patience=0.01) is End.NO_ANSWER
    assert teller.connections == 1


async def test_a_server_that_answers_a_byte_at_a_time_ends_the_wait() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        left.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, asyncio.timeout(PATIENCE):
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        assert await until_other(url, {}, 200, BODY, lambda: 0.0, patience=0.1) is End.NO_ANSWER
        await left.wait()


async def test_where_many_threads_ask_no_more_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_THREADS", threading.BoundedSemaphore(1))
    teller = Teller([[same(1)]])
    async with telling(teller) as url, asyncio.timeout(PATIENCE):
        first = asyncio.create_task(until_other(url, {}, 200, BODY, lambda: 0.0))
        await teller.silent.wait()
        assert await until_other(url, {}, 200, BODY, lambda: 0.0) is End.NOT_ASKED
        first.cancel()
        await asyncio.wait({first})
        teller.closes = True
        assert await until_other(url, {}, 200, BODY, lambda: 0.0) is End.NO_ANSWER


@pytest.mark.parametrize("is_late", [False, True])
async def test_where_the_system_has_no_thread_left_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, *, is_late: bool
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    teller = Teller([])
    async with telling(teller) as url, asyncio.timeout(PATIENCE):
        if is_late:  # the name has been looked up by then
            await asyncio.to_thread(str)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            assert await until_other(url, {}, 200, BODY, lambda: 0.0) is End.NOT_ASKED
        if is_late:
            await teller.left.wait()


async def test_a_server_that_speaks_unasked_ends_the_wait() -> None:
    teller = Teller([[same(1), b"more"]])
    await wait(teller)
    assert len(teller.requests) in (1, 2)


async def test_what_is_asked_is_what_the_client_would_ask() -> None:
    teller = Teller([])
    await wait(
        teller, patience=0.1, headers={"Authorization": "Bearer x", "comfy-user": "ann", "Accept-Encoding": "gzip"}
    )
    line, *given_headers = teller.requests[0].decode().strip().split("\r\n")
    assert line == "GET /userdata?dir=work/flows HTTP/1.1"
    assert {"Authorization: Bearer x", "comfy-user: ann"} < set(given_headers)
    assert not any("encoding" in each.lower() for each in given_headers)
    assert sum(each.startswith("Host: 127.0.0.1:") for each in given_headers) == 1


async def test_a_host_of_the_settings_is_the_one_that_is_sent() -> None:
    teller = Teller([], closes=True)
    await wait(teller, headers={"host": "studio.example", "ACCEPT": "application/json"})
    given_headers = teller.requests[0].decode().strip().split("\r\n")[1:]
    assert given_headers == ["host: studio.example", "ACCEPT: application/json"]


async def test_a_list_is_recognized_however_long_nothing_changes(tmp_path: Path) -> None:
    """A caller that stops waiting, and reads the same again, has not waited in vain."""
    async with EmbeddedServer(tmp_path) as server, ComfyClient(server.url) as client, asyncio.timeout(PATIENCE):
        listed = await client.saved("workflows")
        for _time in range(10):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await client.until_saved("workflows", None, lambda: 0.0)
                    pytest.fail("it returned though nothing has changed")
            assert await client.saved("workflows") is listed


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer x\r\nX-Other: y"}, {"a\nb": "c"}, {"a": "\0"}])
async def test_a_header_of_more_than_one_line_is_not_sent(headers: dict[str, str]) -> None:
    teller = Teller([])
    await wait(teller, headers=headers)
    assert teller.connections == 0


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/userdata", "http://ann:secret@127.0.0.1:1/userdata"])
async def test_what_needs_more_than_a_plain_connection_is_left_to_the_library(url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        assert await until_other(URL(url), {}, 200, BODY, lambda: PATIENCE) is End.NOT_ASKED


async def test_a_server_that_is_away_ends_the_wait(unused_tcp_port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        url = URL(f"http://127.0.0.1:{unused_tcp_port}/")
        assert await until_other(url, {}, 200, BODY, lambda: PATIENCE) is End.NO_ANSWER


async def test_a_name_with_other_letters_is_the_one_that_the_client_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()

    def resolve(host: object, *_given: object, **_more: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with asyncio.timeout(PATIENCE):
        await until_other(URL("http://straße.example:8188/userdata"), {}, 200, BODY, lambda: 0.0)
    assert asked == ["xn--strae-oqa.example"]


async def test_an_address_of_a_name_that_does_not_answer_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As IPv6 often is at home."""
    teller = Teller([[same(1)]], closes=True)
    async with telling(teller) as url:
        with socket.socket() as hole, socket.socket() as other, socket.socket() as third:
            hole.bind(("127.0.0.2", url.port or 0))
            hole.listen(0)
            for each in (other, third):  # it takes no more connections than these
                each.setblocking(False)
                with suppress(BlockingIOError):
                    each.connect(hole.getsockname())
            both = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, url.port)) for host in ("127.0.0.2", "127.0.0.1")
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_more: both)
            async with asyncio.timeout(PATIENCE):
                await until_other(url.with_host("box.example"), {}, 200, BODY, lambda: 0.0)
    assert teller.connections == 1


async def test_a_wait_that_is_given_up_closes_its_connection() -> None:
    teller = Teller([[same(1)]])
    async with telling(teller) as url, asyncio.timeout(PATIENCE):
        waiting = asyncio.create_task(until_other(url, {}, 200, BODY, lambda: 0.0))
        await teller.silent.wait()
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        await teller.left.wait()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4))
def test_bytes_of_any_kind_are_never_the_same_answer(pieces: list[bytes]) -> None:
    async def check() -> None:
        teller = Teller([pieces, [same(1)]])
        await wait(teller, patience=0.01)
        assert len(teller.requests) <= 2

    asyncio.run(check())
