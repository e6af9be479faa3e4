"""The fields that an author chose in the editor: those of app mode, and the widgets that subgraphs promote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bot.core.workflows.automatic.fields import AutoField, field_name, is_never_asked
from bot.core.workflows.automatic.titles import Titles, word_for
from bot.core.workflows.automatic.traced import file_kind
from bot.core.workflows.field_kinds import kind_of_input
from bot.core.workflows.form import FieldKind
from bot.core.workflows.workflow import Target
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import ShownWidget

_SEEDS = ("seed", "noise_seed")
_MODEL = re.compile(r"_name\d*$|model|lora|clip|vae|encoder|sampler|scheduler", re.IGNORECASE)


def shown_fields(
    prompt: Prompt, info: ObjectInfo | None, shown: Sequence[ShownWidget], traced: Sequence[AutoField]
) -> list[AutoField]:
    """Return a field for each widget, in their order. Kinds and titles of inputs that were traced are known."""
    roles = {target: each for each in traced for target in each.targets}
    titles, many = Titles(prompt, info), _more_than_once(shown)
    return list(_fields(prompt, info, titles, shown, roles, many))


def _fields(
    prompt: Prompt,
    info: ObjectInfo | None,
    titles: Titles,
    shown: Sequence[ShownWidget],
    roles: Mapping[Target, AutoField],
    many: frozenset[str],
) -> Iterator[AutoField]:
    for widget in shown:
        targets = tuple(Target(*each) for each in widget.targets)
        first = targets[0]
        node = prompt[first.node_id]
        value = node.inputs.get(first.input)
        if is_never_asked(first.input) or not isinstance(value, str | int | float):
            continue
        kind = file_kind(node, first.input, info) or kind_of_input(node, first.input, info)
        role = next((roles[each] for each in targets if each in roles), None)
        word = role.title if role is not None else titles.word(first, kind)
        own = titles.own(node) if first.node_id not in many else ""
        label = word_for(widget.label) if widget.label else ""
        yield AutoField(
            role.name if role is not None else field_name(widget.label, widget.name),
            targets,
            kind,
            label or own or word,
            seed=kind is FieldKind.INTEGER
            and (first.input.rpartition(".")[2] in _SEEDS or (role and role.seed) is True),
            help=widget.help,
        )


def _more_than_once(shown: Sequence[ShownWidget]) -> frozenset[str]:
    """The nodes of which several widgets are shown: their titles name none of these."""
    nodes = [node for each in shown for node in {node for node, _input in each.targets}]
    return frozenset(node for node in nodes if nodes.count(node) > 1)


def with_promoted(traced: Sequence[AutoField], promoted: Sequence[AutoField], most: int) -> list[AutoField]:
    """Join fields that were traced with those that subgraphs promote. The latter have the better titles. Those that
    were not traced follow, in the main group as long as that has fewer than `most`.
    """
    joined, left = [], list(promoted)
    for each in traced:
        same = next((other for other in left if set(other.targets) & set(each.targets) and not each.sets), None)
        if same is not None:
            left.remove(same)
            each = replace(each, targets=tuple(dict.fromkeys((*each.targets, *same.targets))), title=same.title)
        joined.append(each)
    room = most - sum(not each.more for each in joined)
    for each in left:
        rare = each.kind is FieldKind.CHOICE and _MODEL.search(each.targets[0].input) is not None
        room -= not rare
        joined.append(replace(each, more=rare or room < 0))
    return joined
