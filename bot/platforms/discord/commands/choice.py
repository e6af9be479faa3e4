"""The choice of the workflows that are commands of their own in a server: Discord takes a hundred there."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bot.core.platform import Services, Workflow
from bot.platforms.discord.commands.schema import COMMANDS, declarable
from bot.platforms.discord.message_ref import PLATFORM

_AGAIN_AFTER = 86_400.0  # seconds: Discord takes 200 new commands a day
_LATELY = 30 * 86_400.0  # seconds in which uses count


@dataclass(frozen=True)
class _Chosen:
    names: tuple[str, ...]
    among: frozenset[str]
    until: float


class CommandChoice:
    """If there are more workflows than fit, those come first that people there have used most lately.

    A choice stays for a day, or until there are other workflows. All workflows are in /run.
    """

    def __init__(self, services: Services, clock: Callable[[], float] = time.time) -> None:
        self._services, self._clock = services, clock
        self._chosen: dict[int, _Chosen] = {}

    async def choose(self, guild: int, workflows: Sequence[Workflow], taken: Collection[str]) -> list[Workflow]:
        """Choose the workflows that become commands of a server; no command may have a name that is `taken`."""
        able = declarable(workflows, taken)
        among, known = frozenset(each.name for each in able), self._chosen.get(guild)
        if known is None or known.among != among or self._clock() >= known.until:
            ranked = able if len(able) <= COMMANDS else await self._ranked(guild, able)
            names = tuple(each.name for each in ranked[:COMMANDS])
            self._chosen[guild] = known = _Chosen(names, among, self._clock() + _AGAIN_AFTER)
        return [each for each in able if each.name in known.names]

    def has(self, guild: int | None, workflow: str) -> bool:
        """True if a workflow is a command of its own in a server."""
        known = self._chosen.get(guild or 0)
        return known is not None and workflow in known.names

    async def _ranked(self, guild: int, workflows: Sequence[Workflow]) -> list[Workflow]:
        uses = await self._services.runs.used_in(f"{PLATFORM}:{guild}", self._clock() - _LATELY)
        before = self._chosen[guild].names if guild in self._chosen else ()

        def rank(each: Workflow) -> tuple[int, bool]:
            return -uses.get(each.id, 0), each.name not in before

        return sorted(workflows, key=rank)
