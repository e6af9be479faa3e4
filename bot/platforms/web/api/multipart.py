"""Read forms as browsers send them. Everything is bounded, because anyone may send anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from aiohttp import StreamReader, web

from bot.core.errors import UserError
from bot.i18n import _

_HEAD = 4096  # bytes of the head of a part
_NAME = 100  # characters of the name of a field
_FIELDS = 64  # fields of a form
_BOUNDARY = re.compile(r'boundary=(?:"(?P<quoted>[^"]{1,70})"|(?P<bare>[^\s;,"]{1,70}))', re.IGNORECASE)
_DISPOSITION = re.compile(r"content-disposition:\s*form-data\s*(?P<rest>;.*)", re.IGNORECASE)
_PARAMETER = re.compile(
    r';\s*(?P<key>[a-z]+\*?)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s;"]*))', re.IGNORECASE
)


def media_type(request: web.Request) -> str:
    """The type that a request states. aiohttp's own `content_type` reads the header as an e-mail's, which is slow."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class FormPart:
    """The head of one part: the field that it is for, and the name of its file; None for a text."""

    name: str
    filename: str | None


class FormReader:
    """Reads a multipart body part by part, without ever holding more than a piece of it.

    All methods raise `UserError` if the body is not a form.
    """

    def __init__(self, request: web.Request) -> None:
        found = _BOUNDARY.search(request.headers.get("Content-Type", ""))
        if media_type(request) != "multipart/form-data" or found is None:
            raise UserError(_("Send the request as multipart/form-data."))
        boundary = found["quoted"] or found["bare"]
        self._mark = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
        self._content: StreamReader = request.content
        self._buffer = bytearray(b"\r\n")
        self._in_part = True  # what stands before the first part counts as one, which is empty

    async def part(self) -> FormPart | None:
        """Go on to the next part; None at the end."""
        if self._in_part and await self.piece():
            raise broken()
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            return None
        if not self._buffer.startswith(b"\r\n"):
            raise broken()
        self._in_part = True
        return _part(await self._head())

    async def piece(self) -> bytes:
        """The next piece of this part; nothing at its end."""
        while self._in_part:
            at = self._buffer.find(self._mark)
            if at >= 0:
                self._in_part = False
                piece = self._taken(at)
                del self._buffer[: len(self._mark)]
                return piece
            if len(self._buffer) > len(self._mark):
                return self._taken(len(self._buffer) - len(self._mark))
            await self._more()
        return b""

    async def text(self, room: int) -> str | None:
        """The text of this part; None if it is longer than `room`."""
        data = bytearray()
        while piece := await self.piece():
            data += piece
            if len(data) > room:
                return None
        return plain(data)

    async def _head(self) -> bytes:
        while (at := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _HEAD:
                raise broken()
            await self._more()
        head = self._taken(at)
        del self._buffer[:4]
        return head

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self) -> None:
        data = await self._content.readany()
        if not data:
            raise broken()
        self._buffer += data


async def read_fields(request: web.Request, room: int) -> Mapping[str, str | bytes]:
    """A small form, of either kind: texts, and the contents of files.

    Raises `UserError` and `HTTPRequestEntityTooLarge`.
    """
    if media_type(request) != "application/x-www-form-urlencoded":
        return await _parts(request, room)
    data = bytearray()
    while piece := await request.content.readany():
        data += piece
        if len(data) > room:
            raise web.HTTPRequestEntityTooLarge(room, len(data))
    try:
        return dict(parse_qsl(plain(data), keep_blank_values=True, max_num_fields=_FIELDS, errors="replace"))
    except ValueError as fault:
        raise broken() from fault


async def _parts(request: web.Request, room: int) -> Mapping[str, str | bytes]:
    reader = FormReader(request)
    values: dict[str, str | bytes] = {}
    while (part := await reader.part()) is not None:
        if part.name in values or len(values) == _FIELDS:
            raise broken()
        data = bytearray()
        while piece := await reader.piece():
            data += piece
            room -= len(piece)
            if room < 0:
                raise web.HTTPRequestEntityTooLarge(room, len(data))
        values[part.name] = plain(data) if part.filename is None else bytes(data)
    return values


def broken() -> UserError:
    return UserError(_("The request is not in the format that this page sends."))


def plain(data: bytes | bytearray) -> str:
    """The text that bytes mean. It has no NUL, which databases refuse."""
    return data.decode("utf-8", "replace").replace("\0", "")


def _part(head: bytes) -> FormPart:
    found = next(filter(None, map(_DISPOSITION.fullmatch, plain(head).splitlines())), None)
    if found is None:
        raise broken()
    given = {
        each["key"].lower(): _value(each["quoted"] or each["bare"] or "") for each in _PARAMETER.finditer(found["rest"])
    }
    if not 0 < len(given.get("name", "")) <= _NAME:
        raise broken()
    if "filename*" in given:
        return FormPart(given["name"], unquote(given["filename*"].rpartition("'")[2]))
    return FormPart(given["name"], given.get("filename"))


def _value(text: str) -> str:
    """Browsers write a quote as %22, programs as \\"."""
    return text.replace('\\"', '"').replace("%22", '"')
