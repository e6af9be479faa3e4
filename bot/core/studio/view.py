"""Describe a draft: what its workflow is, what servers lack for it, its form, and the inputs that a field could set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.core.errors import UserError
from bot.core.sources.needs import packs_of, refused_packs
from bot.core.studio.changes import read_toml, said, tables
from bot.core.studio.drafts import Draft
from bot.core.studio.new_graph import LostTarget, fresh_inputs, lost_targets, settable
from bot.core.workflows.automatic.fields import field_name
from bot.core.workflows.catalog import workflow_of
from bot.core.workflows.field_kinds import kind_of_input
from bot.core.workflows.form import MEDIA, Form
from bot.core.workflows.identity.identities import Identity
from bot.core.workflows.reader import SourceFile, WorkflowFault, graph_of
from bot.core.workflows.sidecar_edit import line_of
from bot.core.workflows.source import Layer, SavedSource
from bot.core.workflows.verdict_text import missing_models, missing_nodes, why_not
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt
from comfy.saved import UnreadableWorkflow
from comfy.saved.needs import ModelLink, NodeLink
from comfy.scheduling.schedule import is_model

_LONG = 80  # characters of a value that is shown
_MOST_CHOICES = 12  # of an input that are shown


@dataclass(frozen=True)
class DraftInput:
    """An input that a field could set. `target` is its name in a sidecar, `name` one that a field for it could have,
    and `kind` that of such a field. `least`, `most`, `step` and `choices` are what servers take. `is_new`: the graph
    before it had no such input.
    """

    target: str
    input: str
    value: str
    kind: str
    name: str
    least: float | None = None
    most: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    is_new: bool = False


@dataclass(frozen=True)
class DraftNode:
    title: str
    class_type: str
    inputs: tuple[DraftInput, ...]


@dataclass(frozen=True)
class DraftFault:
    """A mistake: its file, the line and the field where these can be told, and what to do."""

    file: str
    field: str
    line: int | None
    reason: str


@dataclass(frozen=True)
class DraftField:
    """A field as the sidecar has it."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class DraftView:
    """All of a draft. `workflow` and `form` are None while there are mistakes. `base_title` is that of the workflow
    that it changes; `lacks` says in words why no server can run it, `nodes_lacking` and `models_lacking` what to
    install, and `refused` which packs of nodes the operator does not allow. `is_old`: the files have changed since it
    was read. `lost` has what its fields set in vain.
    """

    draft: Draft
    title: str
    description: str
    nodes: tuple[DraftNode, ...]
    fields: tuple[DraftField, ...]
    faults: tuple[DraftFault, ...]
    count: int = 0
    results: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    paid: tuple[str, ...] = ()
    base_title: str = ""
    lacks: str = ""
    refused: str = ""
    nodes_lacking: tuple[NodeLink, ...] = ()
    models_lacking: tuple[ModelLink, ...] = ()
    workflow: Workflow | None = None
    form: Form | None = None
    is_old: bool = False
    lost: tuple[LostTarget, ...] = ()


def source_of(graph: bytes) -> Prompt | SavedSource:
    """Read a workflow's file. Raises `UserError`."""
    try:
        return graph_of(graph)
    except (UnreadableWorkflow, PromptRejected) as fault:
        raise _unusable(fault) from fault


def prompt_of(source: Prompt | SavedSource, info: ObjectInfo | None) -> Prompt:
    """Return the prompt of a workflow's file. Raises `UserError`."""
    if isinstance(source, Prompt):
        return source
    if info is None:
        raise UserError(_("No server can be reached to check the workflow. Try again when one is back."))
    try:
        return source.prompt_for(info)
    except (UnreadableWorkflow, PromptRejected) as fault:
        raise _unusable(fault) from fault


def earlier_prompt(source: Prompt | SavedSource | None, info: ObjectInfo | None) -> Prompt | None:
    """Return the prompt of a file that there was before; None if it cannot be used any more."""
    try:
        return prompt_of(source, info) if source is not None else None
    except UserError:
        return None


def _unusable(fault: UnreadableWorkflow | PromptRejected) -> UserError:
    told = fault.node_errors[0].message if isinstance(fault, PromptRejected) and fault.node_errors else str(fault)
    return UserError(_("The workflow cannot be used: {reason}.").format(reason=told.rstrip(".")))


def workflow_in(draft: Draft, graph: Prompt | SavedSource, info: ObjectInfo | None) -> Workflow | list[WorkflowFault]:
    """Return the workflow that a draft would be, or its mistakes."""
    file = SourceFile.of(Layer.ADDED, draft.path, f"{draft.name}.json", graph, f"{draft.name}.toml", draft.sidecar)
    faults: list[WorkflowFault] = []
    identity = Identity(draft.path, "", draft.path, Layer.ADDED, draft.path, draft.name, file.version)
    made = workflow_of(file, identity, info, faults)
    return faults if made is None else made


def view_of(
    draft: Draft,
    source: Prompt | SavedSource,
    info: ObjectInfo | None,
    known: Mapping[str, ObjectInfo],
    allowed: Iterable[str],
    base_title: str,
    before: Prompt | SavedSource | None = None,
    *,
    is_old: bool,
) -> DraftView:
    """Describe a draft, with what is `known` of each server and of all together, and the graph that it had `before`.
    Raises `UserError` if its workflow cannot be read.
    """
    prompt, earlier = prompt_of(source, info), earlier_prompt(before, info)
    made = workflow_in(draft, source, info)
    faults = [] if isinstance(made, Workflow) else made
    plain = made if isinstance(made, Workflow) else Workflow(draft.name, draft.name, "", prompt, source=_saved(source))
    data = _data(draft.sidecar)
    classes = [node.class_type for node in prompt]
    return DraftView(
        draft,
        str(data.get("title", "")) or draft.name,
        str(data.get("description", "")),
        tuple(_nodes(prompt, info, fresh_inputs(prompt, earlier) if earlier is not None else frozenset())),
        tuple(
            DraftField(name, {key: said(value) for key, value in table.items()}) for name, table in tables(data).items()
        ),
        tuple(located(draft.sidecar, each) for each in faults),
        len(classes),
        tuple(prompt[node].title for node in _results(plain, info)),
        tuple(dict.fromkeys(str(value) for node in prompt for value in node.inputs.values() if is_model(value))),
        tuple(each for each in dict.fromkeys(classes) if info is not None and info.is_paid(each)),
        base_title,
        why_not(plain, known) or "",
        refused_packs(packs_of(info, set(classes)), set(allowed)) if info is not None else "",
        tuple(missing_nodes(plain, info)) if info is not None else (),
        tuple(missing_models(plain, info)) if info is not None else (),
        made if isinstance(made, Workflow) else None,
        made.form(info) if isinstance(made, Workflow) else None,
        is_old,
        lost_targets(data, prompt, earlier),
    )


def located(sidecar: str, fault: WorkflowFault) -> DraftFault:
    """Return a mistake with the line of its field."""
    return DraftFault(fault.file, fault.field or "", line_of(sidecar, fault.field), fault.reason)


def _saved(source: Prompt | SavedSource) -> SavedSource | None:
    return source if isinstance(source, SavedSource) else None


def _data(sidecar: str) -> dict[str, Any]:
    try:
        return read_toml(sidecar)
    except (ValueError, RecursionError):
        return {}


def _results(workflow: Workflow, info: ObjectInfo | None) -> tuple[str, ...]:
    """Return the nodes whose results are delivered."""
    if workflow.outputs or info is None:
        return workflow.outputs
    known = info.data
    return tuple(each.id for each in workflow.prompt if known.get(each.class_type, {}).get("output_node") is True)


def _nodes(prompt: Prompt, info: ObjectInfo | None, fresh: frozenset[tuple[str, str]]) -> Iterable[DraftNode]:
    titles = Counter(node.title for node in prompt)
    for node in prompt:
        is_plain = titles[node.title] == 1 and not node.title.startswith("#")
        called = node.title if is_plain else f"#{node.id}"
        inputs = tuple(
            replace(_input(node, f"{called}.{name}", name, node.inputs[name], info), is_new=(node.id, name) in fresh)
            for name in settable(node)
        )
        if inputs:
            yield DraftNode(node.title, node.class_type, inputs)


def _input(node: Node, target: str, name: str, value: Any, info: ObjectInfo | None) -> DraftInput:
    kind = kind_of_input(node, name, info)
    shown = str(value) if len(str(value)) <= _LONG else f"{str(value)[:_LONG]}…"
    accepted = info.input(node.class_type, name) if info is not None else None
    if accepted is None:
        return DraftInput(target, name, shown, str(kind), field_name(name))
    choices = tuple(map(str, accepted.choices or ())) if kind not in MEDIA else ()
    bounds = accepted.min, accepted.max, accepted.step
    named = (target, name, shown, str(kind), field_name(name))
    return DraftInput(*named, *bounds, choices[:_MOST_CHOICES], accepted.tooltip[:300])
