from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.servers.kept_times import KeptTimes
from bot.core.storage.database import Database
from comfy.prompt import Prompt
from comfy.scheduling.node_times import Expected, NodeTimes
from comfy.scheduling.node_work import works_of
from tests.bot.databases import RUNS, fill
from tests.bot.harness import house

WORK = works_of(Prompt({"1": {"class_type": "KSampler", "inputs": {"steps": 8, "seed": 5}}}))["1"]


async def test_what_nodes_took_is_known_to_the_next_process_and_to_no_other_worker(tmp_path: Path) -> None:
    fill(tmp_path, RUNS)
    async with Database.in_folder(tmp_path) as database:
        for seconds in (3.0, 9.0, 4.0):
            times = NodeTimes()
            async with KeptTimes(database, "a", times, TaskHealth()):
                times.at("one").learn([(WORK, False, seconds, 0.5)])
        times, others = NodeTimes(), NodeTimes()
        async with KeptTimes(database, "a", times, TaskHealth()), KeptTimes(database, "b", others, TaskHealth()):
            assert times.at("one").expected(WORK, cold=False) == Expected(4.0, 0.5, 3)
            assert times.at("one").expected(WORK, cold=True) == Expected(4.0, 0.5, 0)  # nothing better is known
            assert times.at("two").expected(WORK, cold=False) is None
            assert others.at("one").expected(WORK, cold=False) is None


@pytest.mark.long
async def test_a_run_teaches_the_next_process_how_long_its_nodes_take(tmp_path: Path) -> None:
    for color in ("1", "2"):
        async with house(tmp_path) as home:
            await home.ended((await home.ask(color=color))[0])
    async with Database.in_folder(tmp_path) as database:
        times = NodeTimes()
        async with KeptTimes(database, "darkroom", times, TaskHealth()):
            measured = times.at("one").measured
            assert {key.partition("|")[0]: len(each) for key, each in measured.items()} == {
                "EmptyImage": 2,
                "SaveImage": 2,
            }
