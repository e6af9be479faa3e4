"""The service for workflows: those that a person may run in a place, and their forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bot.core import status_text
from bot.core.errors import BadValue, NotAllowed
from bot.core.listeners import Listeners
from bot.core.model import DisplayOptions, Person, Place, RunRequest
from bot.core.people.accounts import NO_LINKS, KnownAccounts
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import Decision
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.policy.permissions import Permissions
from bot.core.policy.quota import QuotaStatus
from bot.core.presets.fitting import with_own_defaults
from bot.core.presets.store import PresetStore
from bot.core.runs.prices import PriceEstimator
from bot.core.runs.queue import RunQueue
from bot.core.runs.validation import RequestValidator
from bot.core.several.count import with_several
from bot.core.wording.additions import Additions
from bot.core.wording.model_names import ModelKind
from bot.core.workflows.catalog import Workflows
from bot.core.workflows.form import Form, listed
from bot.core.workflows.identity.differences import differences, has_changed
from bot.core.workflows.identity.slugs import slug_of
from bot.core.workflows.workflow import Workflow
from bot.i18n import _

_FRESH = 5.0  # seconds after which a decision is made again
_KEPT = 1000  # people and places for which decisions are kept


@dataclass(frozen=True)
class WorkflowOffer:
    """A workflow that a person may run in a place; `lacks` says in words why it cannot run now, and `price` what a run
    costs if nothing is changed in its form: empty if it costs no money, or if that is not known.
    """

    workflow: Workflow
    lacks: str | None = None
    price: str = ""


class WorkflowService:
    """The workflows and forms that platforms may show to a person."""

    def __init__(
        self,
        validator: RequestValidator,
        enforcer: PolicyEnforcer,
        queue: RunQueue,
        prices: PriceEstimator,
        permissions: Permissions,
        presets: PresetStore,
        servers_version: Callable[[], int],
        changed: Listeners[[]],
        clock: Callable[[], float] = time.monotonic,
        accounts: KnownAccounts = NO_LINKS,
    ) -> None:
        """`servers_version` changes whenever a server has other nodes or models. `changed` is called when workflows,
        servers or rules may have changed.
        """
        self._validator, self._enforcer, self._queue, self._prices = validator, enforcer, queue, prices
        self._permissions, self._presets, self._accounts = permissions, presets, accounts
        self._servers_version, self._changed, self._clock = servers_version, changed, clock
        self._version: tuple[int, tuple[int, int], int, int] | None = None
        self._allowed: dict[object, list[Workflow]] = {}  # menus ask at each keystroke
        self._alike_for: tuple[int, int] | None = None
        self._alike: list[list[str]] = []
        self._priced_for: tuple[int, int, int] | None = None
        self._first_prices: dict[str, str] = {}

    @property
    def catalog(self) -> Workflows:
        return self._validator.catalog

    async def offers(self, person: Person, place: Place, *, lacking: bool | None = None) -> list[WorkflowOffer]:
        """Return the workflows that a person may run in a place. Those that no server can run are `lacking`: only
        moderators and operators see them, unless a platform knows better.
        """
        sees_all = person.moderator or self._permissions.is_operator(person) if lacking is None else lacking
        offers, kept = [], self._kept_prices()
        allowed = self.allowed(person, place)
        for each, lacks in zip(allowed, await self._validator.lacks_of(allowed), strict=True):
            if lacks is None or sees_all:
                if each.id not in kept:
                    kept[each.id] = await self.price(each.id)
                offers.append(WorkflowOffer(each.in_language(person.language), lacks, kept[each.id]))
        return offers

    def onward(self, after: str, found: Iterable[tuple[Workflow, Form]]) -> list[Workflow]:
        """Return workflows, each given with its form, in the order in which they are offered for a result of `after`:
        first those that its author chose, last those that take more than one file.
        """
        chosen = self.next_of(after)

        def place(each: tuple[Workflow, Form]) -> tuple[int, bool]:
            workflow, form = each
            wanted = chosen.index(workflow.id) if workflow.id in chosen else len(chosen)
            return wanted, len([field for field in form.fields if field.is_media and field.required]) > 1

        return [workflow for workflow, _form in sorted(found, key=place)]

    def next_of(self, workflow: str) -> list[str]:
        """Return the workflows that the author of one would use its result in, by their ids, the best first."""
        found = self.catalog.workflows.get(workflow)
        if found is None or not found.next:
            return []
        by_name = {each.name: each.id for each in self.catalog.workflows.values()}
        return [by_name[name] for name in map(slug_of, found.next) if name in by_name]

    async def check_able(self, workflow: str) -> None:
        """Raise `CannotRun` if no server can run a workflow, so that nobody fills in a form in vain."""
        await self._validator.check_able(self.catalog.get(workflow))

    async def lacks(self, workflow: Workflow) -> str | None:
        """Describe what the servers lack to run a workflow; None if at least one can run it."""
        return await self._validator.lacks(workflow)

    def allowed(self, person: Person, place: Place) -> list[Workflow]:
        """Return the workflows that a person may run in a place, even if the servers lack something. Asks no server."""
        now = int(self._clock() / _FRESH)  # a block may end at any time
        version = (self.catalog.version, self._enforcer.edition, self._servers_version(), now)
        if version != self._version:
            self._version, self._allowed = version, {}
        key = (person, person.roles, person.moderator, place, place.community, place.parents)
        found = self._allowed.get(key)
        if found is None:
            ids = self._enforcer.allowed(person, place, self._groups())
            found = [each for each in self.catalog.workflows.values() if each.id in ids]
            if len(self._allowed) < _KEPT:
                self._allowed[key] = found
        return list(found)

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """Decide if a person may run a workflow in a place, and by which rule. Uses no database query."""
        return self._enforcer.decide(person, place, workflow)

    def display(self, person: Person, place: Place, workflow: str) -> DisplayOptions:
        """Return the display options for a run in a place. A platform needs them to know where to post its message.
        Previews and spoilers are also in the run's `RunSummary`.
        """
        return self._enforcer.policy(person, place, workflow).display

    async def allowance(
        self, person: Person, place: Place, workflow: str, *, known: Container[object] = ()
    ) -> list[QuotaStatus]:
        """Return a person's quotas in a place, without those of rules the slots of which are `known`. As text, each
        says the limit, what is left, and when there is more.
        """
        limits = [rule for rule in self._enforcer.policy(person, place, workflow).limits if rule.slot not in known]
        if not limits:
            return []
        return await self._queue.quota_statuses(person.key, workflow, limits)

    async def form(self, workflow: str, person: Person, place: Place, version: str = "") -> Form:
        """Return a person's form in a place, of a version or of the newest. Raises `UnknownWorkflow`, and `NotAllowed`,
        as `admit` does.
        """
        await self.admit(workflow, person, place, version)
        found = await self.pinned(workflow, version)
        return (await self.own_form(await self._validator.form(found), found, person, place)).in_language(
            person.language
        )

    async def restriction(self, person: Person, place: Place, workflow: Workflow) -> FieldConstraints:
        """Return the rules about fields for a person in a place, with their own defaults, if they have some."""
        rules = self._enforcer.restriction(person, place, workflow)
        own = await self._presets.usual(self._accounts.in_order(person.key), workflow.id)
        return with_own_defaults(rules, await self._validator.form(workflow), own) if own else rules

    async def pinned(self, workflow: str, version: str) -> Workflow:
        """Return a version of a workflow. Raises `UnknownWorkflow`."""
        return await self._validator.versions.get(workflow, version)

    async def usable(self, workflow: str, version: str, person: Person) -> str:
        """Return a version of a workflow if a person may use it, else an empty one, which is the newest if there is
        one. Raises `UnknownWorkflow`.
        """
        is_usable = self._enforcer.may_use(person, await self.pinned(workflow, version))
        return version if is_usable or workflow not in self.catalog.workflows else ""

    async def changes_since(self, workflow: str, version: str, person: Person, place: Place) -> str:
        """Say what of a workflow has changed since this version, as far as a person notices it in a place; empty if
        nothing has, or if the run is from before versions were kept. Raises as `form` does.
        """
        newest = self.catalog.get(workflow)
        if version in ("", newest.version):
            return ""
        now = await self.form(workflow, person, place)
        before, newest = await self.pinned(workflow, version), newest.in_language(person.language)
        if before.version != version:  # it is not kept
            return has_changed(newest)
        return differences(before, await self.form(workflow, person, place, version), newest, now)

    async def admit(self, workflow: str, person: Person, place: Place, version: str = "") -> None:
        """Let a person ask for a workflow. Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words, which is
        in the audit log then.
        """
        await self.pinned(workflow, version)
        if not (decision := self.decide(person, place, workflow)).allowed:
            fault = NotAllowed(decision.why)
            await self._enforcer.refused(RunRequest(workflow, {}, person, place), fault)
            raise fault

    async def price(self, workflow: str, values: Mapping[str, Any] = MappingProxyType({})) -> str:
        """Say what a run costs with these values, as far as they have been filled in; empty if it costs no money, or if
        that is not known. Raises `UnknownWorkflow`.
        """
        found = self.catalog.get(workflow)
        if not self._prices.is_paid(workflow):
            return ""
        parsed = {}
        for field in (await self._validator.form(found)).fields:
            if field.name in values and not field.is_media:
                with suppress(BadValue):
                    parsed[field.name] = field.parse(values[field.name])
        price = self._enforcer.price(workflow, await self._prices.price(found, parsed))
        return status_text.cost(price) if price is not None else ""

    def _groups(self) -> list[list[str]]:
        """Return all workflows, in groups that are allowed alike."""
        if self.version != self._alike_for:
            self._alike_for, self._alike = self.version, self._enforcer.alike(self.catalog.workflows)
        return self._alike

    def _kept_prices(self) -> dict[str, str]:
        """Return the prices of forms that are not filled in; lists ask for them at each keystroke."""
        version = (*self.version, self._enforcer.book.edition)
        if version != self._priced_for:
            self._priced_for, self._first_prices = version, {}
        return self._first_prices

    async def own_form(self, form: Form, workflow: Workflow, person: Person, place: Place) -> Form:
        """Return a workflow's form as a person fills it in at a place."""
        return self.seen(await self.restriction(person, place, workflow), form, workflow, person, place)

    def seen(self, restriction: FieldConstraints, form: Form, workflow: Workflow, person: Person, place: Place) -> Form:
        """Return a workflow's form as a person fills it in at a place under these rules."""
        return self._with_additions(restriction.shown(form), form, workflow, person, place)

    def narrowed(self, form: Form, workflow: str, person: Person, place: Place) -> Form:
        """Return a workflow's form with the moderators' rules about fields in a place."""
        found = self.catalog.get(workflow)
        shown = self._enforcer.restriction(person, place, found).shown(form)
        return self._with_additions(shown, form, found, person, place)

    def _with_additions(self, shown: Form, form: Form, workflow: Workflow, person: Person, place: Place) -> Form:
        """Return the part of a form that a person sees with the fields that are no workflow's own."""
        if self.has_count(form, workflow, person, place):
            shown = with_several(shown, form, self._enforcer.policy(person, place, workflow.id).limits)
        return self.additions(workflow, person, place).added(shown)

    def additions(
        self, workflow: Workflow, person: Person, place: Place, own: Mapping[str, Any] = MappingProxyType({})
    ) -> Additions:
        """Return the styles and the LoRAs that a person may choose for a workflow in a place. `own` are their
        defaults.
        """
        if workflow.steps:
            return Additions({}, ())
        loras = self._validator.loras(workflow)
        if loras and (rules := self._enforcer.models(person, place, workflow.id)).places:
            loras = tuple(each for each in loras if rules.permits(ModelKind.LORA, each))
        return Additions(self._enforcer.styles(person, place, workflow.id), loras, own)

    async def unasked(self, workflow: str, person: Person) -> dict[str, str]:
        """Return empty texts for a style and a LoRA that a person has as their own defaults, which would else stand for
        what was left out.
        """
        own = await self._presets.usual(self._accounts.in_order(person.key), workflow)
        found = self.catalog.workflows.get(workflow)
        declared = {each.name for each in found.declared} if found is not None else set()
        return dict.fromkeys((name for name in own if name not in declared), "")

    def has_count(self, form: Form, workflow: Workflow, person: Person, place: Place) -> bool:
        """True if a person may ask for several runs of a workflow at once, because each would be another one."""
        if workflow.steps:
            return False
        return bool(workflow.drawn) or bool(self._enforcer.restriction(person, place, workflow).seeds(form))

    async def full_form(self, workflow: Workflow) -> Form:
        """Return a workflow's form with the servers' choices, without the moderators' rules."""
        return await self._validator.form(workflow)

    def hints(self, person: Person, place: Place) -> list[str]:
        """Say what a person can write in a text here beside words, a line each."""
        lines = [_("In a text, {example} takes one of the two, at random.").format(example="{cat|dog}")]
        if names := sorted(self._enforcer.text_lists(person, place, "")):
            shown = listed(f"__{name}__" for name in names)
            lines.append(_("These names take one text of a list: {names}").format(names=shown))
        return lines

    @contextmanager
    def telling(self, listener: Callable[[], object]) -> Iterator[None]:
        """Meanwhile, call a function whenever workflows, servers or rules may have changed."""
        self._changed.add(listener)
        try:
            yield
        finally:
            self._changed.remove(listener)

    def rules(self, place: Place) -> object:
        """Return a value that changes whenever moderators change what holds in a place."""
        return self._enforcer.book.of(place.community)

    @property
    def version(self) -> tuple[int, int]:
        """A value that changes whenever the workflows, or the servers' nodes and models, change."""
        return self.catalog.version, self._servers_version()

    def name(self, workflow: str) -> str:
        """Return the name that people type for a workflow; its id if it is gone."""
        found = self.catalog.workflows.get(workflow)
        return found.name if found is not None else workflow

    def title(self, workflow: str, language: str = "") -> str:
        """Return the title of a workflow, for a person who reads this language."""
        found = self.catalog.workflows.get(workflow)
        return (found.in_language(language).title if found is not None else "") or self.catalog.title(workflow)
