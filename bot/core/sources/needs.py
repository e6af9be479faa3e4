"""Tell what a workflow's file needs of a server: nodes, their packs, models, and whether it costs money. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.core.workflows.form import listed
from bot.core.workflows.verdict_text import file_name
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow, convert
from comfy.saved.files import parse_workflow
from comfy.saved.needs import ModelLink, read_needs, with_notes
from comfy.scheduling.schedule import is_model
from comfy.verdict import MissingChoice, MissingNode, judge


@dataclass(frozen=True)
class WorkflowNeeds:
    """`classes` are the kinds of its nodes, and `paid` those of them that cost money; `packs` has the nodes of each
    pack that it uses. The server lacks the nodes `unknown`, each with its pack where the file says it, and `models`.
    """

    classes: frozenset[str]
    paid: frozenset[str]
    packs: Mapping[str, tuple[str, ...]]
    unknown: Mapping[str, str]
    models: tuple[ModelLink, ...]

    @property
    def lacks(self) -> str:
        """The lacks of the server, as sentences; empty if it lacks nothing."""
        told = []
        if self.unknown:
            words = _("{node} (from the pack {pack})")
            names = [words.format(node=node, pack=pack) if pack else node for node, pack in self.unknown.items()]
            told.append(_("The server lacks the nodes {names}.").format(names=listed(names)))
        if self.models:
            told.append(_("The server lacks {names}.").format(names=listed(map(_model, self.models))))
        return " ".join(told)

    @property
    def remarks(self) -> str:
        """The reasons why people cannot run it yet, as sentences: the lacks of the server, and that it costs money."""
        words = _("It costs money, and is off until you permit that: on the page, under “Nodes that cost money”.")
        return " ".join(filter(None, (self.lacks, words if self.paid else "")))

    def refused(self, allowed: Collection[str]) -> str:
        """Say which packs are not among the allowed ones; empty if there are none."""
        return refused_packs(self.packs, allowed)

    def adds_to(self, approved: WorkflowNeeds) -> bool:
        """True if it has kinds of nodes that an approved version does not have. Paid ones are among them."""
        return bool(self.classes - approved.classes or self.paid - approved.paid)


def needs_of(content: bytes, info: ObjectInfo) -> WorkflowNeeds:
    """Return what a file needs of a server with these nodes. Raises `UnreadableWorkflow`."""
    file = parse_workflow(content)
    data, unknown = file.data, tuple[str, ...]()
    if file.is_saved:
        made = convert(file.data, info.data, lambda _count: 0)
        data, unknown = made.prompt, made.unknown
    try:
        prompt = Prompt(data)
    except PromptRejected as rejected:
        reason = rejected.node_errors[0].message if rejected.node_errors else rejected.message
        raise UnreadableWorkflow(reason) from rejected
    told, faults = with_notes(read_needs(file.data), file.data), judge(prompt, info).faults
    classes = frozenset(node.class_type for node in prompt) | frozenset(unknown)
    missing = dict.fromkeys((*unknown, *(each.class_type for each in faults if isinstance(each, MissingNode))))
    values = dict.fromkeys(
        str(each.value) for each in faults if isinstance(each, MissingChoice) and is_model(each.value)
    )
    return WorkflowNeeds(
        classes,
        frozenset(each for each in classes if info.is_paid(each)),
        packs_of(info, classes),
        {each: told.packs.get(each, "") for each in missing},
        tuple(told.models.get(file_name(value)) or ModelLink(value) for value in values),
    )


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


def _model(link: ModelLink) -> str:
    where = _("{name}, for the folder {folder}") if link.folder else "{name}"
    name = f"{link.name} ({link.size})" if link.size else link.name
    words = where.format(name=name, folder=link.folder)
    return f"{words}: {link.url}" if link.url else words
