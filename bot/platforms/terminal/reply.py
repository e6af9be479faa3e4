"""Show a run at the terminal: a progress bar for people, plain lines for a pipe, and the files at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bot.core.errors import DeliveryFailed
from bot.core.model import Cancelled, Delivering, Queued, Result, Running, Status
from bot.core.port import Limits
from bot.core.status_text import running
from bot.i18n import _
from bot.platforms.terminal.messages import say
from bot.platforms.terminal.output import OutputTarget
from bot.platforms.terminal.progress_line import ProgressLine

_UNLIMITED = 1 << 62


class TerminalReply:
    """Prints each status once, and at the end the used `seeds`. `said_end` is True once the end has been printed."""

    def __init__(
        self,
        target: OutputTarget,
        *,
        live: bool,
        seeds: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target, self._live, self._seeds, self._clock = target, live, seeds, clock
        self._begun = clock()
        self._bar = ProgressLine()
        self._last = ""
        self.said_end = False

    @property
    def limits(self) -> Limits:
        return Limits(_UNLIMITED, _UNLIMITED, _UNLIMITED, 0.1 if self._live else 1.0, previews=False)

    async def show(self, status: Status) -> None:
        line = describe(status)
        if isinstance(status, Queued | Running | Delivering):
            self._draw(line, status) if self._live else self._print(line)
            return
        self.close()
        self.said_end = True
        if isinstance(status, Cancelled):
            self._print(line)

    async def deliver(self, result: Result) -> None:
        try:
            paths = [
                await self._target.put(file, number, len(result.files)) for number, file in enumerate(result.files, 1)
            ]
            if result.texts and not paths and self._target.given:
                paths = [self._target.put_text("\n".join(result.texts), result.workflow)]
        except OSError as fault:
            words = _("The result could not be written to {folder}: {reason}. Choose another place with -o.")
            reason = fault.strerror or _("no reason given")
            raise DeliveryFailed(words.format(folder=self._target.folder, reason=reason)) from fault
        finally:
            self.close()
            for text in result.texts:  # also those that could not be written
                say(text)
        for warning in result.warnings:
            say(warning)
        say(self._summary(result, paths))

    def close(self) -> None:
        """Remove the progress bar from the screen."""
        self._bar.clear()

    def _print(self, line: str) -> None:
        if line and line != self._last:
            say(line)
            self._last = line

    def _draw(self, line: str, status: Status) -> None:
        self._bar.draw(1.0 if isinstance(status, Delivering) else getattr(status, "fraction", 0.0), line)

    def _summary(self, result: Result, paths: list[Path]) -> str:
        parts = [", ".join(map(str, paths))] if paths else [] if result.texts else [_("No file")]
        parts.append(_("{count:.1f} s").format(count=self._clock() - self._begun))
        parts += [f"{name} {result.values[name]}" for name in self._seeds if name in result.values]
        return " · ".join(parts)


def describe(status: Status) -> str:
    """Describe a status in one line."""
    match status:
        case Queued(position=None):
            return _("Sending…")
        case Queued(position=int(position), running=running_now):
            return _("In line, number {position}").format(position=position + running_now)
        case Running():
            return f"{int(status.fraction * 100):3d} % · {running(status)}"
        case Delivering():
            return _("Fetching the result…")
        case Cancelled():
            return _("Cancelled: the server was told to stop.")
        case _:
            return ""
