"""The order of runs on real servers: turns between people, fast servers and slow ones, loaded models."""

from __future__ import annotations

import heapq
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from bot.settings import Role
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, BEN, Gates, Studio, house, running

_MOMENT = 0.1  # seconds: so much longer than what there is to do between two runs that a busy machine changes little


async def test_who_comes_behind_fifty_runs_of_another_starts_within_two(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())], waiting_per_person=50) as home:
        anns = [(await home.ask("gated", ANN, gate=f"ann {number}"))[1] for number in range(50)]
        gates.open(*(f"ann {number}" for number in range(7)))
        await home.platform.until(running(anns[7]))
        bens, _ = await home.ask("gated", BEN, gate="ben")
        gates.open()
        await home.ended(bens)
        assert "ben" in gates.passed[8:10]


@pytest.mark.long
async def test_of_four_servers_one_that_is_twice_as_fast_does_twice_the_work(tmp_path: Path) -> None:
    servers = [Studio(["a.ckpt"], lambda _color, pace=pace: pace * 6 * _MOMENT) for pace in (1, 2, 2, 2)]  # type: ignore[misc]
    async with house(tmp_path, servers=servers, running_per_person=4, waiting_per_person=24) as home:
        runs = [(await home.ask("paint", color=str(number)))[0] for number in range(24)]
        await home.ended(*runs)
    fast, *slow = [len(server.painted) for server in servers]
    assert 1.5 <= fast / (sum(slow) / 3) <= 2.5


@pytest.mark.long
async def test_runs_of_two_models_are_sorted_onto_two_servers_that_seldom_switch(tmp_path: Path) -> None:
    models, chance = ["red.ckpt", "blue.ckpt"], Random(0)
    moments = [chance.uniform(0.5, 1.5) for _ in range(60)]
    caps = {"running_per_person": 2, "waiting_per_person": 60}
    async with AsyncExitStack() as stack:
        studios = [Studio(models, lambda color: moments[color] * _MOMENT, 5 * _MOMENT) for _ in range(2)]
        servers = [await stack.enter_async_context(studio) for studio in studios]
        async with house(tmp_path, servers=servers, role=Role(worker=None), **caps) as home:
            asked = [await home.ask("paint", color=str(color), model=models[color % 2]) for color in range(60)]
        async with house(tmp_path, servers=servers, **caps) as home:
            await home.ended(*(run_id for run_id, _ in asked))
    assert sorted(studios[0].painted + studios[1].painted) == list(range(60))
    assert sum(studio.switches for studio in studios) <= 0.15 * _switches_of_first_come_first_served(moments)


def _switches_of_first_come_first_served(moments: list[float]) -> int:
    """On two servers, runs alternating between two models, a switch costing five moments."""
    servers, switches = [(0.0, -1), (0.0, -1)], 0
    for number, took in enumerate(moments):
        free, loaded = heapq.heappop(servers)
        switched = loaded != number % 2
        switches += switched
        heapq.heappush(servers, (free + took + 5 * switched, number % 2))
    return switches
