"""This client beside its peers: overhead beyond the server's own time, CPU, requests and websockets a run; memory.

Every client takes its turn in every round, so that a noisy machine is noisy for all of them; ratios are of medians.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import aiohttp
from PIL import Image

from benchmarks.peers import Run, installed

GRAPH = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0},
        "_meta": {"title": "Empty Image"},
    },
    "2": {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "x"},
        "_meta": {"title": "Save Image"},
    },
}
LENGTHS = (0.0, 0.1, 0.4)  # seconds of the server's own work


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--only", nargs="*", default=list(installed()))
    chosen = options.parse_args()
    rounds = chosen.rounds
    logging.disable(logging.CRITICAL)
    server = subprocess.Popen(  # noqa: ASYNC220  # nothing else runs in this loop yet
        [sys.executable, "-m", "benchmarks.stand_in"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        print(f"{platform.platform()}, Python {platform.python_version()}, {rounds} rounds")
        for seconds in LENGTHS:
            await compare(url, seconds, rounds, chosen.only)
        await many_at_once(url)
        await large_outputs(url)
        start_up(rounds)
    finally:
        server.kill()
        server.wait()


async def compare(url: str, seconds: float, rounds: int, only: list[str]) -> None:
    print(f"\n## A run of {seconds:g} s and a picture of 1.5 MB\n")
    print("| client | overhead ms p50 | p10-p90 | x bare | CPU ms a run | x bare | HTTP calls | websockets |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    await configure(url, seconds=seconds, megabytes=1.5, files=1)
    async with AsyncExitStack() as stack:
        clients = {}
        for name in only:
            open_ = installed()[name]
            try:
                clients[name] = await open_(url, stack)
                await asyncio.wait_for(clients[name](GRAPH), 30)
            except Exception as fault:
                clients.pop(name, None)
                print(f"| {name} | does not run here: {type(fault).__name__} | | | | | | |")
        await counts(url)
        rows: dict[str, list[tuple[float, float, int, int]]] = {name: [] for name in clients}
        for _ in range(rounds):
            for name, run in random.sample(list(clients.items()), len(clients)):
                if (row := await attempted(name, url, run, seconds)) is not None:
                    rows[name].append(row)
    bare_time = statistics.median(row[0] for row in rows["bare aiohttp loop"])
    bare_cpu = statistics.median(row[1] for row in rows["bare aiohttp loop"])
    for name, measurements in rows.items():
        if len(measurements) < rounds:
            print(f"| {name} {_version(name)} | failed {rounds - len(measurements)} of {rounds} runs | | | | | | |")
        if not measurements:
            continue
        times = sorted(row[0] for row in measurements)
        cpu = statistics.median(row[1] for row in measurements)
        median, tenth = statistics.median(times), len(times) // 10
        print(
            f"| {name} {_version(name)} | {median * 1e3:.1f} | {times[tenth] * 1e3:.1f}-{times[-1 - tenth] * 1e3:.1f} "
            f"| {median / bare_time:.2f} | {cpu * 1e3:.1f} | {cpu / bare_cpu:.2f} "
            f"| {statistics.mean(row[2] for row in measurements):g} "
            f"| {statistics.mean(row[3] for row in measurements):g} |"
        )


async def attempted(name: str, url: str, run: Run, seconds: float) -> tuple[float, float, int, int] | None:
    """A run measured; None where a peer failed, which is told and costs the others nothing. We ourselves may not."""
    try:
        return await asyncio.wait_for(measured(url, run, seconds), 30)
    except Exception:
        if name == "darkroom":
            raise
        await counts(url)
        return None


async def measured(url: str, run: Run, seconds: float) -> tuple[float, float, int, int]:
    cpu, begun = time.process_time(), time.perf_counter()
    size = await run(GRAPH)
    took, used = time.perf_counter() - begun - seconds, time.process_time() - cpu
    assert size == int(1.5 * 2**20), size
    seen = await counts(url)
    return took, used, seen.get("requests", 0), seen.get("websockets", 0)


async def many_at_once(url: str) -> None:
    await configure(url, seconds=0.02, megabytes=0.1, files=1)
    async with AsyncExitStack() as stack:
        run = await installed()["darkroom"](url, stack)
        await counts(url)
        begun = time.perf_counter()
        await asyncio.gather(*(run(GRAPH) for _ in range(64)))
        seen = await counts(url)
        calls = seen["requests"] / 64
        print(f"\n64 runs at once: {seen['websockets']} websocket, {calls:.2f} HTTP calls a run,", end=" ")
        print(f"{time.perf_counter() - begun:.2f} s for {64 * 0.02:.2f} s of work")


async def large_outputs(url: str) -> None:
    await configure(url, seconds=0.0, megabytes=40, files=1)
    async with AsyncExitStack() as stack:
        run = await installed()["darkroom"](url, stack)
        await run(GRAPH)
        before = resident()
        await asyncio.gather(*(run(GRAPH) for _ in range(4)))
        print(f"Four outputs of 40 MB in flight: {(peak() - before) / 2**20:+.0f} MB at the peak")


def start_up(rounds: int) -> None:
    """From the start of `darkroom run` to the first byte of its first request, and of nothing but aiohttp."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        photo = Path(folder) / "photo.png"
        Image.new("RGB", (64, 48)).save(photo)
        whole = [sys.executable, "-m", "bot", "run", "negative", "--photo", str(photo), "--server", address]
        bare = [sys.executable, "-c", f"import aiohttp, urllib.request as r; r.urlopen('{address}')"]
        ours, theirs = [
            statistics.median(_first_byte(listener, command, folder) for _ in range(rounds))
            for command in (whole, bare)
        ]
    print(f"`darkroom run` from start to first byte on the wire: {ours:.2f} s;", end=" ")
    print(f"a program that only imports aiohttp and asks: {theirs:.2f} s")


def _first_byte(listener: socket.socket, command: list[str], folder: str) -> float:
    root = str(Path(__file__).parents[1])
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)
            return time.perf_counter() - begun
    finally:
        process.kill()
        process.wait()


def resident() -> int:
    """Resident memory now, and the peak reset to it, in bytes (Linux)."""
    with open("/proc/self/clear_refs", "w") as refs:  # noqa: PTH123
        refs.write("5")
    return _status("VmRSS")


def peak() -> int:
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(key: str) -> int:
    with open("/proc/self/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))


async def configure(url: str, **settings: float) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/settings", json=settings):
        pass


async def counts(url: str) -> dict[str, int]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/counts") as answer:
        return dict(await answer.json())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    asyncio.run(main())
