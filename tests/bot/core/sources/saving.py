"""Saving at a server, as the editor does it, and a server with a library of workflows."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from comfy.embedded import EmbeddedServer

FOLDER = "workflows/darkroom"


async def save(url: str, name: str, content: object, user: str | None = None, folder: str = FOLDER) -> None:
    """Save a workflow at a server; what is no text or bytes is written as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    assert await _ask("POST", url, f"{folder}/{name}", user, data=BytesIO(body)) == 200


async def delete(url: str, name: str, user: str | None = None, folder: str = FOLDER) -> None:
    """Delete a saved workflow."""
    assert await _ask("DELETE", url, f"{folder}/{name}", user) == 204


async def add_user(url: str, name: str) -> str:
    """Make a user, and return their id."""
    async with aiohttp.ClientSession() as session, session.post(f"{url}/users", json={"username": name}) as answer:
        assert answer.status == 200
        return str(await answer.json())


async def _ask(method: str, url: str, path: str, user: str | None, **given: Any) -> int:
    address = URL(f"{url}/api/userdata/{quote(path, safe='')}", encoded=True)
    headers = {} if user is None else {"comfy-user": user}
    async with aiohttp.ClientSession() as session, session.request(method, address, headers=headers, **given) as answer:
        return answer.status


def saved_graph(color: int = 0, prefix: str = "x", filters: int = 0) -> dict[str, Any]:
    """A workflow as the editor saves it: a picture of one colour, through so many filters."""
    first = {
        "id": 1,
        "type": "EmptyImage",
        "widgets_values": [16, 16, 1, color],
        "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
    }
    names = ["EmptyImage", *["ImageInvert"] * filters, "SaveImage"]
    nodes = [first]
    for number, name in enumerate(names[1:], 2):
        nodes.append(
            {
                "id": number,
                "type": name,
                "widgets_values": [prefix] if name == "SaveImage" else [],
                "inputs": [{"name": "images" if name == "SaveImage" else "image", "type": "IMAGE", "link": number}],
                "outputs": [] if name == "SaveImage" else [{"name": "IMAGE", "type": "IMAGE"}],
            }
        )
    links = [[number, number - 1, 0, number, 0, "IMAGE"] for number in range(2, len(names) + 1)]
    return {"nodes": nodes, "links": links, "version": 0.4, "last_node_id": len(names)}


class LibraryServer(EmbeddedServer):
    """Has a library of two workflows, one of which needs nodes that are not there."""

    def _app(self, features: dict[str, Any]) -> web.Application:
        lost = {"id": 9, "type": "LostNode", "properties": {"cnr_id": "lost-pack"}}
        graph = saved_graph(7)
        files: dict[str, Any] = {
            "index": [{"templates": [_listed("sheet", "A blank sheet"), _listed("lost", "A lost sheet", paid=True)]}],
            "sheet": graph,
            "lost": {**graph, "nodes": [*graph["nodes"], lost]},
        }

        @web.middleware
        async def library(request: web.Request, handler: Any) -> web.StreamResponse:
            folder, _slash, name = request.path.strip("/").rpartition("/")
            if folder == "templates" and (found := files.get(name.removesuffix(".json"))) is not None:
                return web.json_response(found)
            answer: web.StreamResponse = await handler(request)
            return answer

        app = super()._app(features)
        app.middlewares.append(library)
        return app


def _listed(name: str, title: str, *, paid: bool = False) -> dict[str, Any]:
    about = {"title": title, "description": f"Makes {title.lower()}.", "models": ["Sheet 1"], "size": 3 * 2**29}
    return {"name": name, "openSource": not paid, **about, "io": {"outputs": [{"mediaType": "image"}]}}
