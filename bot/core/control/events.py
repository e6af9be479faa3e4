"""The last events of this process's log, in memory: ids and numbers, and nothing that people wrote."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.core.events_log import EVENTS

_MOST = 200
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True)
class LoggedEvent:
    """An event: its fixed name, and its fields as text. `grave` events are warnings and errors."""

    at: float
    name: str
    fields: tuple[tuple[str, str], ...]
    grave: bool


class RecentEvents(logging.Handler):
    """Keeps the events of the log that has a fixed name for each. `listening` is the time for which it does."""

    def __init__(self, most: int = _MOST) -> None:
        super().__init__()
        self._kept: deque[LoggedEvent] = deque(maxlen=most)

    @contextmanager
    def listening(self) -> Iterator[RecentEvents]:
        logger = logging.getLogger(EVENTS)
        logger.addHandler(self)
        try:
            yield self
        finally:
            logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        given = {name: value for name, value in vars(record).items() if name not in _USUAL and value is not None}
        fields = tuple((name, str(value)[:300]) for name, value in given.items())
        self._kept.append(LoggedEvent(record.created, str(record.msg), fields, record.levelno >= logging.WARNING))

    @property
    def newest_first(self) -> list[LoggedEvent]:
        return list(reversed(self._kept))

    @property
    def hears_all(self) -> bool:
        """True if the log has events that are no warnings, too."""
        return logging.getLogger(EVENTS).isEnabledFor(logging.INFO)
