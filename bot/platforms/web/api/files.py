"""Files of runs, to their own visitor: in parts where a player asks for parts, and never as anything that could act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from urllib.parse import quote

from aiohttp import web

from bot.core.errors import StorageFailed
from bot.core.model import StoredFile
from bot.core.platform import FileService

#: What a browser may show in place; all else is a download.
TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
}


async def send(request: web.Request, stored: FileService, file: StoredFile, *, lasts: int = 0) -> web.StreamResponse:
    """Send a stored file; with `?download`, under the name that it has for people. For so many seconds a browser may
    show it again without asking.
    """
    key = file.key
    etag = PurePosixPath(key).stem
    if request.if_none_match and any(each.value == etag for each in request.if_none_match):
        return web.Response(status=304)
    try:
        size = await stored.size(file)
    except StorageFailed as gone:
        raise web.HTTPNotFound from gone
    part = _range(request, size)
    start, end = part or (0, size)
    response = web.StreamResponse(status=206 if part else 200, headers=_headers(request, file, lasts))
    response.etag = etag
    response.content_length = end - start
    if part:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    with whole(request):
        await response.prepare(request)
        if request.method != "HEAD" and end > start:
            async for piece in stored.stream(file, start, end):
                await response.write(piece)
        await response.write_eof()
    return response


@contextmanager
def whole(request: web.Request) -> Iterator[None]:
    """Send a body here. It may end early: where the visitor has left, and where a file is gone in the middle. Then the
    connection is cut, so that nobody takes a part for all of it.
    """
    try:
        yield
    except ConnectionResetError:
        pass  # a gallery that scrolls asks for much that it needs no longer
    except StorageFailed:
        if request.transport is not None:
            request.transport.abort()


def preview(data: bytes) -> web.Response:
    """A live preview: whatever the server sent, named by what it is."""
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/webp" if data[8:12] == b"WEBP" else "image/jpeg"
    return web.Response(body=data, content_type=kind)


def _headers(request: web.Request, file: StoredFile, lasts: int) -> dict[str, str]:
    kind = TYPES.get(PurePosixPath(file.key).suffix)
    inline = kind is not None and "download" not in request.query
    disposition = "inline" if inline else "attachment"
    return {
        "Content-Type": kind or "application/octet-stream",
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(file.filename)}",
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={lasts}" if lasts else "private, no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def _range(request: web.Request, size: int) -> tuple[int, int] | None:
    """The part that is asked for, be it all of it; None for no part. Raises `HTTPRequestRangeNotSatisfiable`."""
    try:
        wanted = request.http_range
    except ValueError:
        return None
    if wanted.start is None and wanted.stop is None:
        return None
    start, end, _step = wanted.indices(size)
    if start >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, end
