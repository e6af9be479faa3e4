"""Requests of people who mean no good: each gets a short refusal, and the log says little."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from bot.platforms.web.live.hub import Hub
from bot.settings import Secret
from tests.bot.harness import until
from tests.bot.platforms.web.pages import Page, Visitor, page, png
from tests.patience import PATIENCE

TOKEN = Secret("s3cret-token")
COOKIE = b"darkroom=" + b"x" * 40
LONG = b"9" * 5000
_PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


async def raw(web: Page, data: bytes) -> bytes:
    """Send these bytes; all that comes back until the page closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    return answer


def asked(line: bytes, *headers: bytes, body: bytes = b"", host: bytes = b"127.0.0.1", cookie: bytes = COOKIE) -> bytes:
    """A request, after which the connection is closed."""
    length = [b"Content-Length: %d" % len(body)] if body else []
    head = [line + b" HTTP/1.1", b"Host: " + host, b"Cookie: " + cookie, b"Connection: close", *length, *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def posted(path: bytes, body: bytes, kind: bytes = b"multipart/form-data; boundary=b") -> bytes:
    return asked(b"POST " + path, b"Content-Type: " + kind, body=body)


def told(answer: bytes) -> tuple[int, bytes]:
    """The status and the body of an answer."""
    head, _gap, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


RUNS, DESK = b"/workflows/negative/runs", b"/moderate"
URLENCODED = b"application/x-www-form-urlencoded"
REFUSED = {
    "count of 5,000 digits": asked(b"GET /stream?count=" + LONG),
    "count below 0": asked(b"GET /stream?count=-1"),
    "count in other digits": asked("GET /stream?count=²".encode()),
    "NUL in a query": asked(b"GET /stream?after=%00"),
    "NUL in a path": asked(b"GET /cards/a%00b"),
    "NUL in a file of ours": asked(b"GET /static/%00.js"),
    "NUL in a shared link": asked(b"GET /shared/a%00/1/b/c"),
    "NUL in a place": asked(b"GET /moderate?place=%00"),
    "folders above": asked(b"GET /static/..%2f..%2fauth.py"),
    "number of a result": asked(b"GET /runs/00000000-0000-0000-0000-000000000000/files/" + LONG),
    "host that is no host": asked(b"GET /", host=b"["),
    "origin that is none": asked(b"POST /login", b"Origin: http://["),
    "cookie that is no text": asked(b"GET /runs/x/preview", cookie=b"darkroom=" + b"\xff" * 40),
    "method that is none": asked(b"BREW /"),
    "expectation": asked(b"POST /login", b"Expect: " + b"e" * 300, body=b"token=x"),
    "no boundary": posted(RUNS, b"x", b"multipart/form-data"),
    "another charset": posted(b"/login", b"token=x", URLENCODED + b"; charset=nonsense"),
    "a charset in a part": posted(RUNS, _PART % (b"_charset_", b"x" * 40)),
    "gzip": asked(
        b"POST " + RUNS, b"Content-Encoding: gzip", b"Content-Type: multipart/form-data; boundary=b", body=b"x"
    ),
    "a part in parts": posted(RUNS, b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx"),
    "too many headers of a part": posted(RUNS, b"--b\r\n" + b"a: b\r\n" * 9000),
    "a header of a part that is long": posted(RUNS, b"--b\r\na: " + b"b" * 90_000),
    "a part without a name": posted(RUNS, b"--b\r\n\r\nx\r\n--b--\r\n"),
    "a name without an end": posted(RUNS, _PART % (b"n" * 3000, b"")),
    "a preamble without an end": posted(RUNS, b"\r\n" * 90_000),
    "a body that is cut off": posted(RUNS, b"--b\r\nContent-Disp"),
    "an unknown field": posted(RUNS, _PART % (b"unknown", b"x")),
    "the same field again": posted(RUNS, (_PART % (b"photo", b"")) * 2),
    "20,000 empty parts": posted(RUNS, b"".join(_PART % (b"p%d" % number, b"") for number in range(20_000))),
    "20,000 empty parts at the login": posted(b"/login", b"".join(_PART % (b"p%d" % n, b"") for n in range(20_000))),
    "20,000 fields at the login": posted(b"/login", b"a=&" * 20_000, URLENCODED),
    "20,000 empty parts at the desk": posted(DESK, b"".join(_PART % (b"p%d" % n, b"") for n in range(20_000))),
    "a place that is a file": posted(
        DESK, b'--b\r\nContent-Disposition: form-data; name="place"; filename="x"\r\n\r\n\r\n--b--'
    ),
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 5000 + b"\r\n\r\n",
    "an endless address": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
    "endless headers": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    "a length that is none": asked(b"POST /login", b"Content-Length: x"),
    "two lengths": asked(b"POST /login", b"Content-Length: 1", b"Content-Length: 2"),
    "chunks that are none": asked(b"POST /login", b"Transfer-Encoding: chunked", b"Content-Type: " + URLENCODED)
    + b"zz\r\n",
}


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.long
async def test_what_is_hostile_gets_a_short_refusal_and_the_log_stays_short(
    locked: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with page(tmp_path, token=TOKEN if locked else None) as web:
        caplog.set_level(logging.INFO)
        for name, request in REFUSED.items():
            answer = await raw(web, request)
            status, body = told(answer)
            assert 400 <= status < 500 or (locked and status == 303), (name, answer[:500])
            assert len(body) < 500 or b"<html" in body, (name, body)
            assert b"Server: Darkroom\r\n" in answer, (name, answer)
            assert b"aiohttp" not in answer, (name, answer)
    lines = [logging.Formatter("%(name)s %(message)s").format(record) for record in caplog.records]
    assert not [line for line in lines if len(line) > 200 or "Traceback" in line or "aaaa" in line]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.long
async def test_a_name_of_a_file_is_made_plain(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        names = {
            b'filename="a\0b\x07\r.png"': "ab.png",
            b'filename="C:\\fakepath\\My cat.png"': "My cat.png",
            b"filename*=UTF-8''%c3%9cber%00.png": "Über.png",
            b'filename="../../%22x%22.png"': '"x".png',
            b'filename=""': "file",
            b'filename="\xff\xfe"': "\ufffd\ufffd",
        }
        for given_name, shown in names.items():
            head = b'--b\r\nContent-Disposition: form-data; name="photo"; ' + given_name.replace(b"\r", b"%0D")
            body = head + b"\r\nContent-Type: image/png\r\n\r\n" + png() + b"\r\n--b--\r\n"
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            status, taken = await ann.call("POST", "workflows/negative/runs", data=body, headers=headers)
            assert status == 201, taken
            run = await ann.until(taken["id"], "done")
            assert run["inputs"][0]["filename"].replace("%0D", "") == shown
            assert (await ann.get(run["inputs"][0]["url"] + "?download"))[0] == 200


@pytest.mark.long
async def test_a_text_with_nul_is_taken_without_it(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("polaroid", photo=png(), caption="one\0two")
        assert (await ann.until(taken["id"], "done"))["values"].get("caption", "onetwo") == "onetwo"


@pytest.mark.long
async def test_a_visitor_cannot_open_pages_without_end(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben, AsyncExitStack() as stack:
        for _number in range(32):
            await anext(await stack.enter_async_context(ann.listening()))
        async with ann.session.get(f"{web.url}/stream") as answer:
            assert answer.status == 429
        async with ben.listening() as events:
            assert (await anext(events))[0] == "state"
        await stack.aclose()
        await until(partial(_may_listen, ann))


async def _may_listen(visitor: Visitor) -> bool:
    async with visitor.session.get(f"{visitor.url}/stream") as answer:
        return answer.status != 429


def test_few_visitors_who_left_are_remembered() -> None:
    hub = Hub()
    for number in range(3000):
        with hub.listen(f"visitor {number}"):
            pass
    assert len(hub._journals) == len(hub._left) == 1000


@pytest.mark.long
async def test_a_visitor_cannot_begin_requests_without_end(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        head = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'
        half = posted(RUNS, head + png() + b"\r\n--b--")
        writers = []
        for _number in range(16):
            _reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(half[:-10])
            writers.append(writer)
        await until(partial(_is_one_too_many, web))
        assert (await ann.ask("negative", photo=png()))[0] == 201  # another visitor can
        for writer in writers:
            writer.write(half[-10:])
        await until(partial(_may_ask, web))
        for writer in writers:
            writer.close()


async def _may_ask(web: Page) -> bool:
    return not await _is_one_too_many(web)


async def _is_one_too_many(web: Page) -> bool:
    return told(await raw(web, posted(RUNS, b"--b--")))[0] == 429
