"""Change the text of a NAME.toml. All else stays as it was, comments and order included."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.items import Item, Key, Table, Whitespace

from bot.core.workflows.languages import with_quoted_languages
from bot.core.workflows.sidecar import FIELD_KEYS

_HEADER = re.compile(r"""\[\s*fields\s*\.\s*(?:(?P<bare>[\w-]+)|"(?P<double>[^"]*)"|'(?P<single>[^']*)')\s*(?=[.\]])""")


def new(title: str, fields: Mapping[str, Mapping[str, Any]], outputs: Sequence[str] = ()) -> str:
    """Write a sidecar with a title, fields, and the nodes whose results are delivered."""
    chosen = {"outputs": list(outputs)} if outputs else {}
    return tomlkit.dumps({"title": title, **chosen, "fields": fields})


def describe(text: str, title: str, description: str) -> str:
    """Set the title and the description. A new description stands right below the title."""
    sidecar = tomlkit.parse(with_quoted_languages(text))
    sidecar["title"] = title
    if "description" in sidecar:
        sidecar["description"] = description
    else:  # as text, since a new key would come below the comment on the first field
        trivia = sidecar["title"].trivia
        trivia.trail = (trivia.trail or "\n") + tomlkit.dumps({"description": description})
    return tomlkit.dumps(sidecar)


def deliver(text: str, outputs: Sequence[str]) -> str:
    """Set the nodes whose results are delivered; with none, those of all nodes are."""
    sidecar = tomlkit.parse(with_quoted_languages(text))
    if outputs:
        sidecar["outputs"] = list(outputs)
    else:
        sidecar.pop("outputs", None)
    return tomlkit.dumps(sidecar)


def set_field(text: str, name: str, settings: Mapping[str, Any]) -> str:
    """Give a field these keys and no others. A field that is there keeps its place; a new one comes last."""
    sidecar = _parsed(text)
    fields = sidecar.setdefault("fields", tomlkit.table(is_super_table=True))
    keys = {key: value for key, value in settings.items() if key in FIELD_KEYS}
    field = fields.setdefault(name, keys)
    below = _cut_below(field)
    for key in [key for key in field if key not in keys and "." not in key]:  # translations stay
        del field[key]
    field.update(keys)
    field.value.body.extend((None, each) for each in below)
    return tomlkit.dumps(sidecar)


def retarget(text: str, targets: Mapping[str, str | Sequence[str]]) -> str:
    """Have fields set other inputs. All else of them stays."""
    if not targets:
        return text
    sidecar = _parsed(text)
    for name, target in targets.items():
        sidecar["fields"][name]["target"] = target
    return tomlkit.dumps(sidecar)


def remove_field(text: str, name: str) -> str:
    """Remove a field, if it is there. The comments below it stay: they are about the next one."""
    sidecar = _parsed(text)
    fields = sidecar.get("fields", {})
    if name not in fields:
        return text
    below = "".join(each.as_string() for each in _cut_below(fields[name]))
    at = next(number for number, (key, _item) in enumerate(fields.value.body) if key and key.key == name)
    del fields[name]
    fields.value.body[at] = (None, Whitespace(below))  # a comment would make a table [fields] of its own
    return tomlkit.dumps(sidecar)


def rename_field(text: str, old: str, new: str) -> str:
    """Give a field another name at its place."""
    head, blocks = _blocks(text)
    renamed = [(new if name == old else name, _with_name(block, old, new)) for name, block in blocks]
    data = tomllib.loads(with_quoted_languages(text))
    wanted = {new if name == old else name: table for name, table in data.get("fields", {}).items()}
    return _joined(head, renamed, {**data, "fields": wanted})


def arrange(text: str, order: Sequence[str]) -> str:
    """Put the fields into an order, each with the comment above it. Those that it does not name come last."""
    head, blocks = _blocks(text)
    data = tomllib.loads(with_quoted_languages(text))
    names = list(data.get("fields", {}))
    wanted = [*(each for each in order if each in names), *(each for each in names if each not in order)]
    if wanted == names:
        return text
    ordered = sorted(blocks, key=lambda each: wanted.index(each[0]) if each[0] in wanted else len(wanted))
    return _joined(head, ordered, {**data, "fields": {name: data["fields"][name] for name in wanted}})


def line_of(text: str, field: str | None) -> int | None:
    """Return the number of the line at which a field begins; None if that cannot be told."""
    for number, line in enumerate(text.splitlines(), 1):
        if field is not None and _name_in(line) == field:
            return number
    return None


def _blocks(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Cut a sidecar into what stands above its fields, and each field with the comment above it."""
    lines = text.splitlines(keepends=True)
    starts: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        name = _name_in(line)
        if name is None or (starts and starts[-1][1] == name):
            continue
        first = number
        while first and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        starts.append((first, name))
    ends = [*(first for first, _name in starts), len(lines)][1:]
    head = "".join(lines[: starts[0][0]] if starts else lines)
    return head, [(name, "".join(lines[first:end])) for (first, name), end in zip(starts, ends, strict=True)]


def _joined(head: str, blocks: Sequence[tuple[str, str]], wanted: Mapping[str, Any]) -> str:
    """Put a sidecar together. If that does not say what is `wanted`, as with dotted keys, it loses its comments."""
    whole = [block if block.endswith("\n\n") else f"{block.rstrip()}\n\n" for _name, block in blocks]
    text = f"{head}{''.join(whole)}".rstrip("\n") + "\n"
    try:
        found = tomllib.loads(with_quoted_languages(text))
    except ValueError:
        found = {}
    is_same = found == wanted and list(found.get("fields", {})) == list(wanted["fields"])
    return text if is_same else tomlkit.dumps(wanted)


def _name_in(line: str) -> str | None:
    found = _HEADER.match(line)
    return next((each for each in found.groups() if each is not None), "") if found else None


def _with_name(block: str, old: str, new: str) -> str:
    key = tomlkit.key(new).as_string()

    def renamed(line: str) -> str:
        found = _HEADER.match(line)
        return f"[fields.{key}{line[found.end() :]}" if found and _name_in(line) == old else line

    return "".join(map(renamed, block.splitlines(keepends=True)))


def _parsed(text: str) -> TOMLDocument:
    """Parse a sidecar. If its fields are not a table each, which tomlkit cannot change well, it loses its comments."""
    sidecar = tomlkit.parse(with_quoted_languages(text))
    fields = sidecar.get("fields", tomlkit.table())
    if isinstance(fields, Table) and all(_is_table(*each) for each in fields.value.body):
        return sidecar
    return tomlkit.parse(tomlkit.dumps(sidecar.unwrap()))


def _is_table(key: Key | None, item: Item) -> bool:
    return key is None or (isinstance(item, Table) and not key.is_dotted())


def _cut_below(field: Table) -> list[Item]:
    """Take away the comments and blank lines below the last key of a field."""
    body, below = field.value.body, list[Item]()
    while body and body[-1][0] is None:
        below.insert(0, body.pop()[1])
    return below
