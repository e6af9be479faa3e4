"""Change the text of a NAME.toml. All else stays as it was, comments and order included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.items import Item, Key, Table, Whitespace

from bot.core.workflows.languages import with_quoted_languages
from bot.core.workflows.sidecar import FIELD_KEYS


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
