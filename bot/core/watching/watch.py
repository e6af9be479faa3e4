"""Looks at all that can be wrong with a process and what it works with."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.core.background import TaskHealth
from bot.core.errors import StorageFailed
from bot.core.servers.condition import Condition
from bot.core.watching.disk import Room
from bot.core.watching.line_watch import LineWatch
from bot.core.watching.trouble import Trouble, Weight, database_trouble
from bot.core.workflows.reader import WorkflowFault
from bot.i18n import _

_LATE = 300.0  # seconds that a server may be away before its operator hears of it
_USABLE = frozenset({Condition.UP, Condition.ASLEEP, Condition.WAKING})
_MOMENT = 60.0  # seconds that a chat, the database or a task may need to be well again by itself


class Watch:
    """`servers` tells by name how they are; `faults` are the mistakes in workflow files."""

    def __init__(
        self,
        tasks: TaskHealth,
        servers: Callable[[], Mapping[str, Condition]],
        line: LineWatch,
        folder: Path,
        faults: Callable[[], Sequence[WorkflowFault]],
        room: Callable[[Path], Room] = Room.at,
    ) -> None:
        self._tasks, self._servers, self._line = tasks, servers, line
        self._folder, self._faults, self._room = folder, faults, room

    async def look(self) -> list[Trouble]:
        """Return all troubles that there are just now."""
        found = self.near()
        try:
            if await self._line.stands_still():
                words = _("a run waits, although a server that can take it has been free for ten seconds")
                advice = _("Restart Darkroom. If this comes back, report it with the log.")
                found.append(Trouble("line", "", words, advice=advice))
        except StorageFailed:
            found.append(database_trouble(_MOMENT))
        try:
            full = (await asyncio.to_thread(self._room, self._folder)).trouble()
        except OSError as fault:
            words = _("the data folder cannot be read: {reason}").format(reason=fault.strerror or fault)
            advice = _("See that the account that runs Darkroom may read and write it.")
            full = Trouble("disk", "", words, advice=advice)
        return [*found, full] if full is not None else found

    def near(self) -> list[Trouble]:
        """Return the troubles that can be seen without the database and the disk."""
        return [*self._of_servers(), *self._of_tasks(), *self._of_files()]

    def _of_servers(self) -> Iterator[Trouble]:
        servers = self._servers()
        if servers and all(condition is Condition.DRAINING for condition in servers.values()):
            words = _("every ComfyUI server is drained: “darkroom servers resume NAME” gives one runs again")
            yield Trouble("servers", "", words, patience=_LATE)
        elif not _USABLE & set(servers.values()):
            patience = math.inf if servers else _LATE  # where there are some, each is told by its name
            yield Trouble("servers", "", _("no ComfyUI server can be reached"), patience=patience, advice=_start_it())
        for name, condition in servers.items():
            if condition is Condition.STUCK:
                words = _("the server {name} does not stop a run that took too long: restart its ComfyUI")
                yield Trouble("server", name, words.format(name=name), Weight.QUIET, _MOMENT)
            if condition is Condition.AWAY:
                words = _("the server {name} cannot be reached").format(name=name)
                yield Trouble("server", name, words, Weight.QUIET, _LATE, advice=_start_it())

    def _of_tasks(self) -> Iterator[Trouble]:
        for name in self._tasks.away:
            if name in self._tasks.refusals:
                yield Trouble("token", name, self._tasks.refusals[name])
            else:
                words = _("the platform {name} is not connected").format(name=name)
                advice = _("It is tried again and again. See that this computer reaches the internet.")
                yield Trouble("platform", name, words, patience=_LATE, advice=advice)
        for name, count in self._tasks.failing.items():
            words = _("the task “{name}” has failed {count} times in a row").format(name=name, count=count)
            if name not in self._tasks.away:
                yield Trouble("task", name, words, patience=_MOMENT, advice=_("The log says why."))
        for topic, said in self._tasks.remarks.items():
            yield Trouble("remark", topic, f"{topic}: {said.words}", Weight.REMARK, detail=said.detail)

    def _of_files(self) -> Iterator[Trouble]:
        by_file = dict[str, list[str]]()
        for fault in self._faults():
            by_file.setdefault(fault.file, []).append(str(fault))
        for file, faults in by_file.items():
            words = _("a workflow cannot be used: {fault}").format(fault=faults[0])
            advice = _("Correct the file, and “darkroom check” reads it again.")
            yield Trouble("workflow", file, words, Weight.QUIET, advice=advice)


def _start_it() -> str:
    return _("Start ComfyUI there, or correct its address in COMFYUI_URLS or servers.toml.")
