"""A bot whose clock tests move: `python -m tests.bot.shifted FOLDER ROLE`, as `tests.bot.survivor`.

SIGUSR1 moves it an hour forwards, SIGUSR2 an hour back, as an operator or a daemon that sets the clock does. What
counts seconds goes on.
"""

from __future__ import annotations

import signal
import time
from importlib import import_module

HOUR = 3600.0
_real, _shift = time.time, [0.0]


def _move(hours: float) -> None:
    _shift[0] += hours * HOUR


def main() -> None:
    time.time = lambda: _real() + _shift[0]
    time.time_ns = lambda: int((_real() + _shift[0]) * 1e9)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: _move(1))
    signal.signal(signal.SIGUSR2, lambda _number, _frame: _move(-1))
    import_module("tests.bot.survivor").main()  # it takes the clock by its name


if __name__ == "__main__":
    main()
