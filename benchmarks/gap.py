"""How long a server is idle between two runs: beside ComfyUI's own full queue and a bare loop, in turns.

.venv/bin/python -m benchmarks.gap [--server URL] [--people 8] [--runs 10] [--rounds 5] [--workflow short|long]

The bot is a process of its own, asked by the page. Times are those that the server writes in its history, in
milliseconds. The engine is a process of its own, unless a ComfyUI is named by `--server` (see `benchmarks.cost`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from benchmarks.cost import _workflows, bot_of, launched, served

_NEVER = 10_000  # color of the first run


class _Server:
    """A server as a program without a client speaks to it."""

    def __init__(self, url: str, graph: Mapping[str, Any], session: aiohttp.ClientSession) -> None:
        self._url, self._graph, self._session = url.rstrip("/"), graph, session
        self._color = int(time.time()) % 10_000 * 1000 + _NEVER

    async def post(self, client: str) -> str:
        self._color += 1
        graph = {
            **self._graph,
            "1": {**self._graph["1"], "inputs": {**self._graph["1"]["inputs"], "color": self._color}},
        }
        body = {"prompt": graph, "client_id": client}
        async with self._session.post(f"{self._url}/prompt", json=body) as answer:
            return str((await answer.json())["prompt_id"])

    async def spans(self) -> dict[str, tuple[int, int]]:
        """When each prompt in the history began and ended."""
        async with self._session.get(f"{self._url}/history") as answer:
            history = await answer.json()
        found = {}
        for prompt_id, record in history.items():
            times = {kind: data.get("timestamp") for kind, data in record["status"]["messages"]}
            if "execution_success" in times:
                found[prompt_id] = times["execution_start"], times["execution_success"]
        return found

    async def queue(self, count: int) -> None:
        """Post all at once."""
        for _run in range(count):
            await self.post("")
        while await self._remaining():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)

    async def loop(self, count: int) -> None:
        """Post one after the other, as soon as the websocket says that the last one has ended."""
        client = uuid4().hex
        async with self._session.ws_connect(f"{self._url}/ws?clientId={client}", max_msg_size=0) as socket:
            for _run in range(count):
                prompt_id = await self.post(client)
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        told = json.loads(message.data)
                        if told["type"] == "execution_success" and told["data"]["prompt_id"] == prompt_id:
                            break

    async def _remaining(self) -> int:
        async with self._session.get(f"{self._url}/prompt") as answer:
            return int((await answer.json())["exec_info"]["queue_remaining"])


async def _measured(server: _Server, work: Callable[[], Awaitable[None]]) -> tuple[list[int], float, float]:
    """The gaps in milliseconds, the share of the time in which the server was busy, and the seconds from the first
    start to the last end.
    """
    before = set(await server.spans())
    await work()
    spans = sorted(span for prompt_id, span in (await server.spans()).items() if prompt_id not in before)
    gaps = [after[0] - one[1] for one, after in pairwise(spans)]
    whole = spans[-1][1] - spans[0][0]
    return gaps, sum(end - begin for begin, end in spans) / whole, whole / 1e3


async def _main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with launched("-m", "benchmarks.cost", "engine") as own, aiohttp.ClientSession() as session:
            assert own.stdout is not None
            url = options.server or (await own.stdout.readline()).decode().strip()
            graph = json.loads((_workflows(folder / "graphs") / f"{options.workflow}.json").read_text())
            server, count = _Server(url, graph, session), options.people * options.runs
            async with bot_of(folder, f"one={url};publish=open") as bot:
                await asyncio.sleep(5)  # it looks around first
                await served(bot.url, options.workflow, options.people, 1)
                ways: dict[str, Callable[[], Awaitable[None]]] = {
                    "full queue": lambda: server.queue(count),
                    "bare loop": lambda: server.loop(count),
                    "darkroom": lambda: served(bot.url, options.workflow, options.people, options.runs),
                }
                results: dict[str, list[tuple[list[int], float, float]]] = {way: [] for way in ways}
                for _round in range(options.rounds):
                    for way, work in ways.items():
                        results[way].append(await _measured(server, work))
    for way, rounds in results.items():
        gaps = sorted(gap for each, _busy, _whole in rounds for gap in each)
        busy, whole = (statistics.median(each) for each in list(zip(*rounds, strict=True))[1:])
        print(
            f"{way}: gap p50 {statistics.median(gaps):.0f} ms, p90 {gaps[len(gaps) * 9 // 10]} ms; "
            f"busy {busy:.0%}; {count} runs in {whole:.2f} s (median of {options.rounds} rounds)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="", help="a ComfyUI instead of an engine of its own")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--runs", type=int, default=10, help="runs of each person in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workflow", choices=["short", "long"], default="short", help="runs of 60 ms, or of a second")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
