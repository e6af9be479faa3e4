"""The origins of drafts: files, workflows that people saved in a ComfyUI, and those of ComfyUI's own library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.policy.permissions import Permissions
from bot.core.sources.elsewhere import OtherFolders, SavedElsewhere
from bot.core.sources.holdings import one_line
from bot.core.sources.library import TemplateLibrary, about
from bot.core.sources.publication import Stage
from bot.core.sources.store import SavedStore
from bot.core.storage.temporary import work_folder
from bot.core.studio.reading import read_graph
from bot.i18n import _
from comfy.errors import ComfyError

_TEMPLATES = 24  # of a library that are found


@dataclass(frozen=True)
class Openable:
    """Something that an author can open: its id, its title, and what else there is to say of it."""

    id: str
    title: str
    words: str = ""


@dataclass(frozen=True)
class GivenGraph:
    """The graph of a workflow as JSON, and what its author called it."""

    name: str
    content: bytes


class DraftSources:
    """Its callers have made sure that the person is an author. All methods raise `UserError` with what to do."""

    def __init__(
        self,
        saved: SavedStore,
        elsewhere: OtherFolders,
        libraries: Callable[[], Sequence[TemplateLibrary]],
        permissions: Permissions,
    ) -> None:
        self._saved, self._elsewhere = saved, elsewhere
        self._libraries, self._permissions = libraries, permissions

    async def saved_ones(self, by: Person) -> list[Openable]:
        """Return what people saved in a ComfyUI; on trial for operators alone."""
        sees_all = self._permissions.is_operator(by)
        state = await self._saved.state()
        return [
            Openable(each.id, each.title, "" if each.publication.stage is Stage.OPEN else _("on trial"))
            for each in state.present.values()
            if each.publication.newest and (sees_all or each.publication.stage is Stage.OPEN)
        ]

    async def saved_elsewhere(self, by: Person, here: Place) -> list[Openable]:
        """Return what people saved in other folders of a ComfyUI. Operators alone see it: it was offered to no one."""
        await self._permissions.operator(by, here, "workflow elsewhere")
        found = await self._elsewhere.all()
        return [Openable(each.id, one_line(each.title), " · ".join(filter(None, _origin(each)))) for each in found]

    async def templates(self, text: str) -> list[Openable]:
        """Return the workflows of ComfyUI's own library with these words."""
        found: dict[str, Openable] = {}
        for library in self._reached():
            try:
                for each in await library.search(text):
                    found.setdefault(each.id, Openable(each.id, each.title or each.name, about(each)))
            except ComfyError as fault:
                raise UserError(_("The server's library cannot be read: {fault}.").format(fault=fault)) from fault
        return list(found.values())[:_TEMPLATES]

    async def file(self, path: Path, filename: str) -> GivenGraph:
        """Read a file that an author gave, which may be hostile."""
        return GivenGraph(PurePosixPath(filename).name.partition(".")[0], await read_graph(path, filename))

    async def saved(self, by: Person, key: str) -> GivenGraph:
        """Read what somebody saved in a ComfyUI."""
        found = (await self._saved.state()).present.get(key)
        may = found is not None and (found.publication.stage is Stage.OPEN or self._permissions.is_operator(by))
        content = await self._saved.content(key, found.publication.newest) if found is not None and may else None
        if found is None or content is None:
            raise UserError(_("This workflow is no longer saved at any server."))
        return GivenGraph(found.title, content)

    async def elsewhere(self, by: Person, here: Place, key: str) -> GivenGraph:
        """Read what somebody saved in another folder of a ComfyUI; it may be hostile, as any file."""
        await self._permissions.operator(by, here, "workflow elsewhere")
        file, content = await self._elsewhere.content(key)
        with work_folder() as folder:
            path = folder / "saved.json"
            await asyncio.to_thread(path.write_bytes, content)
            return GivenGraph(file.title, await read_graph(path, file.title))

    async def template(self, name: str) -> GivenGraph:
        """Read a workflow of ComfyUI's library."""
        fault = UserError(_("There is no template {name}.").format(name=name))
        for library in self._reached():
            try:
                entry = await library.get(name)
            except UserError as refused:
                fault = refused
                continue
            except ComfyError as away:
                fault = UserError(_("The server's library cannot be read: {fault}.").format(fault=away))
                continue
            return GivenGraph(entry.template.title or entry.template.name, entry.content)
        raise fault

    def _reached(self) -> Sequence[TemplateLibrary]:
        if libraries := self._libraries():
            return libraries
        raise UserError(_("No server can be reached, so its library cannot be searched. Try again when one is back."))


def _origin(file: SavedElsewhere) -> tuple[str, ...]:
    return one_line(file.folder), one_line(file.server), one_line(file.user)
