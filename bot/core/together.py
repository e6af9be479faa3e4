"""Work that is done at the same time, with nothing of it left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*works: Coroutine[Any, Any, T]) -> list[T]:
    """Do all at the same time, and return what each returned. Where one fails, or the caller is cancelled, the others
    are cancelled and awaited first: `asyncio.gather` leaves them behind. Raises the first failure.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in works]
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__
    return [task.result() for task in tasks]
