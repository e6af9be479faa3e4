"""Requests of all kinds, well-formed and not: forms arrive as they were sent, and nothing makes the page fail."""

from __future__ import annotations

import asyncio
import json
import logging
import string
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.core.errors import UserError
from bot.platforms.http_server import listening
from bot.platforms.web.api.multipart import read_fields
from tests.bot.platforms.web.pages import page, png
from tests.bot.walks import Log, Scene
from tests.patience import PATIENCE

T = TypeVar("T")
QUICK = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
LONG = settings(QUICK, max_examples=2000, derandomize=False, phases=(Phase.generate, Phase.shrink))
ROOM = 5000  # bytes of a form

contents = st.binary(max_size=300) | st.sampled_from([b"", b"\r\n", b"--b", b"\r\n--", b"\r\n--b", b"\r\n--bb\r\n" * 9])
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=20
)
forms = st.dictionaries(names, st.tuples(st.booleans(), contents), max_size=6)
cuts = st.lists(st.integers(1, 200), max_size=6)
junk = st.binary(max_size=60) | st.sampled_from(
    [b"\r\n--b\r\n", b"--b--", b"\r\n\r\n", b'content-disposition: form-data; name="', b"\0", b'filename="', b"\xff"]
)


def multipart(form: dict[str, tuple[bool, bytes]], boundary: bytes = b"of this form") -> bytes:
    parts = []
    for name, (is_file, content) in form.items():
        file = b'; filename="a.png"\r\nContent-Type: image/png' if is_file else b""
        head = b'Content-Disposition: form-data; name="' + name.replace('"', "%22").encode() + b'"' + file
        parts.append(b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n")
    return b"".join(parts) + b"--" + boundary + b"--\r\n"


@asynccontextmanager
async def echo() -> Any:
    """A site that tells which form it was sent."""

    async def told(request: web.Request) -> web.Response:
        try:
            fields = await read_fields(request, ROOM)
        except UserError as fault:
            return web.Response(status=422, text=str(fault))
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
        return web.json_response(
            {"texts": texts, "files": {n: v.hex() for n, v in fields.items() if isinstance(v, bytes)}}
        )

    app = web.Application()
    app.add_routes([web.post("/", told)])
    async with listening(app, "127.0.0.1", (0,)) as port:
        yield port


@contextmanager
def opened(context: AbstractAsyncContextManager[T]) -> Iterator[tuple[asyncio.Runner, T, Log]]:
    """Enter a context, in a loop that stands still between two examples."""
    log = Log()
    logging.getLogger().addHandler(log)
    with asyncio.Runner() as runner:

        async def enter() -> tuple[Scene, T]:
            scene = Scene(context)
            return scene, await scene.enter()

        scene, entered = runner.run(enter())
        try:
            yield runner, entered, log
        finally:
            runner.run(scene.leave())
            logging.getLogger().removeHandler(log)
    assert not log.bad, "\n".join(log.bad)


async def ask(port: int, head: bytes, body: bytes = b"", pieces: list[int] | None = None) -> tuple[int, bytes]:
    """Send a request, in pieces of these sizes, and read its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        for size in pieces or []:
            writer.write(body[:size])
            body = body[size:]
            await writer.drain()
        writer.write(body)
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
    finally:
        writer.close()
    start, _gap, said = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), said


def post(kind: bytes, path: bytes = b"/") -> bytes:
    return (
        b"POST "
        + path
        + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: darkroom="
        + b"x" * 40
        + b"\r\nContent-Type: "
        + kind
    )


def forms_arrive_as_they_were_sent(how: settings) -> None:
    with opened(echo()) as (runner, port, _log):

        @how
        @given(forms, cuts)
        def check(form: dict[str, tuple[bool, bytes]], pieces: list[int]) -> None:
            sent = post(b'multipart/form-data; boundary="of this form"')
            status, said = runner.run(ask(port, sent, multipart(form), pieces))
            assert status == 200, said
            told = json.loads(said)
            assert told["files"] == {name: content.hex() for name, (is_file, content) in form.items() if is_file}
            assert told["texts"] == {
                name: content.decode("utf-8", "replace").replace("\0", "")
                for name, (is_file, content) in form.items()
                if not is_file
            }

        @how
        @given(st.dictionaries(names, st.text(st.characters(codec="utf-8", exclude_characters="\0"))), cuts)
        def check_plain(form: dict[str, str], pieces: list[int]) -> None:
            sent = post(b"application/x-www-form-urlencoded")
            status, said = runner.run(ask(port, sent, urlencode(form).encode(), pieces))
            assert (status, json.loads(said)["texts"]) == (200, form)

        check()
        check_plain()


def garbled_forms_are_refused(how: settings) -> None:
    with opened(echo()) as (runner, port, log):

        @how
        @given(forms, st.lists(st.tuples(st.integers(0, 600), st.integers(0, 40), junk), min_size=1, max_size=4), cuts)
        def check(
            form: dict[str, tuple[bool, bytes]], changes: list[tuple[int, int, bytes]], pieces: list[int]
        ) -> None:
            body = bytearray(multipart(form, b"b"))
            for at, length, new in changes:
                start = at % (len(body) + 1)
                body[start : start + length] = new
            for kind in (b"multipart/form-data; boundary=b", b"application/x-www-form-urlencoded"):
                status, said = runner.run(ask(port, post(kind), bytes(body), pieces))
                assert status in (200, 413, 422), said
            assert not log.bad, log.bad

        check()


paths = st.sampled_from(
    [
        *("/", "/login", "/workflows", "/workflows/{}/runs", "/workflows/negative/runs", "/cards/{}", "/sample"),
        *(
            "/runs/{}/again",
            "/runs/{}/cancel",
            "/runs/{}/changes",
            "/runs/{}",
            "/runs/{}/preview",
            "/runs/{}/files/{}",
            "/runs/{}/inputs/{}",
        ),
        *("/moderate", "/moderate/log", "/moderate/export", "/moderate/stats", "/moderate/held/{}/{}"),
        *("/healthz", "/readyz", "/metrics", "/shared/{}/{}/{}/{}", "/stream", "/static/{}", "/{}"),
    ]
)
odd = st.sampled_from(
    [
        *(
            "",
            "0",
            "-1",
            "9" * 5000,
            "1e999",
            "nan",
            "%00",
            "%ff%fe",
            "..",
            "%2e%2e%2f",
            "a%0d%0ab",
            "%F0%9F%90%88",
            "²",
            "٣",
        ),
        *(
            "00000000-0000-0000-0000-000000000000",
            "negative",
            "plain",
            "{",
            "%",
            "%zz",
            "'",
            '"',
            "a" * 2000,
            "web:",
            "x y",
        ),
    ]
) | st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="#?"), max_size=12)
keys = st.sampled_from(
    ["count", "after", "place", "download", "act", "person", "days", "most", "minimum", "field", "run", "rule"]
)
headers = st.sampled_from(
    [
        *("Range: bytes={}-{}", "If-None-Match: {}", "If-Modified-Since: {}", "If-Range: {}", "Last-Event-ID: {}"),
        *("Origin: {}", "Sec-Fetch-Site: {}", "Authorization: {}", "Authorization: Bearer {}", "Forwarded: {}"),
        *(
            "Cookie: darkroom={}",
            "Cookie: darkroom_session={}",
            "Cookie: {}",
            "X-Forwarded-For: {}",
            "Content-Encoding: {}",
        ),
        *("Transfer-Encoding: {}", "Expect: {}", "Accept-Encoding: {}", "Upgrade: {}", "Content-Disposition: {}"),
    ]
)
# The page uses `random` in threads of its own while examples are drawn.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
acts = st.sampled_from(
    [
        *(
            "allow",
            "deny",
            "clear",
            "block",
            "unblock",
            "approve",
            "refuse",
            "limit",
            "narrow",
            "words",
            "show",
            "drop",
        ),
        *("show", "drop", "undo", "import"),
    ]
)


def nothing_makes_the_page_fail(folder: Path, how: settings, **options: Any) -> None:
    with opened(page(folder, **options)) as (runner, served, log):

        @how
        @given(
            st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]),
            paths,
            st.lists(odd, min_size=4, max_size=4),
            st.dictionaries(keys, odd, max_size=3),
            st.lists(st.tuples(headers, odd), max_size=2),
            st.booleans(),
        )
        def check(method: str, path: str, fills: list[str], query: dict[str, str], extra: Any, known: bool) -> None:
            asked = path.format(*fills) + (
                "?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else ""
            )
            lines = [f"{method} {quote(asked, safe=string.punctuation)} HTTP/1.1", "Host: 127.0.0.1"]
            lines += ["Cookie: darkroom=" + "x" * 40] if known else []
            lines += [header.format(value, value) for header, value in extra]
            if path == "/stream" and known and method == "GET":
                lines[0] = "HEAD" + lines[0].removeprefix("GET")  # a stream has no end
            status, said = runner.run(ask(served.port, "\r\n".join(lines).encode()))
            assert status < 500 or path == "/readyz", (lines, said)
            assert not log.bad, (lines, log.bad)

        @how
        @given(acts, st.dictionaries(st.sampled_from(FIELDS), odd, max_size=8))
        def decide(act: str, fields: dict[str, str]) -> None:
            body = urlencode({"place": "web:", **fields, "act": act}).encode()
            status, said = runner.run(ask(served.port, post(b"application/x-www-form-urlencoded", b"/moderate"), body))
            assert status < 500, (act, fields, said)
            assert not log.bad, (act, fields, log.bad)

        @how
        @given(
            st.dictionaries(
                st.sampled_from(["photo", "caption", "tilt"]), st.tuples(st.booleans(), contents | st.just(png()))
            )
        )
        def run(form: dict[str, tuple[bool, bytes]]) -> None:
            head = post(b'multipart/form-data; boundary="of this form"', b"/workflows/polaroid/runs")
            status, said = runner.run(ask(served.port, head, multipart(form)))
            assert status < 500, (form, said)
            assert not log.bad, (form, log.bad)

        check()
        run()
        decide()


FIELDS = (
    *("workflow", "person", "name", "reason", "days", "run", "rule", "measure", "most", "together", "field", "minimum"),
    *(
        "maximum",
        "choices",
        "default",
        "fixed",
        "hidden",
        "words",
        "patterns",
        "hold",
        "review",
        "previews",
        "spoilers",
    ),
    *("results", "channel", "file"),
)


@pytest.mark.long
def test_forms_arrive_as_they_were_sent() -> None:
    forms_arrive_as_they_were_sent(QUICK)


@pytest.mark.long
def test_garbled_forms_are_refused() -> None:
    garbled_forms_are_refused(QUICK)


@pytest.mark.long
def test_nothing_makes_the_page_fail(tmp_path: Path) -> None:
    nothing_makes_the_page_fail(tmp_path, QUICK)


@pytest.mark.long
def test_much_more_does_not_either(tmp_path: Path) -> None:
    forms_arrive_as_they_were_sent(LONG)
    garbled_forms_are_refused(LONG)
    nothing_makes_the_page_fail(tmp_path, LONG)
