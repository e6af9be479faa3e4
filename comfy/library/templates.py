"""A server's library of workflows: the index of all, a search in it, and one workflow's file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from comfy.errors import FileMissing, UnexpectedAnswer
from comfy.library.userdata import LARGEST_FILE

if TYPE_CHECKING:
    from comfy.http import Http

_LARGEST_INDEX = 16_000_000  # bytes; in 2026 it has half a megabyte
#: The languages that the library has of its own, beside English.
LANGUAGES = frozenset({"zh", "zh-TW", "ja", "ko", "es", "fr", "ru", "tr", "ar", "fa", "pt-BR"})
#: What a word that is found here counts in a search.
_NAME, _TITLE, _TAG, _MODEL, _DESCRIPTION = 16, 8, 4, 4, 1


@dataclass(frozen=True)
class Template:
    """A workflow of the library. `size` is that of its models in bytes, where the library says it; `is_paid` says that
    it has nodes that cost money. Those of a `pack` of custom nodes have a name alone. `inputs` and `outputs` are kinds
    of media. `also` are its texts in other languages, for the search.
    """

    name: str
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    size: int | None = None
    is_paid: bool = False
    usage: float = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    pack: str = ""
    also: tuple[str, ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """Its name among those of all packs."""
        return f"{self.pack}/{self.name}" if self.pack else self.name


async def index(http: Http, language: str = "en") -> tuple[Template, ...]:
    """Return all templates of a server, with their texts in a language where it has that. Raises `FileMissing` if it
    has no library.
    """
    english = read_index(await _get(http, "templates/index.json"))
    local: tuple[Template, ...] = ()
    if language in LANGUAGES:
        with suppress(FileMissing):
            local = read_index(await _get(http, f"templates/index.{language}.json"))
    return (*translated(english, local), *read_packs(await _packs(http)))


async def template(http: Http, wanted: Template) -> bytes:
    """Return the file of a template, as the editor saves workflows. Raises `FileMissing`."""
    folder = f"api/workflow_templates/{quote(wanted.pack, safe='')}" if wanted.pack else "templates"
    path = f"{folder}/{quote(wanted.name, safe='')}.json"
    status, body = await http.get(path, LARGEST_FILE, accept=(200, 404))
    if status == 404:
        raise FileMissing(f"the server has no template {wanted.id!r}", 404)
    return body


def read_index(data: Any) -> tuple[Template, ...]:
    """Read an index. An entry that is not as it should be is left out."""
    groups = [each.get("templates") for each in _objects(data)]
    entries = [_read(each) for group in groups for each in _objects(group)]
    return tuple({each.name: each for each in entries if each is not None}.values())


def read_packs(data: Any) -> tuple[Template, ...]:
    """Read which templates the packs of custom nodes bring."""
    packs = data.items() if isinstance(data, dict) else ()
    return tuple(Template(name, name, pack=str(pack)) for pack, names in packs for name in _texts(names))


def translated(english: Sequence[Template], local: Sequence[Template]) -> tuple[Template, ...]:
    """Return templates with the texts of another language where that has them. The English ones are still searched."""
    texts = {each.name: each for each in local}
    return tuple(
        each
        if (own := texts.get(each.name)) is None
        else replace(
            each,
            title=own.title or each.title,
            description=own.description or each.description,
            tags=own.tags or each.tags,
            also=(each.title, each.description, *each.tags),
        )
        for each in english
    )


def search(templates: Iterable[Template], text: str) -> list[Template]:
    """Return the templates that have all these words in their name, texts, tags or models: those that have them in
    their names first, and of these the ones that people use most.
    """
    words = _folded(text).split()
    found = [(score, each) for each in templates if (score := _score(each, words)) > 0]
    return [each for _score, each in sorted(found, key=lambda pair: (-pair[0], -pair[1].usage, pair[1].id))]


async def _get(http: Http, path: str) -> Any:
    status, body = await http.get(path, _LARGEST_INDEX, accept=(200, 404))
    if status == 404:
        raise FileMissing("the server has no library of templates", 404)
    return http.parsed(body, path)


async def _packs(http: Http) -> Any:
    """Return the templates of packs; older servers have no list of them."""
    try:
        return await _get(http, "api/workflow_templates")
    except UnexpectedAnswer:
        return {}


def _read(entry: Mapping[str, Any]) -> Template | None:
    name, io = entry.get("name"), entry.get("io")
    if not isinstance(name, str) or not name or "/" in name:
        return None
    inputs, outputs = (_kinds(io.get(side)) if isinstance(io, dict) else () for side in ("inputs", "outputs"))
    size, usage = entry.get("size"), entry.get("usage")
    return Template(
        name,
        _text(entry.get("title")) or name,
        _text(entry.get("description")),
        _texts(entry.get("tags")),
        _texts(entry.get("models")),
        int(size) if isinstance(size, int | float) and 0 <= size < 2**60 else None,
        entry.get("openSource") is False,
        usage if isinstance(usage, int | float) else 0,
        inputs,
        outputs,
    )


def _kinds(entries: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for each in _objects(entries) if (kind := _text(each.get("mediaType")))))


def _score(template: Template, words: Sequence[str]) -> int:
    fields = (
        (_NAME, (template.id,)),
        (_TITLE, (template.title,)),
        (_TAG, template.tags),
        (_MODEL, template.models),
        (_DESCRIPTION, (template.description, *template.also)),
    )
    folded = [(weight, _folded(" ".join(texts))) for weight, texts in fields]
    scores = [sum(weight for weight, text in folded if word in text) for word in words]
    return sum(scores) if all(scores) else 0


def _folded(text: str) -> str:
    """Return a text without capital letters, accents, and the marks that names have in place of spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("_", " ").replace("-", " ")
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _objects(data: Any) -> list[Mapping[str, Any]]:
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(text for each in values if (text := _text(each))) if isinstance(values, list) else ()
