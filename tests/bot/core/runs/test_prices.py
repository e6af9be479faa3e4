"""Prices are expressions of servers: one that does harm costs its process, and is not tried again at each look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.core.pool.pool import WorkerPool
from bot.core.runs.prices import PriceAnswers, PriceEstimator
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.form import Value
from bot.core.workflows.workflow import Declared, Target, Workflow
from comfy import prices
from comfy.object_info import ObjectInfo
from comfy.prices import Price, Question
from comfy.prompt import Prompt

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
@pytest.mark.long
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


@pytest.mark.long
async def test_what_stands_beside_a_bad_expression_is_still_known(pool: Counted) -> None:
    answers = PriceAnswers(pool)
    assert await answers.of([GOOD, (ENDLESS, {}), GOOD]) == [(0.25, 0.25), None, (0.25, 0.25)]
    count = pool.asked
    assert await answers.of([GOOD]) == [(0.25, 0.25)]
    assert await answers.of([(ENDLESS, {"widgets": {}})]) == [None]
    assert pool.asked == count


@dataclass(frozen=True)
class Filled(Workflow):
    """A workflow that counts how often a form is filled in."""

    filled: list[Mapping[str, Value]] = field(default_factory=list)

    def fill(self, values: Mapping[str, Value], info: ObjectInfo | None = None) -> Prompt:
        self.filled.append(values)
        return super().fill(values, info)


async def test_what_costs_an_empty_form_is_worked_out_once_for_the_same_servers() -> None:
    node = {
        "input": {"required": {"text": ["STRING", {}]}},
        "output": ["IMAGE"],
        "api_node": True,
        "price_badge": {"engine": "jsonata", "expr": GOOD[0]},
    }
    prompt, version = Prompt({"1": {"class_type": "Paid", "inputs": {"text": "x"}}}), [1]
    workflow = Filled("paid", "Paid", "", prompt, (Declared("text", (Target("1", "text"),)),))
    servers = {"one": ObjectInfo({"Paid": node}), "two": ObjectInfo({"Paid": node})}
    estimator = PriceEstimator(Catalog({"paid": workflow}), lambda: servers, lambda: version[0])
    await estimator.prepare()
    found = [await estimator.price(workflow, {}) for _time in range(3)]
    assert found == [Price(0.25 * 211, 0.25 * 211)] * 3
    assert workflow.filled == [{}, {}]
    await estimator.price(workflow, {"text": "y"})
    assert workflow.filled[2:] == [{"text": "y"}] * 2
    version[0], servers["two"] = 2, ObjectInfo({"Paid": {**node, "price_badge": None}})
    assert await estimator.price(workflow, {}) is None
    newer = replace(workflow, prompt=Prompt({"1": {"class_type": "Free", "inputs": {"text": "x"}}}))
    assert await estimator.price(newer, {}) is None


async def test_nothing_is_prepared_again_before_workflows_or_servers_have_changed() -> None:
    version, catalog = (
        [1],
        Catalog({"paid": Filled("paid", "Paid", "", Prompt({"1": {"class_type": "Paid", "inputs": {}}}), ())}),
    )

    class Tracked(PriceEstimator):
        def is_paid(self, workflow: str) -> bool:
            asked.append(workflow)
            return super().is_paid(workflow)

    asked = list[str]()
    estimator = Tracked(catalog, dict, lambda: version[0])
    for _second in range(3):
        await estimator.prepare()
    assert asked == ["paid"]
    version[0] = 2
    await estimator.prepare()
    assert asked == ["paid"] * 2
