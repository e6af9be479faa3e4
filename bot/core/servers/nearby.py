"""Find ComfyUI servers that run on this machine, at the ports that they usually have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.core.together import together
from comfy.client import ComfyClient
from comfy.errors import ComfyError
from comfy.server import Server

PORTS = (8188, 8000)  # of ComfyUI itself, and of its desktop program
_PATIENCE = 5.0  # seconds


async def nearby(ports: Sequence[int] = PORTS) -> list[str]:
    """Return the addresses of the servers that answer like a ComfyUI."""
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    answers = await together(*map(_answers, addresses))
    return [address for address, answered in zip(addresses, answers, strict=True) if answered]


async def _answers(address: str) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE), ComfyClient(Server(address)) as client:
            await client.system_stats()
    except (ComfyError, TimeoutError):
        return False
    return True
