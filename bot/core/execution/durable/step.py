"""Steps of an attempt that goes on: what such a step has answered is on disk, and it is not done again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

#: Names on disk: an attempt that another version began is found by them, and goes on. A new step comes after these,
#: and one that is gone leaves its name behind, never to be used for something else.
SUBMIT, FOLLOW = "submit", "follow"


class DurableStep(Protocol):
    """Does a piece of work once and remembers its answer, which is text, or how it failed."""

    async def __call__(self, name: str, work: Callable[[], Coroutine[Any, Any, str]], /) -> str: ...


#: An attempt to develop a run: its id, which attempt, and how to do a step of it.
AttemptFunction = Callable[[str, int, DurableStep], Coroutine[Any, Any, None]]


async def done_once(_name: str, work: Callable[[], Coroutine[Any, Any, str]]) -> str:
    """Do a step of an attempt that has only begun: all that another process needs to know of it is on record."""
    return await work()
