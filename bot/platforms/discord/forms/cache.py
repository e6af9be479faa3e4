"""The menu: the workflows and their forms, kept at hand so that a window opens within Discord's three seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.core.model import Person, Place
from bot.core.platform import Access, FieldKind, Form, Services, Workflow, WorkflowOffer, in_turns, together
from bot.platforms.discord.runs.text import cut

_PATIENCE = 2.0  # seconds: a form is drawn without what the servers add when they are slower


@dataclass(frozen=True)
class CachedForm:
    """A workflow that is offered, its form, and what a run costs in words, if it costs money and that is known."""

    workflow: Workflow
    form: Form
    price: str = ""

    @property
    def title(self) -> str:
        """The title of its window, of 45 characters at most."""
        price = f" · {self.price}" if self.price else ""
        return cut(self.workflow.title, 45 - len(price)) + price

    @property
    def picture_field(self) -> str | None:
        """The first field that takes a picture."""
        fields = sorted(self.form.fields, key=lambda field: not field.required)
        return next((field.name for field in fields if field.kind is FieldKind.IMAGE), None)


class FormCache:
    """The workflows that a person may run in a place, and their forms."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._forms: dict[str, tuple[Workflow, Form]] = {}

    async def form(self, name: str, person: Person, place: Place) -> CachedForm:
        """A workflow and its form there. Raises `UnknownWorkflow` and `NotAllowed`."""
        await self._services.workflows.admit(name, person, place)
        form = await self.whole(name)
        workflow = self._services.workflows.catalog.get(name)
        own = await self._services.workflows.own_form(form, workflow, person, place)
        return CachedForm(
            workflow.in_language(person.language), own.in_language(person.language), await self._price(name)
        )

    async def _price(self, name: str) -> str:
        try:
            async with asyncio.timeout(_PATIENCE / 2):
                return await self._services.workflows.price(name)
        except TimeoutError:
            return ""

    async def whole(self, name: str) -> Form:
        """A workflow's form without any rules; the last known one if servers are slow. Raises `UnknownWorkflow`."""
        workflow = self._services.workflows.catalog.get(name)
        try:
            async with asyncio.timeout(_PATIENCE):
                form = await self._services.workflows.full_form(workflow)
        except TimeoutError:
            known, before = self._forms.get(name, (workflow, workflow.form()))
            return before if known is workflow else workflow.form()
        self._forms[name] = workflow, form
        return form

    async def declared(self, community: Place) -> list[CachedForm]:
        """The workflows that a community's members may run somewhere in it, because they are allowed to all, or to some
        by a rule; and that a server can run.
        """
        rules = self._services.moderation.rules_of(community)
        granted = {rule.scope.workflow for rule in rules if isinstance(rule.body, Access) and rule.body.allow}
        forms = []
        async for name, workflow in in_turns(tuple(self._services.workflows.catalog.workflows.items())):
            if await self._is_lacking(workflow):
                continue
            if self._is_for_all(name, community):
                forms.append(CachedForm(workflow, await self.declared_form(name, community)))
            elif granted & {name, ""} and not self._services.moderation.is_off(community, name):
                forms.append(CachedForm(workflow, await self.whole(name)))
        return forms

    async def _is_lacking(self, workflow: Workflow) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._services.workflows.lacks(workflow) is not None
        except TimeoutError:
            return False

    async def check_able(self, name: str) -> None:
        """Raise `CannotRun` if no server can run a workflow, as far as that is known in time."""
        try:
            async with asyncio.timeout(_PATIENCE / 2):
                await self._services.workflows.check_able(name)
        except TimeoutError:
            return

    async def declared_form(self, name: str, community: Place) -> Form:
        """The form that a workflow's command has in a community. Raises `UnknownWorkflow`."""
        form = await self.whole(name)
        if not self._is_for_all(name, community):
            return form
        return self._services.workflows.narrowed(form, name, Person(community.platform, ""), community)

    def _is_for_all(self, name: str, community: Place) -> bool:
        return self._services.workflows.decide(Person(community.platform, ""), community, name).allowed

    async def offers(self, person: Person, place: Place) -> list[WorkflowOffer]:
        """The workflows on offer. If the servers are slow to answer, the list does not say what they lack."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._services.workflows.offers(person, place)
        except TimeoutError:
            return [WorkflowOffer(each) for each in self._services.workflows.allowed(person, place)]

    async def forms(self, person: Person, place: Place) -> list[CachedForm]:
        """All that a person may and can run in a place, with the forms."""
        able = [each.workflow.id for each in await self.offers(person, place) if each.lacks is None]
        return await together(*(self.form(each, person, place) for each in able))
