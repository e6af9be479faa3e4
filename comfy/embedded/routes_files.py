"""Routes for files: upload, mask and view."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import BodyPartReader, web
from PIL import Image as Pillow

from comfy.embedded.folders import KINDS, Folders, make_private, split_suffix

_CHUNK = 256 * 1024


class FileRoutes:
    def __init__(self, folders: Folders, max_upload_size: int) -> None:
        self._folders, self._limit = folders, max_upload_size

    def table(self) -> list[web.RouteDef]:
        return [
            web.post("/upload/image", self.upload_image),
            web.post("/upload/mask", self.upload_mask),
            web.get("/view", self.view),
        ]

    async def upload_image(self, request: web.Request) -> web.Response:
        fields, upload = await self._receive(request)
        if upload is None or not fields.get("filename"):
            return web.Response(status=400)
        try:
            return await asyncio.to_thread(self._keep, fields, upload)
        finally:
            await asyncio.to_thread(upload.unlink, missing_ok=True)

    async def upload_mask(self, request: web.Request) -> web.Response:
        fields, upload = await self._receive(request)
        if upload is None:
            return web.Response(status=400)
        try:
            return await asyncio.to_thread(self._keep_mask, fields, upload)
        finally:
            await asyncio.to_thread(upload.unlink, missing_ok=True)

    async def view(self, request: web.Request) -> web.StreamResponse:
        path = self._viewed(request)
        if isinstance(path, web.Response):
            return path
        if not await asyncio.to_thread(path.is_file):
            return web.Response(status=404)
        headers = {"Content-Disposition": f'filename="{path.name}"'}
        if "preview" in request.query:
            body, kind = await asyncio.to_thread(_preview, path, request.query["preview"])
            return web.Response(body=body, content_type=f"image/{kind}", headers=headers)
        if request.query.get("channel") in ("rgb", "a"):
            body = await asyncio.to_thread(_channel, path, request.query["channel"])
            return web.Response(body=body, content_type="image/png", headers=headers)
        if path.suffix.lower() in (".html", ".htm", ".js", ".css", ".svg", ".xml"):
            headers = {"Content-Disposition": "attachment", "Content-Type": "application/octet-stream"}
        return web.FileResponse(path, headers={**headers, "X-Content-Type-Options": "nosniff"})

    def _viewed(self, request: web.Request) -> Path | web.Response:
        if "filename" not in request.query:
            return web.Response(status=404)
        name, kind = split_suffix(request.query["filename"])
        kind = kind or request.query.get("type", "output")
        if not name or name.startswith("/") or ".." in name or kind not in KINDS:
            return web.Response(status=400)
        try:
            return self._folders.inside(kind, request.query.get("subfolder", ""), Path(name).name)
        except ValueError:
            return web.Response(status=403)

    async def _receive(self, request: web.Request) -> tuple[dict[str, str], Path | None]:
        """Read the form's fields, and stream its file to the disk, with a size limit."""
        if (request.content_length or 0) > self._limit:
            raise web.HTTPRequestEntityTooLarge(self._limit, request.content_length or 0)
        if not request.content_type.startswith("multipart/"):
            if "image" in await request.post():
                raise TypeError("image must be a file, and is a text")
            return {}, None
        fields: dict[str, str] = {}
        upload: Path | None = None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "image":
                if part.filename is None:
                    raise TypeError("image must be a file, and is a text")
                fields["filename"] = part.filename
                upload = await self._store(part)
            else:
                fields[part.name or ""] = await part.text()
        return fields, upload

    async def _store(self, part: BodyPartReader) -> Path:
        path = self._folders.folder("temp") / f"upload-{uuid4().hex}"
        size = 0
        await asyncio.to_thread(make_private, path)
        file = await asyncio.to_thread(path.open, "wb")
        try:
            while chunk := await part.read_chunk(_CHUNK):
                size += len(chunk)
                if size > self._limit:
                    raise web.HTTPRequestEntityTooLarge(self._limit, size)
                await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        return path

    def _keep(self, fields: dict[str, str], upload: Path) -> web.Response:
        target = self._target(fields)
        if target is None:
            return web.Response(status=400)
        if fields.get("overwrite") not in ("true", "1"):
            target = _free(target, upload)
        if not target.exists() or _digest(target) != _digest(upload):
            make_private(target).write_bytes(upload.read_bytes())
        return _named(target, fields)

    def _keep_mask(self, fields: dict[str, str], upload: Path) -> web.Response:
        ref = json.loads(fields["original_ref"])
        original = self._folders.inside(ref.get("type") or "output", ref.get("subfolder") or "", ref["filename"])
        target = self._target({**fields, "filename": fields.get("filename") or "mask.png"})
        if target is None:
            return web.Response(status=400)
        if original.is_file():
            with Pillow.open(original) as picture, Pillow.open(upload) as mask:
                masked = picture.convert("RGBA")
                masked.putalpha(mask.getchannel("A"))
                masked.save(make_private(target), compress_level=4)
        return _named(target, fields)

    def _target(self, fields: dict[str, str]) -> Path | None:
        kind = fields.get("type") or "input"
        try:
            folder = self._folders.inside(kind, fields.get("subfolder", ""))
            target = self._folders.inside(kind, fields.get("subfolder", ""), fields["filename"])
        except ValueError:
            return None
        if not target.is_relative_to(folder):
            return None
        folder.mkdir(0o700, parents=True, exist_ok=True)
        return target


def _named(target: Path, fields: dict[str, str]) -> web.Response:
    where = {"subfolder": fields.get("subfolder", ""), "type": fields.get("type") or "input"}
    return web.json_response({"name": target.name, **where})


def _free(target: Path, upload: Path) -> Path:
    """Return the same name for the same content, else the next numbered name."""
    number, wanted = 0, target
    while target.exists() and _digest(target) != _digest(upload):
        number += 1
        target = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
    return target


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _preview(path: Path, wanted: str) -> tuple[bytes, str]:
    kind, _, quality = wanted.partition(";")
    kind = kind if kind == "jpeg" else "webp"
    with Pillow.open(path) as picture:
        shown: Any = picture.convert("RGB") if kind == "jpeg" else picture
        body = io.BytesIO()
        shown.save(body, format=kind, quality=int(quality or 90))
    return body.getvalue(), kind


def _channel(path: Path, channel: str) -> bytes:
    with Pillow.open(path) as picture:
        body = io.BytesIO()
        if channel == "rgb":
            picture.convert("RGB").save(body, format="PNG")
        else:
            alpha = Pillow.new("RGBA", picture.size)
            alpha.putalpha(picture.convert("RGBA").getchannel("A"))
            alpha.save(body, format="PNG")
    return body.getvalue()
