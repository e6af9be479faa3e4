"""Look at addresses for a ComfyUI: at the usual ports of this machine, and at those that a person gives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.core.together import together
from bot.i18n import _
from comfy.client import ComfyClient
from comfy.errors import ComfyError, UnexpectedAnswer
from comfy.http import Device
from comfy.server import Server

PORTS = (8188, 8000)  # of ComfyUI itself, and of its desktop program
_PATIENCE = 5.0  # seconds
_WHO = (401, 403)  # the statuses with which a server wants to know who asks
_LONGEST, _MOST = 80, 16  # characters of a name, and devices that are named, whatever a server says
_GB = 1e9


@dataclass(frozen=True)
class FoundServer:
    """A server that answers like a ComfyUI; `devices` says in words what it computes on."""

    address: str
    version: str = ""
    devices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its address without a password."""
        return str(Server(self.address))

    @property
    def about(self) -> str:
        """Its version and its devices, in one line."""
        version = _("ComfyUI {version}").format(version=self.version) if self.version else _("a ComfyUI")
        return ", ".join((version, *self.devices))


@dataclass(frozen=True)
class SilentServer:
    """An address at which no ComfyUI answers, and the fault; None if nothing has answered in time."""

    address: str
    fault: ComfyError | None = None

    @property
    def asks(self) -> bool:
        """True if what answers there wants to know who asks."""
        return isinstance(self.fault, UnexpectedAnswer) and self.fault.status in _WHO


Sight: TypeAlias = FoundServer | SilentServer


async def nearby(ports: Sequence[int] = PORTS) -> list[FoundServer]:
    """Return the servers of this machine that answer like a ComfyUI."""
    sights = await together(*(look_at(Server(f"http://127.0.0.1:{port}")) for port in ports))
    return [each for each in sights if isinstance(each, FoundServer)]


async def look_at(server: Server) -> Sight:
    """Ask a server what is there."""
    try:
        async with asyncio.timeout(_PATIENCE), ComfyClient(server) as client:
            stats = await client.system_stats()
    except ComfyError as fault:
        return SilentServer(server.url, fault)
    except TimeoutError:
        return SilentServer(server.url)
    return FoundServer(server.url, stats.comfyui_version[:_LONGEST], tuple(map(_in_words, stats.devices[:_MOST])))


def _in_words(device: Device) -> str:
    name = (device.name.removeprefix("cuda:0 ").partition(" : ")[0] or device.type)[:_LONGEST]
    if not device.vram_total:
        return name
    words = _("{device} with {size} GB")
    return words.format(device=name, size=round(device.vram_total / _GB))
