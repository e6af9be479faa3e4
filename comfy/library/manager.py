"""ComfyUI-Manager at a server: have it install a pack of nodes.

It promises little: a task is taken with 200 even if it is refused, the refusal comes as its result, and nothing tells
how far it is. A pack works only once the server has started again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

if TYPE_CHECKING:
    from comfy.http import Http

_QUEUE = "v2/manager/queue"
_MOST = 1_000_000  # bytes of an answer
_LOOK_EVERY = 1.0  # seconds
_LONGEST = 300  # characters of what it says


@dataclass(frozen=True)
class PackResult:
    """The end of an installation: whether it went well, and what the manager said of it."""

    went_well: bool
    words: str


async def is_there(http: Http) -> bool:
    """True if the server has the manager, with the queue that takes tasks (4.x, `--enable-manager`)."""
    status, _body = await http.get(f"{_QUEUE}/status", _MOST, accept=(200, 404))
    return status == 200


async def install(http: Http, pack: str, patience: float) -> PackResult | None:
    """Install a pack by its id in the registry; None if that has not ended after so many seconds. Raises
    `ComfyError`.
    """
    task, own = str(uuid4()), {"id": pack, "version": "latest", "selected_version": "latest"}
    params = {**own, "mode": "cache", "channel": "default"}
    await http.post(f"{_QUEUE}/task", {"kind": "install", "ui_id": task, "client_id": task, "params": params})
    await http.post(f"{_QUEUE}/start", {}, accept=(200, 201))
    try:
        async with asyncio.timeout(patience):
            while (found := await _result(http, task)) is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        return None
    return found


async def _result(http: Http, task: str) -> PackResult | None:
    path = f"{_QUEUE}/history"
    status, body = await http.get(path, _MOST, query={"ui_id": quote(task)}, accept=(200, 404))
    told = _of_task(http.parsed(body, path)) if status == 200 and body else None
    if told is None:
        return None
    messages = told.get("status", {}).get("messages") if isinstance(told.get("status"), dict) else None
    said = "; ".join(map(str, messages)) if isinstance(messages, list) else ""
    words = " ".join((said or str(told["result"])).split())[:_LONGEST]
    return PackResult(str(told["result"]) in ("success", "skip"), words)


def _of_task(data: Any) -> dict[str, Any] | None:
    """Return the first entry with a result, however deep it lies."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("result"), str):
        return data
    return next((found for each in data.values() if (found := _of_task(each)) is not None), None)
