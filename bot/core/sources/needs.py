"""What a workflow's file needs of a server: nodes, their packs, models, and whether it costs money. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.workflows.form import listed
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow, convert
from comfy.saved.files import parse_workflow
from comfy.schedule import is_model
from comfy.verdict import MissingChoice, MissingNode, judge

_CORE = "comfy-core"  # the name of what is no pack


@dataclass(frozen=True)
class ModelSource:
    """Where a workflow's file says that a model can be had, and in which folder it belongs."""

    name: str
    folder: str = ""
    url: str = ""

    def __str__(self) -> str:
        where = _("{name}, for the folder {folder}") if self.folder else "{name}"
        words = where.format(name=self.name, folder=self.folder)
        return f"{words}: {self.url}" if self.url else words


@dataclass(frozen=True)
class WorkflowNeeds:
    """`classes` are the kinds of its nodes, and `paid` those of them that cost money; `packs` has the nodes of each
    pack that it uses. The server lacks the nodes `unknown`, each with its pack where the file says it, and `models`.
    """

    classes: frozenset[str]
    paid: frozenset[str]
    packs: Mapping[str, tuple[str, ...]]
    unknown: Mapping[str, str]
    models: tuple[ModelSource, ...]

    @property
    def lacks(self) -> str:
        """What the server lacks, as sentences; empty if it lacks nothing."""
        told = []
        if self.unknown:
            words = _("{node} (from the pack {pack})")
            names = [words.format(node=node, pack=pack) if pack else node for node, pack in self.unknown.items()]
            told.append(_("The server lacks the nodes {names}.").format(names=listed(names)))
        if self.models:
            told.append(_("The server lacks {names}.").format(names=listed(map(str, self.models))))
        return " ".join(told)

    def refused(self, allowed: Collection[str]) -> str:
        """Say which packs are not among the allowed ones; empty if there are none."""
        return refused_packs(self.packs, allowed)

    def adds_to(self, approved: WorkflowNeeds) -> bool:
        """True if it has kinds of nodes that an approved version does not have. Paid ones are among them."""
        return bool(self.classes - approved.classes or self.paid - approved.paid)


def needs_of(content: bytes, info: ObjectInfo) -> WorkflowNeeds:
    """Return what a file needs of a server with these nodes. Raises `UnreadableWorkflow`."""
    return needs_and_prompt(content, info)[0]


def needs_and_prompt(content: bytes, info: ObjectInfo) -> tuple[WorkflowNeeds, Prompt]:
    """Return what a file needs of a server with these nodes, and its prompt there. Raises `UnreadableWorkflow`."""
    file = parse_workflow(content)
    if file.is_saved:
        made = convert(file.data, info.data, lambda _count: 0)
        data, unknown = made.prompt, made.unknown
    else:
        data, unknown = file.data, ()
    try:
        prompt = Prompt(data)
    except PromptRejected as rejected:
        raise UnreadableWorkflow(rejected.message) from rejected
    return _needs(prompt, unknown, info, file.data), prompt


def _needs(prompt: Prompt, unknown: Iterable[str], info: ObjectInfo, data: Mapping[str, Any]) -> WorkflowNeeds:
    models, packs = model_sources(data), node_sources(data)
    faults = judge(prompt, info).faults
    nodes = [each.class_type for each in faults if isinstance(each, MissingNode)]
    classes = frozenset(node.class_type for node in prompt) | frozenset(unknown)
    values = dict.fromkeys(
        str(each.value) for each in faults if isinstance(each, MissingChoice) and is_model(each.value)
    )
    lacking = [models.get(value.replace("\\", "/").rpartition("/")[2]) or ModelSource(value) for value in values]
    return WorkflowNeeds(
        classes,
        frozenset(each for each in classes if is_paid(info, each)),
        packs_of(info, classes),
        {each: packs.get(each, "") for each in (*unknown, *nodes)},
        tuple(lacking),
    )


def is_paid(info: ObjectInfo, class_type: str) -> bool:
    """True for a node that calls a service which costs money."""
    data = info.data.get(class_type)
    return isinstance(data, dict) and data.get("api_node") is True


def packs_of(info: ObjectInfo, classes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the packs of custom nodes that these nodes are from, each with its nodes."""
    found: dict[str, tuple[str, ...]] = {}
    for each in sorted(classes):
        if pack := info.pack(each):
            found[pack] = (*found.get(pack, ()), each)
    return found


def refused_packs(packs: Mapping[str, Collection[str]], allowed: Collection[str]) -> str:
    """Say which packs are not among the allowed ones, and which of their nodes are used; empty if there are none."""
    known = {pack.casefold() for pack in allowed}
    refused = sorted(pack for pack in packs if pack.casefold() not in known)
    if not refused:
        return ""
    words = _("The operator has not allowed these packs of nodes: {packs}. The workflow uses their nodes {nodes}.")
    nodes = sorted(node for pack in refused for node in packs[pack])
    return words.format(packs=listed(refused), nodes=listed(nodes))


def model_sources(data: Any) -> dict[str, ModelSource]:
    """Return where the file says that models can be had, by their names."""
    found: dict[str, ModelSource] = {}
    for _type, properties in _nodes(data):
        models = properties.get("models")
        for each in models if isinstance(models, list) else ():
            if isinstance(each, dict) and (name := _text(each.get("name"))):
                url = _text(each.get("url"))
                link = url if url.startswith(("https://", "http://")) else ""
                found.setdefault(name, ModelSource(name, _text(each.get("directory")), link))
    return found


def node_sources(data: Any) -> dict[str, str]:
    """Return which packs the file says that its nodes are from, by the kinds of nodes."""
    found: dict[str, str] = {}
    for class_type, properties in _nodes(data):
        if (pack := _text(properties.get("cnr_id")) or _text(properties.get("aux_id"))) not in ("", _CORE):
            found.setdefault(class_type, pack)
    return found


def _nodes(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the kinds and properties of all nodes, wherever they are in the file."""
    left = [data]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if isinstance(properties := each.get("properties"), dict):
                yield _text(each.get("type")), properties
            left += each.values()
        elif isinstance(each, list):
            left += each


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
