"""`python -m comfy.embedded` runs the engine on its own. The first printed line is its address."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from comfy.embedded import EmbeddedServer


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with EmbeddedServer(options.folder, host=options.host, port=options.port, pace=options.pace) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument(
        "--folder", type=Path, help="the folder for input, output and temp; default: a temporary folder"
    )
    parser.add_argument("--pace", type=float, default=0.0, help="the seconds that each node takes")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
