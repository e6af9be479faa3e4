"""Several at once on the page, which is killed in the middle."""

from __future__ import annotations

import asyncio
import os
import threading
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from comfy.embedded import EmbeddedServer
from tests.bot.core.groups.recording import write_seeded
from tests.bot.forks import Forked, fork
from tests.bot.harness import BusyStudio, after
from tests.bot.onward import write_onward, write_recipe
from tests.bot.platforms.web.pages import Visitor
from tests.patience import PATIENCE
from tests.ports import free_port


async def _start(folder: Path, server: str, port: int) -> Forked:
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("DARKROOM_", "COMFYUI_"))},
        "DARKROOM_DATA_DIR": str(folder),
        "DARKROOM_WORKFLOWS": str(folder / "workflows"),
        "DARKROOM_WEB": "on",
        "DARKROOM_WEB_PORT": str(port),
        "COMFYUI_URLS": server,
    }
    process = await fork("bot.__main__", "start", env=environ, folder=folder)
    while b"Ready" not in (line := await process.said.readline()):
        assert line
    return process


async def _results(visitor: Visitor) -> list[dict[str, Any]]:
    """Follow a visitor's four runs to their ends, through a restart."""
    async with asyncio.timeout(PATIENCE), visitor.listening() as events:
        runs: dict[str, dict[str, Any]] = {}
        async for name, data in events:
            for run in data.get("runs", ()) if name == "state" else [data] if name == "run" else []:
                runs[run["id"]] = run
            if len(runs) == 4 and all(run["state"] == "done" for run in runs.values()):
                break
    return sorted(runs.values(), key=lambda run: run["group"]["number"])


@pytest.mark.long
async def test_two_who_ask_for_four_each_have_them_once_though_the_program_is_killed(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    port = free_port()
    both = threading.Event()
    async with BusyStudio(["a.ckpt"], 8, after(both, lambda _color: 0.2)) as studio:
        process = await _start(tmp_path, studio.url, port)
        async with Visitor(f"http://127.0.0.1:{port}") as ann, Visitor(f"http://127.0.0.1:{port}") as ben:
            await ann.ask("slow", seed=100, count=4)
            await ben.ask("slow", seed=200, count=4)
            both.set()
            async with asyncio.timeout(PATIENCE):
                while len(studio.painted) < 3:  # noqa: ASYNC110 - another process makes it so
                    await asyncio.sleep(0.02)
            process.kill()
            await process.wait()
            process = await _start(tmp_path, studio.url, port)
            hers, his = await _results(ann), await _results(ben)
            assert [run["values"]["seed"] for run in (*hers, *his)] == [*range(100, 104), *range(200, 204)]
            assert [len(run["files"]) for run in (*hers, *his)] == [1] * 8
            assert len({run["group"]["id"] for run in (*hers, *his)}) == 2
        process.kill()
        await process.wait()
    turns = [len(list(runs)) for _person, runs in groupby(dict.fromkeys(studio.painted), lambda color: color // 100)]
    assert max(turns[:-1]) <= 2, studio.painted


@pytest.mark.long
async def test_a_recipe_goes_on_with_the_result_that_is_chosen(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker", '[step.darker]\ntake = "ask"\n')
    port = free_port()
    async with EmbeddedServer() as server:
        process = await _start(tmp_path, server.url, port)
        async with Visitor(f"http://127.0.0.1:{port}") as ann:
            await ann.ask("film", color=7)
            chosen = False
            async with asyncio.timeout(PATIENCE), ann.listening() as events:
                runs: dict[int, dict[str, Any]] = {}
                async for name, data in events:
                    for run in data.get("runs", ()) if name == "state" else [data] if name == "run" else []:
                        runs[run["group"]["number"]] = run
                    states = [runs[number]["state"] for number in sorted(runs)]
                    if states == ["done", "waiting"] and not chosen:
                        assert runs[2]["group"] | {"title": "Film", "after": runs[1]["id"]} == runs[2]["group"]
                        status, _answer = await ann.call("POST", f"groups/{runs[1]['group']['id']}/choose/2")
                        chosen = status == 200
                    if states == ["done", "done"]:
                        break
            assert chosen
            assert not any(run["varies"] for run in runs.values())
        process.kill()
        await process.wait()
