"""The servers' libraries of workflows, for trusted people in the chat: search them, and add one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.moderation.workflow_editor import WorkflowEditor
from bot.core.policy.permissions import Permissions
from bot.core.sources.library import TemplateLibrary, about
from bot.i18n import _
from comfy.errors import ComfyError
from comfy.library.templates import Template

_FOUND = 8  # templates that are described
_T = TypeVar("_T")


class TemplateAdder:
    """`libraries` are those of the servers that this process reaches now."""

    def __init__(
        self, editor: WorkflowEditor, permissions: Permissions, libraries: Callable[[], Sequence[TemplateLibrary]]
    ) -> None:
        self._editor, self._permissions, self._libraries = editor, permissions, libraries

    async def search(self, by: Person, here: Place, text: str) -> str:
        """Search for workflows with these words; describe them, and what the server lacks. Raises `UserError`."""
        await self._permissions.trusted(by, here, "workflow templates")
        found: dict[str, tuple[TemplateLibrary, Template]] = {}
        for library in self._reached():
            for each in await _asked(library.search(text)):
                found.setdefault(each.id, (library, each))
        lines = []
        for library, each in list(found.values())[:_FOUND]:
            remarks = await _asked(library.remarks(each))
            lines.append(" · ".join(part for part in (f"{each.id}: {each.title}", about(each), remarks) if part))
        return "\n".join(lines) or _("There is no template with these words.")

    async def add(self, by: Person, here: Place, template: str, name: str = "") -> str:
        """Add a workflow of a library, as `WorkflowEditor.add` does; without a name, under its own. Raises
        `UserError`.
        """
        await self._permissions.trusted(by, here, "workflow add")
        fault = UserError(_("There is no template {name}.").format(name=template))
        for library in self._reached():
            try:
                entry = await _asked(library.get(template))
            except UserError as refused:
                fault = refused
                continue
            return await self._editor.add(by, here, name or entry.template.name, entry.content)
        raise fault

    def _reached(self) -> Sequence[TemplateLibrary]:
        if libraries := self._libraries():
            return libraries
        words = _("This process reaches no server: use “darkroom workflows templates” on a computer that does.")
        raise UserError(words)


async def _asked(question: Coroutine[Any, Any, _T]) -> _T:
    try:
        return await question
    except ComfyError as fault:
        raise UserError(_("The server's library cannot be read: {fault}.").format(fault=fault)) from fault
