"""The library of workflows that comes with a server: search it, see what is missing, and get one."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.core.errors import UserError
from bot.core.sources.needs import WorkflowNeeds, needs_of
from bot.core.workflows.form import listed, shown
from bot.i18n import _, language
from comfy.client import ComfyClient
from comfy.errors import FileMissing
from comfy.library.templates import Template, search
from comfy.saved import UnreadableWorkflow

_FRESH = 600.0  # seconds for which an index is kept: half a megabyte that changes with an update of the server
_GIB, _MIB = 2**30, 2**20


@dataclass(frozen=True)
class LibraryEntry:
    """A workflow of the library, with its file and what it needs of the server."""

    template: Template
    content: bytes
    needs: WorkflowNeeds


class TemplateLibrary:
    """The library of one server. All methods raise `ComfyError`, and `UserError` where it has none."""

    def __init__(self, client: ComfyClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._kept: dict[str, tuple[float, tuple[Template, ...]]] = {}

    async def search(self, text: str, language: str = language) -> list[Template]:
        """Return the workflows that have all these words, the best ones first."""
        return search(await self.all(language), text)

    async def all(self, language: str = language) -> Sequence[Template]:
        """Return all workflows of the library."""
        at, found = self._kept.get(language, (0.0, None))
        if found is None or self._clock() - at > _FRESH:
            try:
                found = await self._client.templates(language)
            except FileMissing as fault:
                words = _("{server} has no library of workflows.")
                raise UserError(words.format(server=self._client.server)) from fault
            self._kept[language] = self._clock(), found
        return found

    async def get(self, name: str) -> LibraryEntry:
        """Return a workflow by its name. Raises `UserError` with similar names."""
        every = {each.id: each for each in await self.all()}
        if name not in every:
            raise UserError(_unknown(name, every))
        return await self.entry(every[name])

    async def entry(self, template: Template) -> LibraryEntry:
        """Return a workflow with its file. Raises `UserError` if that cannot be read."""
        try:
            content = await self._client.template(template)
            info = await self._client.object_info()
            return LibraryEntry(template, content, await asyncio.to_thread(needs_of, content, info))
        except (FileMissing, UnreadableWorkflow) as fault:
            words = _("The template {name} cannot be used: {reason}.")
            raise UserError(words.format(name=shown(template.id), reason=fault)) from fault

    async def remarks(self, template: Template) -> str:
        """Say what keeps people from running a template, or that the server can run it."""
        try:
            return (await self.entry(template)).needs.remarks or _("The server can run it.")
        except UserError as fault:
            return str(fault)


def about(template: Template) -> str:
    """Describe a template in one line: what goes in and comes out, its models and their size, and if it costs money."""
    parts = [f"{', '.join(template.inputs)} → {', '.join(template.outputs)}" if template.outputs else ""]
    parts += [", ".join(template.models), size_words(template.size) if template.size else ""]
    parts += [_("costs money at each run")] if template.is_paid else []
    return "; ".join(part.removeprefix(" → ") for part in parts if part)


def size_words(size: int) -> str:
    """Return a size in bytes in words."""
    if size >= _GIB:
        return _("{size} GB of models").format(size=round(size / _GIB, 1))
    return _("{size} MB of models").format(size=max(1, round(size / _MIB)))


def _unknown(name: str, names: Iterable[str]) -> str:
    names = list(names)
    if near := difflib.get_close_matches(name, names, n=3, cutoff=0.5):
        words = _("There is no template {name}. Similar ones are {names}.")
        return words.format(name=shown(name), names=listed(near))
    return _("There is no template {name}. Search for its words first.").format(name=shown(name))
