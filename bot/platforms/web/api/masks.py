"""Masks that are drawn on the page: the pictures to draw on, and the links that chats hand out for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import PurePosixPath

from aiohttp import web

from bot.core.errors import StorageFailed
from bot.core.model import Retouch, StoredFile
from bot.core.platform import MASK_PATH, Services, without_mask, work_folder
from bot.platforms.web.api import files
from bot.platforms.web.api.multipart import FormReader, broken
from bot.platforms.web.api.uploads import LAYERS, owned, place_of, read_layer, stored_in
from bot.platforms.web.api.views import person_of
from bot.platforms.web.auth import introduce, whose
from bot.platforms.web.i18n import words
from bot.platforms.web.mask_words import mask_words
from bot.platforms.web.templates import filled


class MaskRoutes:
    """A link is opened by a POST, so that a program that only looks at it, for a preview, changes nothing."""

    def __init__(self, services: Services, upload_bytes: int) -> None:
        self._services, self._upload_bytes = services, upload_bytes

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/runs/{id}/{where:files|inputs}/{which}/plain", self._plain),
            web.get(MASK_PATH + "words", self._words),
            web.get(MASK_PATH + "{token}", self._page),
            web.post(MASK_PATH + "{token}/open", self._open),
            web.get(MASK_PATH + "{token}/plain", self._linked_plain),
            web.get(MASK_PATH + "{token}/whole", self._linked),
            web.post(MASK_PATH + "{token}/save", self._save),
        ]

    async def _words(self, _request: web.Request) -> web.Response:
        return web.json_response(mask_words())

    async def _plain(self, request: web.Request) -> web.Response:
        """A picture of the visitor's own to draw on."""
        visitor, part = whose(request), request.match_info
        run = await owned(self._services.runs, part["id"], visitor)
        file = stored_in(self._services, run, person_of(visitor), place_of(visitor), part["where"], part["which"])
        if file is None:
            raise web.HTTPNotFound
        return await self._drawable(file)

    async def _page(self, _request: web.Request) -> web.Response:
        """The same for every link: what it opens, the page's script asks for."""
        boot = json.dumps({"words": words()}, ensure_ascii=False).replace("<", "\\u003c")
        return await filled("mask.html", boot=boot)

    async def _open(self, request: web.Request) -> web.Response:
        answer = web.Response(content_type="application/json")
        task = await self._services.masks.open(request.match_info["token"], introduce(request, answer))
        answer.text = json.dumps({"title": task.title, "field": task.field, "filename": task.picture.filename})
        return answer

    async def _linked_plain(self, request: web.Request) -> web.Response:
        return await self._drawable(await self._picture(request))

    async def _linked(self, request: web.Request) -> web.StreamResponse:
        return await files.send(request, self._services.files, await self._picture(request))

    async def _picture(self, request: web.Request) -> StoredFile:
        return (await self._services.masks.task(request.match_info["token"], whose(request))).picture

    async def _drawable(self, file: StoredFile) -> web.Response:
        with work_folder() as folder:
            try:
                path = await self._services.files.fetch(file, folder / f"picture{PurePosixPath(file.key).suffix}")
            except StorageFailed as gone:
                raise web.HTTPNotFound from gone
            await without_mask(path, folder / "plain.jpg")
            body = await asyncio.to_thread((folder / "plain.jpg").read_bytes)
        return web.Response(body=body, content_type="image/jpeg")

    async def _save(self, request: web.Request) -> web.Response:
        await self._picture(request)  # a body is read for those alone who may save it
        with work_folder() as folder:
            reader, drawn = FormReader(request), Retouch()
            while (part := await reader.part()) is not None:
                if part.name not in LAYERS:
                    raise broken()
                drawn = await read_layer(reader, drawn, f"picture.{part.name}", folder, self._upload_bytes)
            if drawn == Retouch():
                raise broken()
            await self._services.masks.save(request.match_info["token"], whose(request), drawn, folder)
        return web.json_response({}, status=201)
