"""Fields of a form that are made when they are first asked for: a catalog of many workflows is there without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bot.core.workflows.workflow import Declared


class LaterFields(Sequence[Declared]):
    """The fields that `make` returns. Threads that ask at once may each call it."""

    def __init__(self, make: Callable[[], tuple[Declared, ...]]) -> None:
        self._make: Callable[[], tuple[Declared, ...]] | None = make
        self._made: tuple[Declared, ...] = ()

    @property
    def all(self) -> tuple[Declared, ...]:
        if (make := self._make) is not None:
            self._made = make()
            self._make = None  # it holds the definitions of servers
        return self._made

    def __getitem__(self, place: Any) -> Any:
        return self.all[place]

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Declared]:
        return iter(self.all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.all == tuple(other)

    def __hash__(self) -> int:
        return hash(self.all)
