"""Log formats: lines for people, or lines of JSON for programs."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

from bot.settings import JSON_LOG

_FIELDS = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(log_format: str, level: int, stream: TextIO | None = None) -> None:
    """Write the program's log to stderr from now on: our own from INFO, that of libraries from `level`."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_FIELDS,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(log_format, stream)],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("bot", "darkroom"):
        logging.getLogger(name).setLevel(min(level, logging.INFO))


def _rendered(log_format: str, stream: TextIO) -> list[Processor]:
    if log_format == JSON_LOG:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    plain = structlog.dev.plain_traceback  # the other one shows local variables, tokens among them
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
