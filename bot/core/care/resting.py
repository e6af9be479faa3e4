"""Servers that fail again and again rest, so that runs go to others, or wait until it is mended."""

from __future__ import annotations

from collections import defaultdict

from bot.core import events_log
from bot.core.background import TaskHealth
from bot.core.run import RunRecord
from bot.i18n import _, ngettext
from comfy.fleet import Fleet

_MOST = 5  # runs that a server fails in a row
_FIRST, _LONGEST = 60.0, 1800.0  # seconds of a rest


class RestingServers:
    """After a rest a server gets runs again: it rests twice as long if the next one fails too.

    What one person's workflow does alone, however often they try it, is no sign that the server is at fault.
    """

    def __init__(self, fleet: Fleet, tasks: TaskHealth) -> None:
        self._fleet, self._tasks = fleet, tasks
        self._failed: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)

    def note(self, server: str, run: RunRecord, went_well: bool | None) -> None:
        """Note whether a server executed a run; None if that is not known, or not its fault."""
        if went_well is None:
            return
        if went_well:
            self._failed.pop(server, None)
            self._tasks.settle(_topic(server))
            return
        self._failed[server].append((run.person.key, run.workflow))
        count = len(self._failed[server])
        if count >= _MOST and len(set(self._failed[server])) > 1:
            seconds = min(_FIRST * 2 ** min(count - _MOST, 10), _LONGEST)
            self._fleet.rest(server, seconds)
            events_log.server_rests(server, count, seconds)
            words = ngettext(
                "it has failed {count} runs in a row, and gets none for {minutes:.0f} minute: look at its log",
                "it has failed {count} runs in a row, and gets none for {minutes:.0f} minutes: look at its log",
                int(seconds // 60),
            )
            self._tasks.remark(_topic(server), words.format(count=count, minutes=seconds / 60))


def _topic(server: str) -> str:
    return _("server {name}").format(name=server)
