"""`/moderate workflow …`: the workflows that trusted people add, complete and take away. Who may, the core says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.platform import WorkflowEditor, settings_from
from bot.i18n import _

LARGEST = 8 * 2**20  #: bytes of a workflow


async def contribute(
    workflows: WorkflowEditor, by: Person, here: Place, said: str, file: Callable[[], Awaitable[bytes]]
) -> str:
    """Do what was typed behind the word; `file` is what came along. Raises `UserError`."""
    act, _space, rest = said.strip().partition(" ")
    name, _space, more = rest.strip().partition(" ")
    match act.lower():
        case "add" if name:
            return await workflows.add(by, here, name, await file())
        case "inputs" if name:
            found = await workflows.inputs(by, here, name)
            return "\n".join(f"{each.target} = {each.value}" for each in found) or _("It has nothing to set.")
        case "field" if more:
            field, _space, settings = more.strip().partition(" ")
            to = None if settings.strip() in ("", "none") else settings_from(settings)
            return await workflows.field(by, here, name, field, to)
        case "describe" if more:
            title, _bar, description = more.partition("|")
            return await workflows.describe(by, here, name, title.strip(), description.strip())
        case "open" if name:
            return await workflows.open(by, here, name)
        case "rename" if more:
            return await workflows.rename(by, here, name, more.strip())
        case "remove" if name:
            return await workflows.remove(by, here, name)
    raise UserError(usage())


def usage() -> str:
    lines = (
        "/moderate workflow add NAME: " + _("send this as the caption of the file, or as a reply to it"),
        "/moderate workflow inputs NAME",
        "/moderate workflow field NAME FIELD target=… [minimum=…] [help=…] | none",
        "/moderate workflow describe NAME TITLE | DESCRIPTION",
        "/moderate workflow open NAME, rename NAME NEW, remove NAME",
    )
    return "\n".join([_("This is how:"), *lines])
