"""Lists of listeners, for a part that informs others that are built later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

_Told = ParamSpec("_Told")


class Listeners(Generic[_Told]):
    """A function that calls every function that was added to it, in order."""

    def __init__(self) -> None:
        self._functions: list[Callable[_Told, object]] = []

    def add(self, function: Callable[_Told, object]) -> None:
        self._functions.append(function)

    def remove(self, function: Callable[_Told, object]) -> None:
        self._functions.remove(function)

    def __call__(self, *args: _Told.args, **named: _Told.kwargs) -> None:
        for function in self._functions:
            function(*args, **named)
