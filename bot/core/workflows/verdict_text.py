"""Say in words what a server does not take of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.models.folders import folder_of
from comfy.object_info import ObjectInfo
from comfy.saved.needs import FileNeeds, ModelLink, NodeLink
from comfy.scheduling.schedule import is_model
from comfy.verdict import (
    MissingChoice,
    MissingFile,
    MissingInput,
    MissingNode,
    NoOutput,
    PromptFault,
    PromptVerdict,
    WrongInput,
)

_MOST = 5  # nodes, models, choices or servers named in one sentence


def why_not(workflow: Workflow, known: Mapping[str, ObjectInfo]) -> str | None:
    """Say why none of the known servers takes a workflow; None if one does, or none is known."""
    verdicts: dict[str, PromptVerdict] = {}
    for name, info in known.items():
        verdicts[name] = workflow.verdict(info)
        if verdicts[name].runs:
            return None
    if not verdicts:
        return None
    if len(verdicts) == 1:
        (only,) = verdicts.values()
        lacks = [_("The server lacks {what}.").format(what=part) for part in _lacks(workflow, only.faults)]
        return " ".join((*lacks, *_refusals(workflow, only.faults)))
    words, sentences = _("{server} lacks {what}."), []
    for name, verdict in list(verdicts.items())[:_MOST]:
        if lacks := _lacks(workflow, verdict.faults):
            sentences.append(words.format(server=name, what=_(" and ").join(lacks)))
    refusals = chain.from_iterable(_refusals(workflow, verdict.faults) for verdict in verdicts.values())
    return " ".join((*sentences, *dict.fromkeys(refusals)))


def left_out(workflow: Workflow, info: ObjectInfo) -> str:
    """Say why a server runs only a part of a workflow; empty if it runs all of it, or nothing."""
    verdict = workflow.verdict(info)
    if not verdict.runs or not verdict.faults or workflow.outputs:  # it names those that matter
        return ""
    lacks = [_("The server lacks {what}.").format(what=part) for part in _lacks(workflow, verdict.faults)]
    return " ".join((*lacks, *_refusals(workflow, verdict.faults)))


def where_to_get(workflow: Workflow, known: Mapping[str, ObjectInfo]) -> list[str]:
    """Say for operators where what the servers lack can be had, as far as the workflow's file says it, and belongs."""
    faults = [fault for info in known.values() for fault in workflow.verdict(info).faults]
    needs = workflow.source.told_needs if workflow.source is not None and faults else FileNeeds()
    return needed(needs, faults)


def missing_models(workflow: Workflow, info: ObjectInfo) -> list[ModelLink]:
    """Return the models that a server lacks for a workflow, as its file describes them, else with the folder of their
    loader.
    """
    told = workflow.source.told_needs.models if workflow.source is not None else {}
    faults = [
        each for each in workflow.verdict(info).faults if isinstance(each, MissingChoice) and is_model(each.value)
    ]
    return list(dict.fromkeys(told.get(file_name(each.value), _by_loader(each)) for each in faults))


def _by_loader(fault: MissingChoice) -> ModelLink:
    return ModelLink(file_name(fault.value), folder_of(fault.class_type, str(fault.value)))


def missing_nodes(workflow: Workflow, info: ObjectInfo) -> list[NodeLink]:
    """Return the nodes that a server lacks for a workflow, each with its pack as far as the file names it."""
    packs = workflow.source.told_needs.packs if workflow.source is not None else {}
    nodes = [each.class_type for each in workflow.verdict(info).faults if isinstance(each, MissingNode)]
    return [NodeLink(each, packs.get(each, "")) for each in dict.fromkeys(nodes)]


def needed(needs: FileNeeds, faults: Iterable[PromptFault]) -> list[str]:
    """Say which packs have missing nodes, and where missing models can be had and belong."""
    told = dict[str, None]()
    for fault in faults:
        if isinstance(fault, MissingNode) and (pack := needs.packs.get(fault.class_type)):
            told[_("The node {node} is from the pack {pack}.").format(node=fault.class_type, pack=pack)] = None
        if isinstance(fault, MissingChoice) and is_model(fault.value):
            link = needs.models.get(file_name(fault.value)) or _by_loader(fault)
            if link.folder or link.url:
                told[_model(link)] = None
    return list(told)


def _model(link: ModelLink) -> str:
    if link.folder and link.url:
        words = _("{name} belongs in the folder models/{folder} (its size is not in the file): {url}")
        words = _("{name} ({size}) belongs in the folder models/{folder}: {url}") if link.size else words
    elif link.folder:
        words = _("{name} belongs in the folder models/{folder}.")
        words = _("{name} ({size}) belongs in the folder models/{folder}.") if link.size else words
    else:
        words = _("{name} ({size}): {url}") if link.size else _("{name}: {url}")
    return words.format(name=link.name, folder=link.folder, url=link.url, size=link.size).rstrip(": ")


def file_name(value: object) -> str:
    """Return the name of a model without its folder."""
    return str(value).replace("\\", "/").rpartition("/")[2]


def _lacks(workflow: Workflow, faults: Iterable[PromptFault]) -> list[str]:
    """Name what can be installed: nodes, models, and other choices with the input that wants them."""
    faults = tuple(faults)
    parts = []
    if nodes := dict.fromkeys(each.class_type for each in faults if isinstance(each, MissingNode)):
        packs = workflow.source.needs.packs if workflow.source is not None else {}
        parts.append(_("the nodes {names}").format(names=_listed(map(_with_pack, nodes, map(packs.get, nodes)))))
    choices = [each for each in faults if isinstance(each, MissingChoice)]
    if models := dict.fromkeys(str(each.value) for each in choices if is_model(each.value)):
        parts.append(_listed(models))
    others = dict.fromkeys(_choice(workflow, each) for each in choices if not is_model(each.value))
    return [*parts, *list(others)[:_MOST]]


def _with_pack(node: str, pack: str | None) -> str:
    return _("{node} (pack {pack})").format(node=node, pack=pack) if pack else node


def _choice(workflow: Workflow, fault: MissingChoice) -> str:
    if not fault.choices:
        words = _("{value} for “{input}” of “{title}”, and has nothing else for it")
    else:
        words = _("{value} for “{input}” of “{title}”, which takes {choices}")
    title = _title(workflow, fault.node_id, fault.class_type)
    return words.format(value=fault.value, input=fault.input_name, title=title, choices=_listed(fault.choices))


def _refusals(workflow: Workflow, faults: Iterable[PromptFault]) -> list[str]:
    """Say what has to be changed in the workflow."""
    said = dict.fromkeys(text for each in faults if (text := _refusal(workflow, each)))
    return list(said)[:_MOST]


def _refusal(workflow: Workflow, fault: PromptFault) -> str:
    match fault:
        case MissingInput(node_id, class_type, name):
            words = _("“{title}” needs “{input}”, which the workflow does not give it.")
            return words.format(title=_title(workflow, node_id, class_type), input=name)
        case MissingFile(node_id, class_type, name, value):
            words = _(
                "The file {file} for “{input}” of “{title}” is not on the server. Put it into its input folder, "
                "or let people fill in “{input}”."
            )
            return words.format(file=value, input=name, title=_title(workflow, node_id, class_type))
        case WrongInput(node_id, class_type, name, _value, reason):
            title = _title(workflow, node_id, class_type)
            if not name:
                return _("“{title}” must {reason}.").format(title=title, reason=reason)
            return _("“{input}” of “{title}” must {reason}.").format(input=name, title=title, reason=reason)
        case NoOutput():
            return _("The workflow has no node that makes a result, such as Save Image.")
        case _:
            return ""


def _title(workflow: Workflow, node_id: str, class_type: str) -> str:
    return workflow.prompt[node_id].title if node_id in workflow.prompt else class_type


def _listed(names: Iterable[object]) -> str:
    found = [str(each) for each in names]
    return ", ".join(found[:_MOST]) + ("…" if len(found) > _MOST else "")
