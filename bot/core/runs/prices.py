"""The prices of runs: which workflows cost money, and how much, by the nodes of the known servers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bot.core.errors import WorkerFailed
from bot.core.pool.pool import WorkerPool
from bot.core.workflows.catalog import Workflows
from bot.core.workflows.workflow import Workflow
from comfy import prices
from comfy.object_info import ObjectInfo
from comfy.prices import Answer, Price, Question
from comfy.prompt import Prompt

_MEMORY = 256 << 20  # bytes of the process that works out expressions
_WAITING = 60.0  # seconds: it ends itself after a tenth of a second of work, but has to start, on busy machines too
_KEPT = 1000  # answers
_AVOIDED = 3600.0  # seconds


class PriceEstimator:
    """Knows which workflows cost money. One whose nodes no server has is not known to."""

    def __init__(
        self, catalog: Workflows, known: Callable[[], Mapping[str, ObjectInfo]], version: Callable[[], int]
    ) -> None:
        """`version` changes whenever the known nodes change."""
        self._catalog, self._known, self._version = catalog, known, version
        self._unfilled: dict[str, tuple[Workflow, int, Price | None]] = {}  # by the workflow
        self._prepared: tuple[int, int] | None = None  # the versions for which all is found out
        self._paid = lru_cache(10_000)(self._is_paid)
        self._paid_nodes = lru_cache(1)(self._find_paid_nodes)

    async def prepare(self) -> None:
        """Find out which workflows cost money, and how much, so that no menu has to wait for that."""
        version, workflows = (self._catalog.version, self._version()), tuple(self._catalog.workflows.values())
        if version == self._prepared:
            return
        for paid in await asyncio.to_thread(lambda: [each for each in workflows if self.is_paid(each.id)]):
            await self.price(paid, {})
        self._prepared = version

    def is_paid(self, workflow: str) -> bool:
        """True if the workflow with this id, as it is now, has a node that costs money on any server."""
        return self._paid(workflow, (self._catalog.version, self._version()))

    async def price(self, workflow: Workflow, values: Mapping[str, Any]) -> Price | None:
        """Return what a run costs, on whatever server it will be; None if its nodes do not say. What one costs for
        which nothing was filled in is kept, since lists tell it.
        """
        version, kept = self._version(), self._unfilled.get(workflow.id)
        if not values and kept is not None and kept[0] is workflow and kept[1] == version:
            return kept[2]
        infos = list(self._known().values())
        prompts = await asyncio.to_thread(lambda: [(workflow.fill(values, info), info) for info in infos])
        price = await declared_price(prompts)
        if not values:
            self._unfilled[workflow.id] = workflow, version, price
        return price

    def has_paid(self, workflow: Workflow) -> bool:
        """True if this version of a workflow has a node that costs money on any server."""
        return not self._paid_nodes(self._version()).isdisjoint(workflow.prompt.class_types)

    def _is_paid(self, workflow: str, _version: tuple[int, int]) -> bool:
        found = self._catalog.workflows.get(workflow)
        return found is not None and self.has_paid(found)

    def _find_paid_nodes(self, _version: int) -> frozenset[str]:
        return frozenset().union(*(info.paid for info in self._known().values()))


class PriceAnswers:
    """Works out expressions in a process of their own. What it has found is kept, and an expression that ended its
    process is not tried again for an hour, with whatever values: a menu would start one at each look.
    """

    def __init__(self, pool: WorkerPool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._kept: dict[str, list[Answer]] = {}  # by the questions
        self._ended: dict[str, float] = {}  # by the expression: when it ended its process

    async def of(self, asked: Sequence[Question]) -> list[Answer]:
        """Answer questions; those that cannot be answered with None."""
        key = _digest(asked)  # people's words are in it
        if key not in self._kept:
            ended = {_digest(expression) for expression, _context in asked} & self._ended.keys()
            if any(self._clock() - self._ended[each] < _AVOIDED for each in ended):
                return [None]
            try:
                answers = await self._pool.run(prices.evaluate, asked, timeout=_WAITING)
            except WorkerFailed:
                return await self._one_by_one(asked)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = answers
        return self._kept[key]

    async def _one_by_one(self, asked: Sequence[Question]) -> list[Answer]:
        """Find the expression that ends its process."""
        if len(asked) > 1:
            return [answer for each in asked for answer in await self.of([each])]
        if len(self._ended) >= _KEPT:
            self._ended.clear()
        self._ended[_digest(asked[0][0])] = self._clock()
        return [None]


_pool = WorkerPool(1, _MEMORY, 10_000)  # its own: a request does not wait behind pictures
_answers = PriceAnswers(_pool)


async def declared_price(
    prompts: Iterable[tuple[Prompt, ObjectInfo]], answers: PriceAnswers = _answers
) -> Price | None:
    """Return the range of prices that servers declare for a prompt, which differs by server; None if one of them says
    no number.
    """
    found = []
    for prompt, info in prompts:
        if prices.paid_nodes(prompt, info):
            asked = prices.questions(prompt, info)
            price = prices.total(await answers.of(asked)) if asked is not None else None
            if price is None:
                return None
            found.append(price)
    return Price(min(each.low for each in found), max(each.high for each in found)) if found else None


def _digest(asked: Any) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
