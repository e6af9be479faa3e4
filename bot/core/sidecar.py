"""NAME.toml beside NAME.json: a workflow's title and fields, with every fault found in one reading."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from bot.core.errors import BadValue
from bot.core.form import MEDIA, NUMERIC, Field, FieldKind, listed
from bot.core.workflow import Declared, Target, Workflow
from bot.words import _
from comfy.prompt import Prompt, is_link

#: Every key of a sidecar, and of a field in it, with the type that it takes: docs/workflows.md explains each.
KEYS: Mapping[str, type | tuple[type, ...]] = {"title": str, "description": str, "outputs": list, "fields": dict}
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
    "choices": list,
    "max_length": int,
    "multiline": bool,
    "seed": bool,
}
_FIELD_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TAKEN = frozenset({"o", "out", "output", "server", "force", "help", "workflow"})  # options of the terminal's own
_TYPE_WORDS = {
    str: _("a text"),
    bool: _("true or false"),
    list: _("a list"),
    dict: _("a table"),
    int: _("a whole number"),
}


class Faults:
    """Collects what is wrong, with the field that it is wrong in."""

    def __init__(self) -> None:
        self.found: list[tuple[str | None, str]] = []

    def add(self, field: str | None, reason: str) -> None:
        self.found.append((field, reason))


def read_sidecar(name: str, prompt: Prompt, data: Mapping[str, Any], faults: Faults) -> Workflow:
    """The workflow that a sidecar describes; not to be used where anything was added to `faults`."""
    good = _checked(None, data, KEYS, faults)
    fields = good.get("fields", {})
    declared = tuple(
        read for field, table in fields.items() if (read := _read_field(field, table, prompt, faults)) is not None
    )
    outputs = tuple(node for title in good.get("outputs", ()) for node in _output(title, prompt, faults))
    workflow = Workflow(name, good.get("title") or name, good.get("description", ""), prompt, declared, tuple(outputs))
    if not faults.found:
        for field in workflow.form().fields:
            _check_sense(field, next(each for each in declared if each.name == field.name), faults)
    return workflow


def _checked(
    field: str | None, data: Mapping[str, Any], keys: Mapping[str, type | tuple[type, ...]], faults: Faults
) -> dict[str, Any]:
    """The entries that have a known key and the right type."""
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
        faults.add(name, _("a field's name has up to 32 small letters, digits, “-” and “_”"))
    elif name in _TAKEN:
        faults.add(name, _("this name is taken by an option of the command line; choose another"))
    if not isinstance(table, Mapping):
        faults.add(name, _("a field must be a table: [fields.{name}]").format(name=name))
        return None
    good = _checked(name, table, FIELD_KEYS, faults)
    targets = _targets(name, good.pop("target", None), prompt, faults)
    kind = _kind(name, good.pop("kind", None), faults)
    choices = good.pop("choices", None)
    texts = tuple(map(str, choices)) if choices is not None else None
    return Declared(name, targets, kind, choices=texts, **good) if targets else None


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
    texts = given if isinstance(given, list) else [given]
    found = [_target(name, str(text), prompt, faults) for text in texts]
    return tuple(target for target in found if target is not None) if all(found) else ()


def _target(name: str, text: str, prompt: Prompt, faults: Faults) -> Target | None:
    """Titles and the inputs of dynamic combos may have dots in them: take the split that fits."""
    splits = [(text[:at], text[at + 1 :]) for at in range(len(text)) if text[at] == "."][::-1]
    if not splits:
        faults.add(name, _("target “{text}” must be a node's title, a dot, and an input").format(text=text))
        return None
    matches = [(nodes, field) for title, field in splits if (nodes := _nodes(title, prompt))]
    for nodes, field in matches:
        if len(nodes) == 1 and field in prompt[nodes[0]].inputs:
            return _unlinked(name, Target(nodes[0], field), prompt, faults)
    faults.add(name, _mismatch(splits[0][0], matches, prompt))
    return None


def _unlinked(name: str, target: Target, prompt: Prompt, faults: Faults) -> Target | None:
    node = prompt[target.node_id]
    if not is_link(node.inputs[target.input]):
        return target
    words = _("“{input}” of “{title}” is linked to another node; setting it would cut that link")
    faults.add(name, words.format(input=target.input, title=node.title))
    return None


def _nodes(title: str, prompt: Prompt) -> list[str]:
    by_title = [node.id for node in prompt.titled(title)]
    if by_title or not title.startswith("#"):
        return by_title
    return [title[1:]] if title[1:] in prompt else []


def _mismatch(title: str, matches: list[tuple[list[str], str]], prompt: Prompt) -> str:
    if not matches:
        titles = dict.fromkeys(node.title for node in prompt)
        words = _("no node is titled “{title}”; titles: {titles}")
        return words.format(title=title, titles=listed(titles, like=title))
    nodes, field = matches[0]
    if len(nodes) > 1:
        words = _("{count} nodes are titled “{title}”: name one by its id, {ids}")
        ids = _(" or ").join(f"“#{node_id}.{field}”" for node_id in nodes)
        return words.format(count=len(nodes), title=prompt[nodes[0]].title, ids=ids)
    node = prompt[nodes[0]]
    words = _("“{title}” has no input “{field}”; inputs: {inputs}")
    return words.format(title=node.title, field=field, inputs=listed(node.inputs, like=field) or _("none"))


def _output(title: Any, prompt: Prompt, faults: Faults) -> list[str]:
    nodes = _nodes(str(title), prompt)
    if not nodes:
        titles = listed(dict.fromkeys(node.title for node in prompt), like=str(title))
        words = _("outputs: no node is titled “{title}”; titles: {titles}")
        faults.add(None, words.format(title=title, titles=titles))
    return nodes


def _check_sense(field: Field, declared: Declared, faults: Faults) -> None:
    """Contradictions that no value could satisfy, or that say something of the wrong kind of field."""
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        faults.add(field.name, _("minimum is larger than maximum"))
    bounded = declared.minimum is not None or declared.maximum is not None or declared.step is not None
    if bounded and field.kind not in NUMERIC:
        faults.add(
            field.name, _("minimum, maximum and step are for numbers, and this is {kind}").format(kind=field.kind)
        )
    if declared.choices is not None and field.kind is not FieldKind.CHOICE:
        faults.add(field.name, _("choices need kind = “choice”"))
    if declared.choices == ():
        faults.add(field.name, _("choices must not be empty"))
    if declared.max_length is not None and (field.kind is not FieldKind.TEXT or declared.max_length < 1):
        faults.add(field.name, _("max_length is for texts, and at least 1"))
    if declared.seed and field.kind is not FieldKind.INTEGER:
        faults.add(field.name, _("a seed must be an integer"))
    if declared.default is not None:
        _check_default(field, declared.default, faults)


def _check_default(field: Field, default: Any, faults: Faults) -> None:
    if field.kind in MEDIA:
        faults.add(field.name, _("a file has no default"))
        return
    try:
        field.parse(default)
    except BadValue as fault:
        faults.add(field.name, _("default: {reason}").format(reason=fault.reason.rstrip(".")))


def _is_a(value: Any, wanted: type | tuple[type, ...]) -> bool:
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))


def _type_words(wanted: type | tuple[type, ...]) -> str:
    if not isinstance(wanted, tuple):
        return _TYPE_WORDS[wanted]
    if list in wanted:
        return _("a text, or a list of texts")
    return _("a text, a number, true or false") if str in wanted else _("a number")


def _unknown_key(key: str, keys: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, keys, n=1)
    if near:
        return _("there is no key “{key}”; did you mean “{near}”?").format(key=key, near=near[0])
    return _("there is no key “{key}”; keys: {keys}").format(key=key, keys=", ".join(keys))
