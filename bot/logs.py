"""Log formats: lines for people, or lines of JSON for programs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from bot.core.events_log import LOGGERS
from bot.settings import JSON_LOG

if TYPE_CHECKING:
    from structlog.typing import Processor


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Let imports find no such package, unless it is loaded already."""
    loaded: dict[str, Any] = sys.modules
    if package in loaded:
        yield
        return
    loaded[package] = None
    try:
        yield
    finally:
        del loaded[package]


with _without(
    "rich"
):  # structlog would load it for tracebacks that are never shown here: a tenth of a second, and 6 MB
    import structlog

_FIELDS = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(log_format: str, level: int, stream: TextIO | None = None) -> None:
    """Write the program's log to stderr from now on, from `level`. Libraries tell only warnings at most: what they say
    below that has statements, messages and tokens in it.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_FIELDS,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(log_format, stream)],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(level)


def _rendered(log_format: str, stream: TextIO) -> list[Processor]:
    if log_format == JSON_LOG:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    plain = structlog.dev.plain_traceback  # the other one shows local variables, tokens among them
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
