"""Watches all that the suite writes: no token or password of a test may come into a log, a database or an outbox."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bot.core.events_log import LOGGERS
from bot.server_settings import Secret

_SHORTEST = 6  # characters: a shorter one is found in words, too
_DATABASES = ("*.db", "*.db-wal")
_PLAIN = vars(logging.makeLogRecord({})).keys()
_formatter = logging.Formatter()


class LeakWatcher(logging.Handler):
    """Looks at each record of the log when it is written, and at databases when it is asked."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._secrets = set[str]()
        self.found = list[str]()

    def watch(self) -> None:
        """Look at all of the log from now on, and hear of each secret of the settings."""
        logging.getLogger().addHandler(self)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.INFO if name == "comfy" else logging.DEBUG)
        read = Secret.__init__

        def note(secret: Secret, text: str) -> None:
            read(secret, text)
            self.keep(text)

        Secret.__init__ = note  # type: ignore[method-assign]

    def keep(self, text: str) -> None:
        """Note a secret; of an address, its password is one."""
        secret = unquote(urlsplit(text).password or "") if "://" in text else text
        if len(secret) >= _SHORTEST:
            self._secrets.add(secret)

    def emit(self, record: logging.LogRecord) -> None:
        said = told(record)
        self.found += [f"{record.name}: {said}" for secret in self._secrets if secret in said]

    def look_into(self, folder: Path) -> None:
        """Look into the databases below a folder."""
        if not self._secrets:
            return
        pattern = re.compile("|".join(map(re.escape, self._secrets)).encode())
        for path in filter(Path.is_file, _below(folder)):
            if found := pattern.search(path.read_bytes()):
                self.found.append(f"{path.name}: {found.group().decode()}")


def told(record: logging.LogRecord) -> str:
    """Return all that a record can tell: its words, its fields and its traceback."""
    more: dict[str, Any] = {name: value for name, value in vars(record).items() if name not in _PLAIN}
    return f"{_formatter.format(record)} {more}"


def _below(folder: Path) -> Iterator[Path]:
    for pattern in _DATABASES:
        yield from folder.rglob(pattern)
