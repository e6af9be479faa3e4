"""Read NAME.toml beside NAME.json: a workflow's title and fields, and all mistakes in them."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.core.errors import BadValue
from bot.core.workflows.field_kinds import kind_of_input
from bot.core.workflows.form import NUMERIC, Field, FieldKind, Value, listed
from bot.core.workflows.languages import Translations, split_languages
from bot.core.workflows.workflow import Declared, Target, Workflow, as_number
from bot.i18n import _
from comfy.prompt import Prompt, is_link

#: All keys of a sidecar and of its fields, with their types. docs/workflows.md explains each.
KEYS: Mapping[str, type | tuple[type, ...]] = {
    "title": str,
    "description": str,
    "outputs": list,
    "spoiler": bool,
    "nsfw": bool,
    "group": str,
    "next": list,
    "time_limit": (int, float),
    "stall_limit": (int, float),
    "fields": dict,
}
FIELD_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "target": (str, list),
    "kind": str,
    "title": str,
    "help": str,
    "required": bool,
    "default": (str, int, float, bool),
    "minimum": (int, float),
    "maximum": (int, float),
    "step": (int, float),
    "choices": (list, dict),
    "max_length": int,
    "multiline": bool,
    "seed": bool,
    "more": bool,
}
_FIELD_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TAKEN = frozenset({"o", "out", "output", "server", "force", "help", "workflow"})  # options of the command line
_LONGEST = 86_400  # seconds that a limit may have
_TYPE_WORDS = {
    str: _("a text"),
    bool: _("true or false"),
    list: _("a list"),
    dict: _("a table"),
    int: _("a whole number"),
}
_NUMBER_WORDS = {kind: _("a whole number") if kind is FieldKind.INTEGER else _("a number") for kind in FieldKind}


class Faults:
    """Collects mistakes, each with its field."""

    def __init__(self) -> None:
        self.found: list[tuple[str | None, str]] = []

    def add(self, field: str | None, reason: str) -> None:
        self.found.append((field, reason))


def read_sidecar(name: str, prompt: Prompt, data: Mapping[str, Any], faults: Faults) -> Workflow:
    """Return the workflow that a sidecar describes. Do not use it if anything was added to `faults`."""
    plain, translations = translated(None, data, ("title", "description"), faults)
    good = checked(None, plain, KEYS, faults)
    declared = tuple(
        read
        for key, table in good.get("fields", {}).items()
        if (read := _read_field(key, table, prompt, faults)) is not None
    )
    outputs = tuple(node for title in good.get("outputs", ()) for node in _output(title, prompt, faults))
    title, description = good.get("title", "").strip() or name, good.get("description", "").strip()
    nsfw = good.get("nsfw", False)
    workflow = Workflow(
        name,
        title,
        description,
        prompt,
        declared,
        outputs,
        good.get("spoiler", nsfw),
        nsfw,
        good.get("group", "").strip(),
        translations,
        next=tuple(each for each in good.get("next", ()) if is_name(each, faults)),
        time_limit=good.get("time_limit"),
        stall_limit=good.get("stall_limit"),
    )
    for key in ("time_limit", "stall_limit"):
        if not 0 < good.get(key, 1) <= _LONGEST:
            faults.add(None, _("{key} must be a number of seconds, up to {most}").format(key=key, most=_LONGEST))
    _check_clashes(declared, prompt, faults)
    for field, own in zip(workflow.form().fields, declared, strict=True):
        _check_sense(field, own, faults)
        _check_default(field, own, workflow, faults)
        _check_targets(field, own, workflow, faults)
    return workflow


def is_name(given: Any, faults: Faults) -> bool:
    """True if something that stands in `next` may be the name of a workflow; a mistake is added else."""
    if not isinstance(given, str):
        faults.add(None, _("next must be a list of names of workflows"))
    return isinstance(given, str)


def _check_clashes(declared: Iterable[Declared], prompt: Prompt, faults: Faults) -> None:
    """Find fields that clash over one option or one input."""
    options: dict[str, str] = {}
    owners: dict[tuple[Target, bool], str] = {}
    for field in declared:
        other = options.setdefault(field.name.replace("-", "_"), field.name)
        if other != field.name:
            faults.add(
                field.name,
                _("the name differs from the field “{other}” only in its dash; choose another name").format(
                    other=other
                ),
            )
        for target in field.targets:
            # A choice that sets several inputs may stand beside the fields of these.
            if (owner := owners.setdefault((target, bool(field.sets)), field.name)) != field.name:
                words = _("the field “{owner}” already sets “{input}” of “{title}”")
                title = prompt[target.node_id].title
                faults.add(field.name, words.format(input=target.input, title=title, owner=owner))


def translated(
    field: str | None, data: Mapping[str, Any], keys: tuple[str, ...], faults: Faults
) -> tuple[dict[str, Any], Translations]:
    """Take the translations of these keys out of a table."""
    mistakes: list[str] = []
    found = split_languages(data, keys, mistakes)
    for mistake in mistakes:
        faults.add(field, mistake)
    return found


def checked(
    field: str | None, data: Mapping[str, Any], keys: Mapping[str, type | tuple[type, ...]], faults: Faults
) -> dict[str, Any]:
    """Return the entries with a known key and the right type."""
    good = {}
    for key, value in data.items():
        if key not in keys:
            faults.add(field, _unknown_key(key, keys))
        elif not _is_a(value, keys[key]):
            faults.add(field, _("{key} must be {type}").format(key=key, type=_type_words(keys[key])))
        else:
            good[key] = value
    return good


def _read_field(name: str, table: Any, prompt: Prompt, faults: Faults) -> Declared | None:
    if not _FIELD_NAME.fullmatch(name):
        faults.add(name, _("a field's name can have up to 32 lowercase letters, digits, “-” and “_”"))
    elif name in _TAKEN:
        faults.add(name, _("the command line already has an option of this name; choose another"))
    if not isinstance(table, Mapping):
        faults.add(name, _("a field must be a table: [fields.{name}]").format(name=name))
        return None
    plain, translations = translated(name, table, ("title", "help"), faults)
    good = {**checked(name, plain, FIELD_KEYS, faults), "translations": translations}
    targets = _targets(name, good.pop("target", None), prompt, faults)
    kind = _kind(name, good.pop("kind", None), faults)
    given = good.pop("choices", None)
    if isinstance(given, dict):
        sets = _sets(name, given, targets, faults)
        return Declared(name, targets, kind or FieldKind.CHOICE, sets=sets, **good) if targets and sets else None
    choices = _choices(name, given, faults)
    if choices and kind is None and all(_is_text(prompt, target) for target in targets):
        kind = FieldKind.CHOICE  # as the server would say, whose choices look like texts in the graph
    return Declared(name, targets, kind, choices=choices, **good) if targets else None


def _is_text(prompt: Prompt, target: Target) -> bool:
    return kind_of_input(prompt[target.node_id], target.input, None) is FieldKind.TEXT


def _sets(
    name: str, given: Mapping[str, Any], targets: tuple[Target, ...], faults: Faults
) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    """Read choices that set several inputs: a table with the values of each."""
    made = []
    for choice, values in given.items():
        each = values if isinstance(values, list) else [values]
        if not all(isinstance(value, str | int | float) for value in each):
            words = _("choices: the values of “{choice}” must be texts, numbers, true or false")
            faults.add(name, words.format(choice=choice))
        elif targets and len(each) != len(targets):
            words = _("choices: “{choice}” must have one value for each target, {count} in all")
            faults.add(name, words.format(choice=choice, count=len(targets)))
        else:
            made.append((choice, tuple(each)))
    if not given:
        faults.add(name, _("choices must not be empty"))
    return tuple(made) if len(made) == len(given) else ()


def _choices(name: str, given: list[Any] | None, faults: Faults) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not given or not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in given):
        faults.add(name, _("choices must be a list of texts or numbers and must not be empty"))
        return None
    return tuple(dict.fromkeys(str(each) for each in given))


def _kind(name: str, kind: str | None, faults: Faults) -> FieldKind | None:
    if kind is None or kind in list(FieldKind):
        return FieldKind(kind) if kind else None
    words = _("there is no kind “{kind}”; kinds: {kinds}")
    faults.add(name, words.format(kind=kind, kinds=", ".join(FieldKind)))
    return None


def _targets(name: str, given: str | list[Any] | None, prompt: Prompt, faults: Faults) -> tuple[Target, ...]:
    if not given:
        faults.add(name, _("target is missing: name the node's title and input, such as “Load Image.image”"))
        return ()
    found = [_target(name, str(text), prompt, faults) for text in (given if isinstance(given, list) else [given])]
    return tuple(dict.fromkeys(target for target in found if target is not None)) if all(found) else ()


def target_of(text: str, prompt: Prompt) -> Target | None:
    """Return the input that a target names; None if there is no such input that a field can set."""
    for nodes, field in _matches(text, prompt):
        if len(nodes) == 1 and field in prompt[nodes[0]].inputs:
            is_linked = is_link(prompt[nodes[0]].inputs[field])
            return None if is_linked else Target(nodes[0], field)
    return None


def _target(name: str, text: str, prompt: Prompt, faults: Faults) -> Target | None:
    if "." not in text:
        faults.add(name, _("target “{text}” must be a node's title, a dot and an input").format(text=text))
        return None
    matches = _matches(text, prompt)
    for nodes, field in matches:
        if len(nodes) == 1 and field in prompt[nodes[0]].inputs:
            return _unlinked(name, Target(nodes[0], field), prompt, faults)
    faults.add(name, _mismatch(text.rpartition(".")[0], matches, prompt))
    return None


def _matches(text: str, prompt: Prompt) -> list[tuple[list[str], str]]:
    """Return the nodes and the input that a target may mean. Titles and the inputs of dynamic combos may contain dots,
    so there may be several splits that fit.
    """
    splits = [(text[:at], text[at + 1 :]) for at in range(len(text)) if text[at] == "."][::-1]
    return [(nodes, field) for title, field in splits if (nodes := nodes_called(title, prompt))]


def _unlinked(name: str, target: Target, prompt: Prompt, faults: Faults) -> Target | None:
    node = prompt[target.node_id]
    if not is_link(node.inputs[target.input]):
        return target
    words = _("“{input}” of “{title}” is linked to another node, so a field cannot set it")
    faults.add(name, words.format(input=target.input, title=node.title))
    return None


def nodes_called(title: str, prompt: Prompt) -> list[str]:
    """Return the ids of the nodes that a sidecar calls by a title, or by # and an id."""
    by_title = [node.id for node in prompt.titled(title)]
    if by_title or not title.startswith("#"):
        return by_title
    return [title[1:]] if title[1:] in prompt else []


def _mismatch(title: str, matches: list[tuple[list[str], str]], prompt: Prompt) -> str:
    if not matches:
        return _no_node(title, prompt)
    nodes, field = matches[0]
    node = prompt[nodes[0]]
    if len(nodes) > 1:
        words = _("{count} nodes have the title “{title}”: use the id of one, {ids}")
        ids = _(" or ").join(f"“#{node_id}.{field}”" for node_id in nodes)
        return words.format(count=len(nodes), title=node.title, ids=ids)
    words = _("“{title}” has no input “{field}”; inputs: {inputs}")
    inputs = [name for name, value in node.inputs.items() if not is_link(value)]
    return words.format(title=node.title, field=field, inputs=listed(inputs, like=field) or _("none that can be set"))


def _no_node(title: str, prompt: Prompt) -> str:
    if title.startswith("#"):
        words = _("no node has the id “{id}”; ids: {ids}")
        return words.format(id=title[1:], ids=listed([node.id for node in prompt], like=title[1:]))
    titles = dict.fromkeys(node.title for node in prompt)
    words = _("no node has the title “{title}”; titles: {titles}")
    return words.format(title=title, titles=listed(titles, like=title))


def _output(title: Any, prompt: Prompt, faults: Faults) -> list[str]:
    nodes = nodes_called(str(title), prompt)
    if not nodes:
        faults.add(None, _("outputs: {reason}").format(reason=_no_node(str(title), prompt)))
    return nodes


def _check_sense(field: Field, own: Declared, faults: Faults) -> None:
    """Find contradictions, and keys that do not apply to this kind of field."""
    kind = field.kind
    numbers = [number for number in (own.minimum, own.maximum, own.step) if number is not None]
    if numbers and kind not in NUMERIC:
        faults.add(
            field.name, _("minimum, maximum and step are only for numbers, and this field is {kind}").format(kind=kind)
        )
    if not all(_is_plain(number, kind) for number in numbers):
        faults.add(field.name, _("minimum, maximum and step must be {type}").format(type=_NUMBER_WORDS[kind]))
    if own.minimum is not None and own.maximum is not None and own.minimum > own.maximum:
        faults.add(field.name, _("minimum is larger than maximum"))
    if own.step is not None and not own.step > 0:
        faults.add(field.name, _("step must be more than 0"))
    if (own.choices is not None or own.sets) and kind is not FieldKind.CHOICE:
        faults.add(field.name, _('choices are only for kind = "choice", and this field is {kind}').format(kind=kind))
    if own.max_length is not None and (kind is not FieldKind.TEXT or own.max_length < 1):
        faults.add(field.name, _("max_length is only for texts, and must be at least 1"))
    if own.multiline is not None and kind is not FieldKind.TEXT:
        faults.add(field.name, _("multiline is only for texts, and this field is {kind}").format(kind=kind))
    if own.more and field.required:
        faults.add(field.name, _("a required field cannot be under “More”: remove more, or say required = false"))
    if own.seed and kind is not FieldKind.INTEGER:
        faults.add(field.name, _("a seed must be an integer, and this field is {kind}").format(kind=kind))


def _check_default(field: Field, own: Declared, workflow: Workflow, faults: Faults) -> None:
    """Check the default, from the sidecar or from the graph: it must be a valid value."""
    unused = field.is_media or field.seed or field.required
    if field.seed and own.required:
        faults.add(field.name, _("a seed cannot be required, because it is random if left out"))
    if unused and own.default is not None:
        faults.add(field.name, _needless(field))
    if unused or (own.default is None and field.kind is FieldKind.CHOICE):
        return
    value, words = own.default, _("default: {reason}")
    if value is None:
        value, words = (
            workflow.literal(own.targets[0]),
            _("the graph's own value is not valid, so give a default: {reason}"),
        )
    try:
        if isinstance(value, str | int | float):
            field.parse(value)
    except BadValue as fault:
        faults.add(field.name, words.format(reason=fault.reason.rstrip(".")))


def _needless(field: Field) -> str:
    if field.is_media:
        return _("a file cannot have a default")
    if field.seed:
        return _(
            "a seed cannot have a default, because it is random if left out (seed = false makes it a plain integer)"
        )
    return _("a required field cannot have a default: remove one of the two")


def _check_targets(field: Field, own: Declared, workflow: Workflow, faults: Faults) -> None:
    for target in own.targets:
        literal = workflow.literal(target)
        if own.sets:
            _check_values(field.name, own, target, literal, faults)
        elif not _fits(field, literal):
            words = _("kind {kind} does not match “{input}” of “{title}”, which is {literal} in the graph")
            title = workflow.node(target).title
            faults.add(field.name, words.format(kind=field.kind, input=target.input, title=title, literal=literal))


def _check_values(name: str, own: Declared, target: Target, literal: Any, faults: Faults) -> None:
    """Check that each choice sets an input to a value of its kind."""
    for choice, values in own.sets:
        value = values[own.targets.index(target)]
        if isinstance(literal, str | int | float) and _sort(value) is not _sort(literal):
            words = _("choices: “{choice}” sets “{input}” to {value}, and it is {literal} in the graph")
            faults.add(name, words.format(choice=choice, input=target.input, value=value, literal=literal))


def _sort(value: str | float) -> type:
    return type(value) if isinstance(value, bool | str) else float


def _fits(field: Field, literal: Any) -> bool:
    """Tell whether the kind fits the graph's value. A choice may be a number there, and a number a text, but never a
    bool.
    """
    match literal:
        case bool():
            return field.kind is FieldKind.TOGGLE
        case int() | float():
            texts = [text for text in field.choices or () if isinstance(as_number(text), str)]
            return field.kind in (*NUMERIC, FieldKind.COLOR) or (field.kind is FieldKind.CHOICE and not texts)
        case str():
            return field.kind is not FieldKind.TOGGLE
        case _:
            return True


def _is_plain(number: float, kind: FieldKind) -> bool:
    finite = isinstance(number, int) or math.isfinite(number)
    return finite and (kind is not FieldKind.INTEGER or number == int(number))


def _is_a(value: Any, wanted: type | tuple[type, ...]) -> bool:
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))


def _type_words(wanted: type | tuple[type, ...]) -> str:
    if not isinstance(wanted, tuple):
        return _TYPE_WORDS[wanted]
    if dict in wanted:
        return _("a list, or a table")
    if list in wanted:
        return _("a text, or a list of texts")
    return _("a text, a number, true or false") if str in wanted else _("a number")


def _unknown_key(key: str, keys: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, keys, n=1)
    if near:
        return _("there is no key “{key}”; did you mean “{near}”?").format(key=key, near=near[0])
    return _("there is no key “{key}”; keys: {keys}").format(key=key, keys=", ".join(keys))
