"""The settings for the machine of a server."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.care.hooks import Hook


@dataclass(frozen=True)
class Machine:
    """The hooks of a server. It is stopped after `idle_after` seconds without work, and has `start_limit` seconds to
    start.
    """

    on_wanted: Hook
    on_idle: Hook | None = None
    idle_after: float = 600.0
    start_limit: float = 600.0
