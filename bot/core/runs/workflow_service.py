"""The workflows as people see them: what each person may run in a place, and the form that they fill in there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.errors import NotAllowed
from bot.core.model import DisplayOptions, Person, Place
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import Decision
from bot.core.policy.quota import QuotaStatus
from bot.core.run import key_of
from bot.core.runs.queue import RunQueue
from bot.core.runs.validation import RequestValidator
from bot.core.workflows.catalog import Workflows, title_of
from bot.core.workflows.form import Form
from bot.core.workflows.workflow import Workflow


@dataclass(frozen=True)
class WorkflowOffer:
    """A workflow that a person may run in a place; `lacks` says why it cannot run just now, in words."""

    workflow: Workflow
    lacks: str | None = None


class WorkflowService:
    """Every platform asks here which workflows it may show to a person, and in which form."""

    def __init__(
        self,
        validator: RequestValidator,
        enforcer: PolicyEnforcer,
        queue: RunQueue,
        servers_version: Callable[[], int],
    ) -> None:
        """`servers_version` changes whenever a server has other nodes or models."""
        self._validator, self._enforcer, self._queue = validator, enforcer, queue
        self._servers_version = servers_version

    @property
    def catalog(self) -> Workflows:
        return self._validator.catalog

    async def offers(self, person: Person, place: Place) -> list[WorkflowOffer]:
        """The workflows that a person may run in a place."""
        return [WorkflowOffer(each, await self._validator.lacks(each)) for each in self.allowed(person, place)]

    def allowed(self, person: Person, place: Place) -> list[Workflow]:
        """The workflows that a person may run in a place, whatever the servers lack; nothing is asked of anybody."""
        return [each for each in self.catalog.workflows.values() if self.decide(person, place, each.name).allowed]

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """Whether a person may run a workflow in a place, and which rule says so; nothing is asked of the database."""
        return self._enforcer.decide(person, place, workflow)

    def display(self, person: Person, place: Place, workflow: str) -> DisplayOptions:
        """How the run of a workflow is to be shown there: where its message goes, which a platform asks before it posts
        one; previews and spoilers stand in its `Brief`.
        """
        return self._enforcer.policy(person, place, workflow).display

    async def allowance(self, person: Person, place: Place, workflow: str) -> list[QuotaStatus]:
        """How a person stands with the limits there: as text, each says what it is, what is left, and until when."""
        limits = self._enforcer.policy(person, place, workflow).limits
        return await self._queue.quota_statuses(key_of(person), workflow, limits)

    async def form(self, workflow: str, person: Person, place: Place) -> Form:
        """What a person fills in there. Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words."""
        self.check(workflow, person, place)
        return self.narrowed(await self._validator.form(self.catalog.get(workflow)), workflow, person, place)

    def check(self, workflow: str, person: Person, place: Place) -> None:
        """Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words."""
        self.catalog.get(workflow)
        if not (decision := self.decide(person, place, workflow)).allowed:
            raise NotAllowed(decision.why)

    def narrowed(self, form: Form, workflow: str, person: Person, place: Place) -> Form:
        """A form of a workflow as it is filled in there."""
        return self._enforcer.restriction(person, place, self.catalog.get(workflow)).shown(form)

    async def full_form(self, workflow: Workflow) -> Form:
        """The form of a workflow before moderators narrow it, with what the servers add to it."""
        return await self._validator.form(workflow)

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever the workflows, or what the servers have for them, change."""
        return self.catalog.version, self._servers_version()

    def title(self, workflow: str) -> str:
        """The name that people know a workflow by."""
        return title_of(self.catalog, workflow)
