"""The workflows that members do not see, with the reasons: no server can run them, they cost money and that is
permitted nowhere, or their files cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.model import Person, Place
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.permissions import Permissions
from bot.core.runs.validation import RequestValidator
from bot.core.workflows.form import shown
from bot.i18n import _, ngettext

_CHAT = 1_800  # characters: what a message has room for on every platform


@dataclass(frozen=True)
class WorkflowProblem:
    """A workflow or a file, why it cannot be run, and where what it lacks can be had."""

    title: str
    name: str
    reason: str
    where: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        head = self.title if self.name in ("", self.title) else f"{self.title} ({self.name})"
        return "\n".join((f"• {head}: {self.reason}", *self.where))


class WorkflowProblems:
    """For operators and people whom they trust, since names of files and packs are not for everyone."""

    def __init__(self, validator: RequestValidator, permissions: Permissions, enforcer: PolicyEnforcer) -> None:
        self._validator, self._permissions, self._enforcer = validator, permissions, enforcer

    async def all(self, by: Person, here: Place) -> list[WorkflowProblem]:
        """Return all problems: workflows that cannot be run anywhere, then files that cannot be used. Raises
        `NotAllowed`.
        """
        await self._permissions.trusted(by, here, "workflow problems")
        catalog = self._validator.catalog
        found = []
        for each in sorted(catalog.workflows.values(), key=lambda each: each.title.casefold()):
            if self._enforcer.book.is_draft(each.id):
                continue  # its author alone sees it, in the studio
            if reason := await self._validator.lacks(each):
                where = await self._validator.where_to_get(each)
                found.append(WorkflowProblem(each.title or each.name, each.name, reason, where))
            elif self._enforcer.costs_in_vain(each.id):
                found.append(WorkflowProblem(each.title or each.name, each.name, _unpaid()))
        for fault in catalog.faults:
            file = f"{fault.file}, {fault.field}" if fault.field else fault.file
            found.append(WorkflowProblem(file, "", fault.reason))
        words = _("No server has been seen yet that knows its nodes.")
        return [*found, *(WorkflowProblem(file, "", words) for file in catalog.waiting)]

    async def text(self, by: Person, here: Place, words: str = "") -> str:
        """Describe the problems of the workflows that have these words in their names, as far as a message has room."""
        wanted = words.strip().casefold()
        every = await self.all(by, here)
        found = [each for each in every if wanted in f"{each.title} {each.name}".casefold()]
        if not found:
            none = _("All workflows can run, and all files can be used.")
            return none if not every else _("There is no problem with {words}.").format(words=shown(words))
        told, left = [found[0].text[:_CHAT]], _CHAT - len(found[0].text)
        for each in found[1:]:
            left -= len(each.text) + 1
            if left < 0:
                break
            told.append(each.text)
        if more := len(found) - len(told):
            rest = ngettext(
                "… and {count} more. Say a part of its name to read about it.",
                "… and {count} more. Say a part of a name to read about one.",
                more,
            )
            told.append(rest.format(count=more))
        return "\n".join(told)


def _unpaid() -> str:
    return _(
        "It costs money, and that is permitted nowhere. The operator can permit it under “Nodes that cost money” on "
        "the page, or with “darkroom moderate spending”, and then allow the workflow."
    )
