"""Find out whether a platform can listen at a port, before it serves."""

from __future__ import annotations

import asyncio
import os
import socket


async def obstacle(host: str, port: int) -> str | None:
    """Return why no server can listen there; None if one can."""
    try:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), host, port)
    except OSError as fault:
        return reason(fault)
    server.close()
    await server.wait_closed()
    return None


def reason(fault: OSError) -> str:
    """Return what a failed attempt to listen means, in a few words."""
    if isinstance(fault, socket.gaierror) or fault.errno is None:
        return str(fault.strerror or fault)
    return os.strerror(fault.errno)
