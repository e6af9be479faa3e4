"""The workflows of some files, and all mistakes in those that cannot be offered."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

from bot.core.errors import UnknownWorkflow
from bot.core.similar import similar
from bot.core.workflows.auto_form import AutomaticForm, declared_fields, drawn_seeds, results
from bot.core.workflows.automatic.later import LaterFields
from bot.core.workflows.form import listed, shown
from bot.core.workflows.identity.identities import Identity, identified, offered
from bot.core.workflows.identity.slugs import slug_of
from bot.core.workflows.languages import with_quoted_languages
from bot.core.workflows.reader import Reading, SourceFile, WorkflowFault, read_folders, rejections
from bot.core.workflows.recipes.reading import Known, StepMissing, read_recipe
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.source import Layer, MadePrompt, NoDefinitions, SavedSource
from bot.core.workflows.workflow import Declared, Workflow
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow

_HIDING = frozenset({Layer.ADDED, Layer.FOLDER})


class Workflows(Protocol):
    """The workflows that can be run now, by id. `version` grows with every change."""

    @property
    def workflows(self) -> Mapping[str, Workflow]: ...

    @property
    def faults(self) -> tuple[WorkflowFault, ...]: ...

    @property
    def waiting(self) -> tuple[str, ...]:
        """Return the files that ComfyUI's editor saved, while no server was seen that knows their nodes."""

    @property
    def info(self) -> ObjectInfo | None:
        """Return the definitions of all known servers together."""

    @property
    def version(self) -> int: ...

    def get(self, workflow: str) -> Workflow:
        """Return the workflow with this id. Raises `UnknownWorkflow`, which lists similar names."""

    def find(self, words: str) -> Workflow:
        """Return the workflow that a person means by its name, title or id. Raises `UnknownWorkflow`."""

    def title(self, workflow: str) -> str:
        """Return the title of the workflow with this id, even if it is gone; the id if it never had one."""

    def is_on_trial(self, workflow: str) -> bool:
        """True if the workflow with this id waits for an operator's yes."""

    def is_closed(self, workflow: str) -> bool:
        """True if an operator said that the workflow with this id is for no one, whatever is saved."""


class Versions(Protocol):
    """The newest versions of workflows, and earlier ones that runs use."""

    @property
    def catalog(self) -> Workflows: ...

    async def get(self, workflow: str, version: str) -> Workflow:
        """Return a version of the workflow with this id; the newest if it is empty or not kept. Raises
        `UnknownWorkflow` and `StorageFailed`.
        """


@dataclass(frozen=True)
class NewestVersions:
    """For a process that keeps nothing."""

    catalog: Workflows

    async def get(self, workflow: str, _version: str) -> Workflow:
        """See `Versions.get`."""
        return self.catalog.get(workflow)


@dataclass(frozen=True)
class Catalog:
    """The workflows of some files, by id. `replaced` has the files that later layers replace, each with what replaces
    it; `titles` those of workflows that are gone; `waiting` names the files that wait for the first server. It was made
    with the definitions `info`. Operators closed the workflows with the ids in `closed`.
    """

    workflows: Mapping[str, Workflow]
    faults: tuple[WorkflowFault, ...] = ()
    version: int = 0
    replaced: tuple[tuple[SourceFile, SourceFile], ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    info: ObjectInfo | None = None
    closed: frozenset[str] = frozenset()

    @classmethod
    def read(cls, *folders: Path, info: ObjectInfo | None = None) -> Catalog:
        """Read every workflow of these folders. A workflow in a later folder replaces one of the same name in an
        earlier one. `info` has the definitions of all known servers.

        It does so even with a mistake in it, because people expect their own workflow under that name.
        """
        layers = [Layer.BUNDLED] * (len(folders) - 1) + [Layer.FOLDER]
        return cls.of(read_folders(zip(layers, folders, strict=True)) if folders else Reading(), info)

    @classmethod
    def of(
        cls,
        reading: Reading,
        info: ObjectInfo | None = None,
        identities: Mapping[tuple[str, str], Identity] | None = None,
        before: Catalog | None = None,
    ) -> Catalog:
        """Return the catalog of what was read. Without `identities` new ones are given. What is in the catalog `before`
        is not made again.
        """
        there = without_hidden(reading)
        files = offered(there)
        known = identities if identities is not None else identified((), files, 0.0)
        made: dict[str, Workflow] = {}
        faults, waiting = list(reading.faults), list[str]()
        for file in sorted(files, key=attrgetter("folded")):
            if file.is_recipe:
                continue
            identity = known[file.place]
            try:
                workflow = _same(before, identity, info) or workflow_of(file, identity, info, faults)
            except NoDefinitions:
                waiting.append(file.graph_name)
                continue
            if workflow is not None:
                made[workflow.id] = workflow
        waiting += _make_recipes(files, known, before, made, faults)
        names = {known[file.place].name for file in files} | {_slug_of_file(fault.file) for fault in faults}
        for file in files:
            if (workflow := made.get(known[file.place].id)) is not None and workflow.next:
                faults += _unknown_next(workflow, file.sidecar_name, names)
        titles = {each.id: each.title for each in known.values()}
        return cls(made, tuple(faults), 0, _replaced(there, files), titles, tuple(waiting), info)

    def is_same(self, other: Catalog) -> bool:
        """True if another reading has come to the same."""
        mine, others = self.workflows, other.workflows
        same = mine.keys() == others.keys() and all(each is others[name] for name, each in mine.items())
        return same and (self.faults, self.waiting, self.closed) == (other.faults, other.waiting, other.closed)

    def get(self, workflow: str) -> Workflow:
        """See `Workflows.get`."""
        if workflow in self.workflows:
            return self.workflows[workflow]
        raise self._unknown(workflow)

    def find(self, words: str) -> Workflow:
        """See `Workflows.find`."""
        wanted = words.strip()
        if wanted in self.workflows:
            return self.workflows[wanted]
        plain = wanted.casefold().replace("-", "_")
        for each in self.workflows.values():
            if plain == each.name:
                return each
        found = [each for each in self.workflows.values() if wanted.casefold() == each.title.casefold()]
        if len(found) == 1:
            return found[0]
        raise self._unknown(wanted)

    def title(self, workflow: str) -> str:
        """See `Workflows.title`."""
        found = self.workflows.get(workflow)
        return (found.title if found is not None else self.titles.get(workflow)) or workflow

    def is_on_trial(self, workflow: str) -> bool:
        """See `Workflows.is_on_trial`."""
        found = self.workflows.get(workflow)
        return found is not None and found.trial

    def is_closed(self, workflow: str) -> bool:
        """See `Workflows.is_closed`."""
        return workflow in self.closed

    def _unknown(self, name: str) -> UnknownWorkflow:
        slug = slug_of(name)
        broken = [fault for fault in self.faults if _slug_of_file(fault.file) == slug]
        if broken:
            told = str(broken[0]).rstrip(".")
            words = _("The workflow {name} has a mistake and cannot run: {fault}")
            return UnknownWorkflow(words.format(name=shown(name), fault=told if told.endswith("?") else f"{told}."))
        if any(_slug_of_file(file) == slug for file in self.waiting):
            words = _("The workflow {name} can be used when a ComfyUI server has answered.")
            return UnknownWorkflow(words.format(name=shown(name)))
        if not self.workflows:
            words = _("There is no workflow {name}, and no other yet. Ask the operator of this bot for one.")
            return UnknownWorkflow(words.format(name=shown(name)))
        names = [each.name for each in self.workflows.values()]
        near = similar(slug, names)
        if near:
            words = _("There is no workflow {name}. Did you mean “{near}”? The workflows are {names}.")
        else:
            words = _("There is no workflow {name}. The workflows are {names}.")
        listing = listed(names, like=slug)
        return UnknownWorkflow(words.format(name=shown(name), near=near[0] if near else "", names=listing))


def workflow_of(
    file: SourceFile, identity: Identity, info: ObjectInfo | None, faults: list[WorkflowFault]
) -> Workflow | None:
    """Make the workflow of a file; None if it has mistakes, which are added to the faults. Raises `NoDefinitions` for a
    saved one if no server is known. A recipe is made of the workflows that there are, by `Catalog` alone.
    """
    if file.is_recipe:
        return None
    found: list[WorkflowFault] = []
    made = _made(file, info, found)
    data = _toml(file, found) if file.sidecar is not None else {}
    if made is None or data is None:
        faults += found
        return None
    mistakes = Faults()
    plain = Workflow(file.title, file.title, "", made.prompt)
    workflow = read_sidecar(file.title, made.prompt, data, mistakes) if file.sidecar is not None else plain
    found += [WorkflowFault(file.sidecar_name, field, reason) for field, reason in mistakes.found]
    faults += found
    if found:
        return None
    source = file.graph if isinstance(file.graph, SavedSource) else None
    declared, outputs = workflow.declared, workflow.outputs
    if file.sidecar is None:
        declared = LaterFields(partial(_automatic, made, info if source is not None else None))
        outputs = results(made.prompt, made.surface)
    return Workflow(
        identity.name,
        workflow.title,
        workflow.description,
        made.prompt,
        declared,
        outputs,
        workflow.spoiler,
        workflow.nsfw,
        workflow.group or file.path.rpartition("/")[0],
        workflow.translations,
        source,
        identity.id,
        file.version,
        file.path,
        file.layer,
        file.trial,
        LaterFields(partial(drawn_seeds, declared, made.changing)) if made.changing else (),
        next=workflow.next,
        time_limit=workflow.time_limit,
        stall_limit=workflow.stall_limit,
    )


def _make_recipes(
    files: Iterable[SourceFile],
    identities: Mapping[tuple[str, str], Identity],
    before: Catalog | None,
    made: dict[str, Workflow],
    faults: list[WorkflowFault],
) -> list[str]:
    """Add the recipes to the workflows that were made. Returns the files that wait for a workflow."""
    recipes = sorted((file for file in files if file.is_recipe), key=attrgetter("folded"))
    if not recipes:
        return []
    named = {each.name: each for each in made.values()}
    broken = frozenset(_slug_of_file(fault.file) for fault in faults)
    absent = frozenset(identities[file.place].name for file in files) - broken - named.keys()
    known = Known(named, absent, broken, frozenset(identities[file.place].name for file in recipes))
    waiting = list[str]()
    for file in recipes:
        identity = identities[file.place]
        try:
            recipe = _same_recipe(before, identity, made) or _recipe_of(file, identity, known, faults)
        except StepMissing:
            waiting.append(file.graph_name)
            continue
        if recipe is not None:
            made[recipe.id] = recipe
    return waiting


def _same_recipe(before: Catalog | None, identity: Identity, made: Mapping[str, Workflow]) -> Workflow | None:
    """Return a recipe as it was made before, if nothing of it and of its steps has changed."""
    recipe = before.workflows.get(identity.id) if before is not None else None
    if recipe is None or (recipe.name, recipe.version) != (identity.name, identity.version):
        return None
    return recipe if all(made.get(step.workflow.id) is step.workflow for step in recipe.steps) else None


def _recipe_of(file: SourceFile, identity: Identity, known: Known, faults: list[WorkflowFault]) -> Workflow | None:
    found: list[WorkflowFault] = []
    data, mistakes = _toml(file, found), Faults()
    recipe = read_recipe(file.title, data, known, mistakes) if data is not None else None
    found += [WorkflowFault(file.sidecar_name, field, reason) for field, reason in mistakes.found]
    faults += found
    if recipe is None or found:
        return None
    return replace(
        recipe,
        id=identity.id,
        name=identity.name,
        group=recipe.group or file.path.rpartition("/")[0],
        version=file.version,
        path=file.path,
        layer=file.layer,
        trial=file.trial,
    )


def bundled_folder() -> Path:
    """Return the folder of the bundled workflows: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parents[2] / "workflows"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "workflows"


def _unknown_next(workflow: Workflow, file: str, names: Collection[str]) -> list[WorkflowFault]:
    """Return the mistakes in what its author would use a result in. It can run nevertheless."""
    words = _("next: there is no workflow “{name}”; workflows: {names}")
    return [
        WorkflowFault(file, None, words.format(name=each, names=listed(sorted(names), like=slug_of(each))))
        for each in workflow.next
        if slug_of(each) not in names
    ]


def _slug_of_file(file: str) -> str:
    return slug_of(Path(file).stem.removesuffix(".app").removesuffix(".recipe"))


def _same(before: Catalog | None, identity: Identity, info: ObjectInfo | None) -> Workflow | None:
    """Return the workflow as it was made before, if nothing of it has changed."""
    workflow = before.workflows.get(identity.id) if before is not None else None
    if workflow is None or (workflow.name, workflow.version) != (identity.name, identity.version):
        return None
    if workflow.source is None or info is None or (before is not None and info is before.info):
        return workflow
    if any(each.choices for each in workflow.declared):
        return None  # they may be another server's
    try:
        return workflow if workflow.source.prompt_for(info) is workflow.prompt else None
    except (UnreadableWorkflow, PromptRejected):
        return None


def without_hidden(reading: Reading) -> list[SourceFile]:
    """Leave out those in the place of which people expect one that cannot be read."""
    hidden = {path.casefold(): layer.rank for layer, path in reading.unreadable if layer in _HIDING}
    if not hidden:
        return list(reading.files)
    return [file for file in reading.files if file.layer.rank >= hidden.get(file.folded, 0)]


def _replaced(there: Sequence[SourceFile], files: Sequence[SourceFile]) -> tuple[tuple[SourceFile, SourceFile], ...]:
    if len(there) == len(files):
        return ()
    by_path = {file.folded: file for file in files}
    pairs = ((file, by_path[file.folded]) for file in there if file.folded in by_path)
    return tuple((file, by) for file, by in pairs if file.layer.rank < by.layer.rank)


def _made(file: SourceFile, info: ObjectInfo | None, faults: list[WorkflowFault]) -> MadePrompt | None:
    if isinstance(file.graph, Prompt):
        return MadePrompt(file.graph)
    if info is None:
        raise NoDefinitions
    try:
        return file.graph.made_for(info)
    except UnreadableWorkflow as fault:
        faults.append(WorkflowFault(file.graph_name, None, str(fault)))
    except PromptRejected as rejected:
        faults += rejections(file.graph_name, rejected)
    return None


def _automatic(made: MadePrompt, info: ObjectInfo | None) -> tuple[Declared, ...]:
    """Return the form of a prompt, which is made once. One with choices may have them from a server."""
    if isinstance(made.form, AutomaticForm):
        return made.form.declared
    declared = declared_fields(made.prompt, info, made.surface)
    if not any(each.choices for each in declared):
        made.form = AutomaticForm(declared, results(made.prompt, made.surface))
    return declared


def _toml(file: SourceFile, faults: list[WorkflowFault]) -> dict[str, Any] | None:
    try:
        return tomllib.loads(with_quoted_languages(file.sidecar or ""))
    except (ValueError, RecursionError) as fault:  # a number of 5,000 digits is a plain ValueError
        reason = _("this is not valid TOML: {fault}").format(fault=fault)
        faults.append(WorkflowFault(file.sidecar_name, None, reason))
        return None
