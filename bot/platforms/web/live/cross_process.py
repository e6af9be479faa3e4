"""The wire between a worker and the page of another process: what is said last of each run, in their database."""

from __future__ import annotations

import base64
from typing import Any

from bot.core.model import Delivering, Paused, Running, Status
from bot.core.platform import KeyValueStore
from bot.platforms.web.live.hub import Hub

_STATUS, _PREVIEW = "web status ", "web preview "
_LARGEST = 256 * 1024  # bytes of a preview; a larger one is left out
_FORGOTTEN = 86_400.0  # seconds after which what a worker left behind that is gone for good is deleted


class CrossProcessRelay:
    """Both ends of it. All methods raise `StorageFailed`."""

    def __init__(self, notes: KeyValueStore) -> None:
        self._notes = notes
        self._sent: dict[str, tuple[int, bytes | None]] = {}  # how many previews each run had, and the last of them
        self._heard: dict[str, dict[str, Any]] = {}

    async def say(self, visitor: str, run_id: str, status: Status) -> None:
        """Leave what there is to say of a run; nothing, where its record says all."""
        if not isinstance(status, Running | Delivering | Paused):
            self._sent.pop(run_id, None)
            await self._notes.drop(_STATUS + run_id)
            await self._notes.drop(_PREVIEW + run_id)
            return
        count = await self._leave_preview(run_id, status.preview if isinstance(status, Running) else None)
        await self._notes.put(_STATUS + run_id, {"visitor": visitor, "previews": count, **_data(status)})

    async def hear(self, hub: Hub) -> None:
        """Pass on new statuses, and the end of old ones, to the visitors who have a page open."""
        said = await self._notes.starting(_STATUS)
        for name, data in said.items():
            if data != self._heard.get(name) and hub.is_open(data["visitor"]):
                self._heard[name] = data
                await self._pass_on(hub, name.removeprefix(_STATUS), data)
        for name in self._heard.keys() - said.keys():
            visitor, run_id = self._heard.pop(name)["visitor"], name.removeprefix(_STATUS)
            hub.forget(run_id)
            hub.tell(visitor, run_id)

    async def tidy(self) -> None:
        """Delete what was left by workers that are gone for good."""
        for prefix in (_STATUS, _PREVIEW):
            await self._notes.sweep(prefix, _FORGOTTEN)

    async def _leave_preview(self, run_id: str, preview: bytes | None) -> int:
        """Store a new preview; return the number of previews so far."""
        count, last = self._sent.get(run_id, (0, None))
        if preview is None or preview is last or len(preview) > _LARGEST:
            return count
        await self._notes.put(_PREVIEW + run_id, base64.b64encode(preview).decode())
        self._sent[run_id] = count + 1, preview
        return count + 1

    async def _pass_on(self, hub: Hub, run_id: str, data: dict[str, Any]) -> None:
        preview = await self._notes.get(_PREVIEW + run_id) if data["previews"] else None
        hub.say(data["visitor"], run_id, _status(data, base64.b64decode(preview) if preview else None))


def _data(status: Running | Delivering | Paused) -> dict[str, Any]:
    match status:
        case Running(node=node, step=step, steps=steps, fraction=fraction, eta=eta, sure=sure):
            told = {"node": node, "step": step, "steps": steps, "fraction": fraction, "eta": eta}
            return {"running": told, "sure": sure}  # versions to 0.1 know no more of it
        case Delivering():
            return {"delivering": True}
        case Paused():
            return {}


def _status(data: dict[str, Any], preview: bytes | None) -> Status:
    if "running" in data:
        return Running(**data["running"], preview=preview, sure=data.get("sure", False))
    return Delivering() if "delivering" in data else Paused()
