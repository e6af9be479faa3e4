"""A filter for a log that stays readable while others send nonsense."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable


class Seldom(logging.Filter):
    """Lets one line a second of each level through, and says how many it left out."""

    def __init__(self, about: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """`about` is how the lines begin that it counts; others pass."""
        super().__init__()
        self._about, self._clock = about, clock
        self._last: dict[int, float] = {}
        self._left_out: Counter[int] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(self._about):
            return True
        now, level = self._clock(), record.levelno
        if now - self._last.get(level, float("-inf")) < 1.0:
            self._left_out[level] += 1
            return False
        self._last[level] = now
        if left_out := self._left_out.pop(level, 0):
            record.msg, record.args = f"{record.getMessage()} (and {left_out} more like it)", ()
        return True
