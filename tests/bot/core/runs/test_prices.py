"""Prices are expressions of servers: one that does harm costs its process, and is not tried again at each look."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.pool.pool import WorkerPool
from bot.core.runs.prices import PriceAnswers
from comfy import prices
from comfy.prices import Question

GOOD: Question = ('{"type": "usd", "usd": 0.25}', {})
ENDLESS = "($f := function($n) { $f($n + 1) }; $f(0))"
LARGE = '$join([1..9999999].("x" & $))'


class Counted(WorkerPool):
    """A pool that counts what it is asked to work on."""

    asked = 0

    async def run(self, *args: Any, **options: Any) -> Any:
        self.asked += 1
        return await super().run(*args, **options)


@pytest.fixture
def pool() -> Any:
    counted = Counted(1, 256 << 20)
    yield counted
    counted.close()


@pytest.mark.parametrize("bad", [ENDLESS, LARGE], ids=["endless", "large"])
async def test_an_expression_that_ends_its_process_is_not_tried_again_for_an_hour(pool: Counted, bad: str) -> None:
    now = [0.0]
    answers = PriceAnswers(pool, lambda: now[0])
    assert await answers.of([(bad, {"widgets": {"size": "small"}})]) == [None]
    assert pool.asked == 1
    for size in ("large", "small"):
        assert await answers.of([(bad, {"widgets": {"size": size}})]) == [None]
        assert prices.total(await answers.of([GOOD, (bad, {})])) is None
    assert pool.asked == 1
    now[0] += 3601.0
    assert await answers.of([(bad, {})]) == [None]
    assert pool.asked == 2


async def test_what_stands_beside_a_bad_expression_is_still_known(pool: Counted) -> None:
    answers = PriceAnswers(pool)
    assert await answers.of([GOOD, (ENDLESS, {}), GOOD]) == [(0.25, 0.25), None, (0.25, 0.25)]
    count = pool.asked
    assert await answers.of([GOOD]) == [(0.25, 0.25)]
    assert await answers.of([(ENDLESS, {"widgets": {}})]) == [None]
    assert pool.asked == count
