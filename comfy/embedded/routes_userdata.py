"""Routes for the files that people save in the editor, and for the users of a server with several."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

from comfy.embedded.folders import make_private

DEFAULT_USER = "default"
_SYSTEM = "__"  # no user's name begins like this


class UserdataRoutes:
    """With `several` users each request names one in a header, as with ComfyUI's `--multi-user`."""

    def __init__(self, folder: Path, *, several: bool) -> None:
        self._folder, self._several = folder, several
        self.users = {} if several else {DEFAULT_USER: DEFAULT_USER}

    def table(self) -> list[web.RouteDef]:
        return [
            web.get("/users", self.list_users),
            web.post("/users", self.add_user),
            web.get("/userdata", self.list_files),
            web.get("/v2/userdata", self.list_all),
            web.get("/userdata/{file}", self.read),
            web.post("/userdata/{file}", self.write),
            web.delete("/userdata/{file}", self.delete),
            web.post("/userdata/{file}/move/{to}", self.move),
        ]

    async def list_users(self, request: web.Request) -> web.Response:
        if self._several:
            return web.json_response({"storage": "server", "users": self.users})
        return web.json_response({"storage": "server", "migrated": self._root(request).exists()})

    async def add_user(self, request: web.Request) -> web.Response:
        name = (await request.json())["username"].strip()
        if not name or name.startswith(_SYSTEM):
            return web.json_response({"error": "username not provided"}, status=400)
        if name in self.users.values():
            return web.json_response({"error": "Duplicate username."}, status=400)
        user = f"{re.sub('[^a-zA-Z0-9-_]+', '-', name)}_{uuid4()}"
        self.users[user] = name
        return web.json_response(user)

    async def list_files(self, request: web.Request) -> web.Response:
        if not (wanted := request.query.get("dir", "")):
            return web.Response(status=400, text="Directory not provided")
        if (folder := self._inside(request, wanted)) is None:
            return web.Response(status=403, text="Invalid directory")
        if not await asyncio.to_thread(folder.is_dir):
            return web.Response(status=404, text="Directory not found")
        paths = await asyncio.to_thread(lambda: list(_visible(folder, recurse=_says(request, "recurse"))))
        if _says(request, "full_info"):
            return web.json_response([_described(path, folder) for path in paths])
        names = [path.relative_to(folder).as_posix() for path in paths]
        return web.json_response([[name, *name.split("/")] for name in names] if _says(request, "split") else names)

    async def list_all(self, request: web.Request) -> web.Response:
        try:
            root = self._root(request)
        except KeyError:
            return web.Response(status=403, text="Invalid user specified in request")
        folder = self._inside(request, request.query.get("path", "") or ".")
        if folder is None or not await asyncio.to_thread(folder.is_dir):
            return (
                web.json_response([]) if folder == root else web.Response(status=404, text="Requested path not found")
            )
        entries = await asyncio.to_thread(lambda: [_entry(path, root) for path in sorted(folder.rglob("*"))])
        return web.json_response(sorted(entries, key=lambda each: each["type"] != "directory"))

    async def read(self, request: web.Request) -> web.StreamResponse:
        path = self._named(request, "file")
        if path is None or await asyncio.to_thread(path.is_dir):
            return web.Response(status=403)
        if not await asyncio.to_thread(path.is_file):
            return web.Response(status=404)
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return web.FileResponse(path, headers=headers)

    async def write(self, request: web.Request) -> web.Response:
        if (path := self._named(request, "file")) is None:
            return web.Response(status=403)
        if request.query.get("overwrite") == "false" and await asyncio.to_thread(path.exists):
            return web.Response(status=409, text="File already exists")
        await asyncio.to_thread(_put, path, await request.read())
        return self._answer(request, path)

    async def delete(self, request: web.Request) -> web.Response:
        if (path := self._named(request, "file")) is None:
            return web.Response(status=403)
        if not await asyncio.to_thread(path.exists):
            return web.Response(status=404)
        await asyncio.to_thread(path.unlink)
        return web.Response(status=204)

    async def move(self, request: web.Request) -> web.Response:
        path, to = self._named(request, "file"), self._named(request, "to")
        if path is None or to is None:
            return web.Response(status=403)
        if not await asyncio.to_thread(path.exists):
            return web.Response(status=404)
        if request.query.get("overwrite") == "false" and await asyncio.to_thread(to.exists):
            return web.Response(status=409, text="File already exists")
        await asyncio.to_thread(_move, path, to)
        return self._answer(request, to)

    def _answer(self, request: web.Request, path: Path) -> web.Response:
        root = self._root(request)
        return web.json_response(
            _described(path, root) if _says(request, "full_info") else path.relative_to(root).as_posix()
        )

    def _root(self, request: web.Request) -> Path:
        """Return the folder of the user who asks. Raises `KeyError`, which becomes a 500, for an unknown one."""
        user = request.headers.get("comfy-user", DEFAULT_USER) if self._several else DEFAULT_USER
        if user not in self.users:
            raise KeyError(f"Unknown user: {user}")
        return (self._folder / user).resolve()

    def _inside(self, request: web.Request, name: str) -> Path | None:
        """Return a path in the user's folder; None for one outside. ComfyUI decodes a name with “%” once more."""
        root = self._root(request)
        path = root.joinpath(unquote(name) if "%" in name else name).resolve()
        return path if path.is_relative_to(root) else None

    def _named(self, request: web.Request, key: str) -> Path | None:
        return self._inside(request, request.match_info[key])


def _visible(folder: Path, *, recurse: bool) -> Iterator[Path]:
    """Yield the files that a pattern finds: none whose name, or whose folder's name, begins with a dot."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield path
        elif recurse and path.is_dir():
            yield from _visible(path, recurse=True)


def _described(path: Path, below: Path) -> dict[str, Any]:
    about = path.stat()
    times = {"modified": int(about.st_mtime * 1000), "created": int(about.st_ctime * 1000)}
    return {"path": path.relative_to(below).as_posix(), "size": about.st_size, **times}


def _entry(path: Path, root: Path) -> dict[str, Any]:
    entry = {"name": path.name, "path": path.relative_to(root).as_posix()}
    if path.is_dir():
        return {**entry, "type": "directory"}
    about = path.stat()
    return {**entry, "type": "file", "size": about.st_size, "modified": about.st_mtime}


def _put(path: Path, body: bytes) -> None:
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    part = make_private(path.with_name(f".{uuid4().hex}"))
    part.write_bytes(body)
    part.replace(path)


def _move(path: Path, to: Path) -> None:
    to.parent.mkdir(0o700, parents=True, exist_ok=True)
    shutil.move(path, to)


def _says(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"
