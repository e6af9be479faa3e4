"""Saving at a server, as the editor does it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

FOLDER = "workflows/darkroom"


async def save(url: str, name: str, content: object, user: str | None = None, folder: str = FOLDER) -> None:
    """Save a workflow at a server; what is no text or bytes is written as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    assert await _ask("POST", url, f"{folder}/{name}", user, data=body) == 200


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
