"""Counts how often a coroutine gives other tasks a turn without need, as `asyncio.sleep(0)` does."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Await it as you would await the coroutine; `given` are the turns. What waits for something does not count."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self.given = 0

    def __await__(self) -> Generator[Any, Any, T]:
        step, said = self._work.send, None
        while True:
            try:
                awaited = step(said)
            except StopIteration as ended:
                made: T = ended.value
                return made
            self.given += awaited is None
            try:
                step, said = self._work.send, (yield awaited)
            except BaseException as fault:  # noqa: BLE001 - the coroutine has it
                step, said = self._work.throw, fault
