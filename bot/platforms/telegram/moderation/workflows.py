"""`/moderate workflow …`: the workflows that trusted people add, complete and take away. Who may, the core says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.platform import ModerationService, settings_from
from bot.i18n import _

LARGEST = 8 * 2**20  #: bytes of a workflow


async def contribute(
    moderation: ModerationService, by: Person, here: Place, said: str, file: Callable[[], Awaitable[bytes]]
) -> str:
    """Do what was typed behind the word; `file` is what came along. Raises `UserError`."""
    workflows, saved = moderation.workflows, moderation.saved
    act, _space, rest = said.strip().partition(" ")
    name, _space, more = rest.strip().partition(" ")
    match act.lower():
        case "saved":
            return (await saved.overview(by, here)).text
        case "problems":
            return await moderation.problems.text(by, here, rest)
        case "publish" if name:
            return await saved.publish(by, here, rest)
        case "unpublish" if name:
            return await saved.unpublish(by, here, rest)
        case "versions" if name:
            return "\n".join(await saved.versions(by, here, rest))
        case "back" if name:
            words, _space, last = rest.strip().rpartition(" ")
            number = int(last[:6]) if words and last.isdecimal() else None
            return await saved.back(by, here, rest if number is None else words, number)
        case "templates" if name:
            return await moderation.templates.search(by, here, rest)
        case "add" if name.lower() == "template" and more:
            template, _space, called = more.strip().partition(" ")
            return await moderation.templates.add(by, here, template, called.strip())
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
        "/moderate workflow problems [WORDS]: " + _("what cannot run, why, and what is missing"),
        "/moderate workflow templates WORDS, add template TEMPLATE [NAME]",
        "/moderate workflow saved, publish NAME, unpublish NAME, versions NAME, back NAME [NUMBER]",
    )
    return "\n".join([_("This is how:"), *lines])
