"""Make a form for a workflow that has no sidecar: what its author chose in the editor, else what people expect."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from bot.core.errors import BadWorkflowFile
from bot.core.workflows.automatic.conventions import marked_fields, marked_outputs
from bot.core.workflows.automatic.fields import AutoField, each_input_once, numbered
from bot.core.workflows.automatic.prompt_graph import is_mark
from bot.core.workflows.automatic.shown import shown_fields, with_promoted
from bot.core.workflows.automatic.traced import traced_fields
from bot.core.workflows.form import MEDIA, NUMERIC, FieldKind
from bot.core.workflows.saved import ConvertedFile
from bot.core.workflows.workflow import Declared, Target
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import Surface

__all__ = [
    "AutoField",
    "AutomaticForm",
    "auto_form",
    "declared_fields",
    "drawn_seeds",
    "form_of_file",
    "prompt_of",
    "results",
]

_EXAMPLE = 120  # characters of the author's own words
_FEWEST_SHOWN, _MOST_SHOWN = 3, 9  # fields of the main group, unless an author chose others
_INSTEAD = {"steps": 20, "cfg": 7, "width": 1024, "height": 1024}  # of a mark
_USUAL = ("width", "height", "size", "steps", "length")
_LIKELY = ("strength", "width", "height", "size", "guidance", "steps")  # of the fields under More


@dataclass(frozen=True)
class AutomaticForm:
    """The automatic form as a sidecar would declare it, and the nodes that an author chose as results."""

    declared: tuple[Declared, ...]
    outputs: tuple[str, ...]


def auto_form(prompt: Prompt, info: ObjectInfo | None = None, surface: Surface | None = None) -> tuple[AutoField, ...]:
    """Return the fields of a prompt, in the order of the form. `info` has the definitions, if a server is known, and
    `surface` what a saved workflow shows outside.

    The widgets of app mode are the form, if there are any; else what the graph marks as its inputs. Else it has the
    fields that people expect, and the widgets that subgraphs promote.
    """
    surface = surface or Surface()
    traced = traced_fields(prompt, info)
    chosen = shown_fields(prompt, info, surface.app, traced) or marked_fields(prompt, info)
    if chosen:
        return tuple(numbered(list(each_input_once(chosen))))
    promoted = shown_fields(prompt, info, surface.promoted, traced)
    found = list(each_input_once(with_promoted(list(each_input_once(traced)), promoted, _MOST_SHOWN)))
    return tuple(numbered(sorted(_balanced(found), key=lambda each: (each.more, _rank(each)))))


def declared_fields(
    prompt: Prompt, info: ObjectInfo | None = None, surface: Surface | None = None
) -> tuple[Declared, ...]:
    """Return the automatic form as a sidecar would declare it. The first text is required: its author's own words are
    an example, and are not run unless a person asks for them.
    """
    fields = auto_form(prompt, info, surface)
    main = _main_text(fields)
    return tuple(_declared(prompt, _without_mark(prompt, each), is_main=each is main) for each in fields)


def drawn_seeds(declared: Sequence[Declared], changing: Iterable[tuple[str, str]]) -> tuple[Declared, ...]:
    """Return the seeds that are drawn for each run: the numbers that the editor changes after a run, and that no field
    sets.
    """
    filled, taken = {target for each in declared for target in each.targets}, {each.name for each in declared}
    names = (name for number in count(1) if (name := f"seed_{number}" if number > 1 else "seed") not in taken)
    targets = (target for each in changing if (target := Target(*each)) not in filled)
    return tuple(Declared(next(names), (target,), FieldKind.INTEGER, seed=True) for target in targets)


def results(prompt: Prompt, surface: Surface | None = None) -> tuple[str, ...]:
    """Return the nodes whose results an author chose; none if all are to be delivered."""
    return (surface.outputs if surface is not None else ()) or marked_outputs(prompt)


def form_of_file(file: ConvertedFile) -> tuple[AutoField, ...]:
    """Return the form of a workflow file, with the definitions that it was read with. Raises `BadWorkflowFile`."""
    return auto_form(prompt_of(file), ObjectInfo(file.definitions), file.surface)


def prompt_of(file: ConvertedFile) -> Prompt:
    """Return the prompt of a workflow file. Raises `BadWorkflowFile`."""
    try:
        return Prompt(file.prompt)
    except PromptRejected as fault:
        words = _("{file} cannot be used: {reason}.")
        reason = fault.node_errors[0].message if fault.node_errors else fault.message
        raise BadWorkflowFile(words.format(file=file.name, reason=reason)) from fault


def _balanced(fields: list[AutoField]) -> list[AutoField]:
    """Put what is likeliest of More into the main group, if that has very few fields; and what can wait into More, if
    it has very many.
    """
    count = sum(not each.more for each in fields)
    likely = [each for name in _LIKELY for each in fields if each.more and each.name == name]
    fixed = [each for each in fields if each.more or each.seed or each.kind in MEDIA or _rank(each) == 0]
    waiting = sorted((each for each in reversed(fields) if each not in fixed), key=lambda each: each.name in _USUAL)
    moved = likely[: max(_FEWEST_SHOWN - count, 0)] + waiting[: max(count - _MOST_SHOWN, 0)]
    if not moved:
        return fields
    return [replace(each, more=not each.more) if each in moved else each for each in fields]


def _rank(field: AutoField) -> int:
    """The place within a group: texts, files, the rest, and last the seed."""
    if field.kind is FieldKind.TEXT and field.name in ("prompt", "avoid", "negative_prompt"):
        return 0
    return 1 if field.kind in MEDIA else 3 if field.seed else 2


def _main_text(fields: Sequence[AutoField]) -> AutoField | None:
    return next((each for each in fields if each.kind is FieldKind.TEXT and not each.more), None)


def _without_mark(prompt: Prompt, field: AutoField) -> AutoField:
    """Give a field another default than a mark in the graph, which no server takes."""
    target = field.targets[0]
    if field.default is not None or field.seed or not is_mark(prompt[target.node_id].inputs.get(target.input)):
        return field
    if field.kind in NUMERIC:
        return replace(field, default=_INSTEAD.get(target.input, field.minimum or 1))
    return replace(field, default="") if field.kind is FieldKind.TEXT else field


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _EXAMPLE else textwrap.shorten(words[: 2 * _EXAMPLE], _EXAMPLE, placeholder="…")


def _declared(prompt: Prompt, field: AutoField, *, is_main: bool) -> Declared:
    words = prompt[field.targets[0].node_id].inputs.get(field.targets[0].input)
    own = words if is_main and isinstance(words, str) and not is_mark(words) else ""
    example = _shortened(own)
    is_certain = field.kind in MEDIA or bool(field.sets) or isinstance(words, str)  # a text may stand for any value
    return Declared(
        field.name,
        field.targets,
        field.kind if is_certain else None,
        field.title,
        help=_("For example: {words}").format(words=example) if example else field.help,
        required=True if is_main else None,
        default=None if is_main else field.default,
        minimum=field.minimum,
        maximum=field.maximum,
        step=field.step,
        choices=field.choices,
        multiline=field.multiline,
        seed=True if field.seed else None,
        more=field.more,
        sets=field.sets,
    )
